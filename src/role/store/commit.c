/* From a request's records in the journal to what they say being done.

   A request prepares (what can fail is tried, nothing becomes visible), logs, and finishes.  Between
   the two it is nowhere but in memory and, at most, in the mailbox's tmp/.

   S1  Nothing is visible (in new/, cur/, the uidlist, the view) or answered before its record is durable.
   S2  What is answered with IPC_OK is in the journal, or in the Maildir and settled.
   S3  Requests of an account finish in the order of their records: what is logged about a mailbox is
       done in the order of the log, so that doing it again in that order ends at the same.
   S4  A uid is given once.  It is taken when the request prepares, and not given again when that fails.
   S5  A message stands in the uidlist before it stands in the view.
   S6  Names, uidlist and keywords say everything but what can be made anew; the view and the
       summaries may be deleted at any time.

   S7  Nothing is logged that was made of an index which another program wrote (index.h).

   A crash leaves: files in tmp/ that nobody knows (removed when the mailbox is opened next), records
   that are not done (recover.c does them), views that may be torn (of an earlier epoch: made anew). */
#include "role/store/request.h"

#include "role/store/mailbox.h"

#include <assert.h>

static void
add_part(struct request *r)
{
	struct request_part *p = NEW(struct request_part);

	p->request = r;
	buf_init(&p->text, ENGINE_RECORD_OCTETS + 65536);
	if (r->parts)
		r->last_part->next = p;
	else
		r->parts = p;
	r->last_part = p;
}

struct buf *
request_log(struct request *r, const struct mailbox *m)
{
	struct request_part *p = r->last_part;

	if (p && !p->is_sent && p->mailbox == m && p->text.len < ENGINE_RECORD_OCTETS)
		return &p->text;
	if (!p || p->is_sent || p->text.len >= ENGINE_RECORD_OCTETS)
		add_part(r);
	p = r->last_part;
	p->mailbox = m;
	put_record(&p->text,
		&(struct record){
			.kind = RECORD_MAILBOX,
			.path = bytes_text(m->account->path),
			.name = bytes_text(m->name),
			.guid = bytes_of(m->guid, sizeof m->guid),
			.uid_validity = m->uid_validity,
		});
	return &p->text;
}

void
request_log_body(struct request *r, struct bytes prefix, struct bytes octets)
{
	r->last_part->body[0] = prefix;
	r->last_part->body[1] = octets;
}

static void
finish(struct request *r)
{
	r->finish(r, !atomic_load(&r->has_part_failed));
}

static void
part_is_durable(struct journal_entry *entry, const struct fault *f)
{
	struct request_part *p = (void *)((uint8_t *)entry - offsetof(struct request_part, entry));
	struct request *r = p->request;

	if (f)
		atomic_store(&r->has_part_failed, true);
	if (atomic_fetch_sub(&r->parts_pending, 1) == 1)
		request_continue(r, finish);
}

/* What was made of a view that another program wrote must not be logged as the truth. */
static bool
is_sound(const struct mailbox *m)
{
	return !m || view_is_ours(&m->view);
}

static void
send_part(struct request *r, struct request_part *p, uint64_t group, uint32_t index)
{
	/* Parts share a sync, which who commits alone would make for each. */
	int (*send)(struct journal *, struct journal_entry *, struct fault *) = group ? journal_append : journal_commit;
	struct journal_entry *e = &p->entry;
	struct buf head;

	assert(!p->text.has_failed);
	p->is_sent = true;
	e->done = part_is_durable;
	e->piece_count = 0;
	buf_init_fixed(&head, p->head, sizeof p->head);
	if (group) {
		put_record(&head, &(struct record){ .kind = RECORD_PART, .group = group, .index = index, .is_last = !p->next });
		e->pieces[e->piece_count++] = buf_bytes(&head);
	}
	e->pieces[e->piece_count++] = buf_bytes(&p->text);
	for (size_t i = 0; i < 2; i++)
		if (p->body[i].len)
			e->pieces[e->piece_count++] = p->body[i];
	p->is_taken = is_sound(r->mailbox) && is_sound(r->target) && send(r->engine->journal, e, NULL) == 0;
	if (!p->is_taken)
		part_is_durable(e, &(struct fault){ .kind = FAULT_TEMP });
}

void
request_commit(struct request *r, void (*finish_work)(struct request *r, bool is_durable))
{
	struct request_part *first = r->parts, *next;
	size_t count = 0;
	uint64_t group = 0;

	while (first && first->is_sent)
		first = first->next;
	for (struct request_part *p = first; p; p = p->next)
		count++;
	assert(count > 0);
	if (count > 1)
		group = atomic_fetch_add(&r->engine->next_file, 1) + 1;
	atomic_store(&r->has_part_failed, false);
	r->finish = finish_work;
	atomic_store(&r->parts_pending, count);
	for (uint32_t i = 0; i < count; i++) {
		next = first->next; /* r may be gone when the last part was sent */
		send_part(r, first, group, i);
		first = next;
	}
}
