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
   S8  A request that commits again, or waits for another, has let go of what it committed before, which its files hold
       or which it gave up: what a checkpoint waits for never waits for a checkpoint.  Records of one commit are a group (J10).

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
free_first_part(struct request *r)
{
	struct request_part *p = r->parts;

	r->parts = p->next;
	if (!r->parts)
		r->last_part = NULL;
	if (p->is_taken)
		journal_applied(r->engine->journal, &p->entry);
	buf_done(&p->text);
	memory_free(p);
}

void
request_let_go(struct request *r)
{
	while (r->parts && r->parts->is_sent)
		free_first_part(r);
}

void
request_log_done(struct request *r)
{
	while (r->parts)
		free_first_part(r);
}

static void
finish(struct request *r)
{
	r->finish(r, atomic_load(&r->committed));
}

static void
part_is_durable(struct journal_entry *entry, const struct fault *f)
{
	struct request_part *p = (void *)((uint8_t *)entry - offsetof(struct request_part, entry));
	struct request *r = p->request;

	if (f)
		atomic_store(&r->committed, IPC_LATER);
	if (atomic_fetch_sub(&r->parts_pending, 1) == 1)
		request_continue(r, finish);
}

/* What was made of a view that another program wrote must not be logged as the truth. */
static bool
is_sound(const struct mailbox *m)
{
	return !m || view_is_ours(&m->view);
}

/* group: 0 when it is the only one. */
static void
prepare_part(struct request_part *p, uint64_t group, uint32_t index)
{
	struct journal_entry *e = &p->entry;
	struct buf head;

	assert(!p->text.has_failed);
	p->is_sent = true;
	e->done = part_is_durable;
	e->next = p->next ? &p->next->entry : NULL;
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
}

/* -1 and *f: nothing of it stands in the journal. */
static int
send_parts(struct request *r, uint64_t group, struct fault *f)
{
	struct journal_entry *first = &r->parts->entry;

	if (!is_sound(r->mailbox) || !is_sound(r->target))
		return fault_set(f, FAULT_TEMP, "another program wrote an index");
	return group ? journal_append_group(r->engine->journal, first, f) : journal_commit(r->engine->journal, first, f);
}

void
request_commit(struct request *r, void (*finish_work)(struct request *r, enum ipc_outcome outcome))
{
	uint64_t group = 0;
	uint32_t count = 0;
	struct fault f;

	request_let_go(r); /* S8 */
	assert(r->parts);
	if (r->parts->next)
		group = atomic_fetch_add(&r->engine->next_file, 1) + 1;
	for (struct request_part *p = r->parts; p; p = p->next)
		prepare_part(p, group, count++);
	r->finish = finish_work;
	atomic_store(&r->committed, IPC_OK);
	atomic_store(&r->parts_pending, count);
	if (send_parts(r, group, &f) != 0) {
		atomic_store(&r->committed, f.kind == FAULT_LIMIT ? IPC_LIMIT : IPC_LATER);
		request_continue(r, finish);
		return;
	}
	/* Before it is freed: that is done on this strand. */
	for (struct request_part *p = r->parts; p; p = p->next)
		p->is_taken = true;
}
