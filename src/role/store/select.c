#include "role/store/handlers.h"

#include "role/store/failure.h"
#include "role/store/index.h"
#include "role/store/mailbox.h"
#include "role/store/names.h"
#include "role/store/scan.h"

#include <errno.h>

void
handle_session_end(struct engine_session *s)
{
	if (!s->selected)
		return;
	mailbox_remove_watcher(s->selected, s->outlet, s->outlet_epoch);
	mailbox_unpin(&s->selected);
}

bool
handle_selected(struct request *r)
{
	struct mailbox *m = r->session ? r->session->selected : NULL;
	enum ipc_outcome outcome = m ? IPC_ABSENT : IPC_INVALID;

	if (!m || m->is_gone || mailbox_make_sound(m, &outcome) != 0) {
		request_answer(r, outcome);
		return false;
	}
	r->mailbox = mailbox_pin(m);
	return true;
}

static void
answer_selected(struct request *r)
{
	struct message reply = request_reply(r, IPC_OK);
	struct mailbox *m = r->mailbox;
	struct engine_session *s = r->session;

	if (s->has_ended || index_descriptors(m, reply.fds) != 0) {
		request_fail(r, "open view", s->has_ended ? ECANCELED : errno);
		return;
	}
	reply.fd_count = 2;
	s->selected = mailbox_pin(m);
	s->is_read_only = r->m.u.select.is_read_only;
	mailbox_add_watcher(m, s->outlet, s->outlet_epoch);
	reply.u.selected.mailbox = m->number;
	reply.u.selected.recent_from = m->recent_from;
	if (!r->m.u.select.is_read_only)
		m->recent_from = m->uid_next;
	request_send(r, &reply);
	for (size_t i = 0; i < reply.fd_count; i++)
		disk_close(&reply.fds[i]);
	request_done(r);
}

static void
was_logged(struct request *r, enum ipc_outcome outcome)
{
	if (outcome != IPC_OK) {
		request_answer(r, outcome);
		return;
	}
	r->mailbox->is_logged = true;
	r->work = r->after_scan;
	r->work(r);
}

/* Goes on with `then` when the mailbox is up to date and its uidvalidity is sure to stay. */
static void
make_sure(struct request *r, void (*then)(struct request *r))
{
	r->after_scan = then;
	if (r->mailbox->is_logged) {
		then(r);
		return;
	}
	(void)request_log(r, r->mailbox);
	request_commit(r, was_logged);
}

static void
select_scanned(struct request *r)
{
	if (r->outcome != IPC_OK)
		request_answer(r, r->outcome);
	else
		make_sure(r, answer_selected);
}

void
handle_select(struct request *r)
{
	enum ipc_outcome outcome;

	handle_session_end(r->session);
	if (mailbox_open(r->account, r->m.u.select.name, &r->mailbox, &outcome) != 0)
		request_answer(r, outcome);
	else
		scan_then(r, select_scanned);
}

void
handle_deselect(struct request *r)
{
	handle_session_end(r->session);
	request_done(r);
}

static uint64_t
deleted_size(const struct mailbox *m)
{
	uint64_t size = 0;

	for (uint32_t i = 0; mailbox_next(m, &i, UINT32_MAX); i++)
		if (atomic_load(&m->view.records[i].flags) & VIEW_DELETED)
			size += atomic_load(&m->view.records[i].size);
	return size;
}

void
handle_told(struct request *r)
{
	struct mailbox *m = r->session->selected;
	uint32_t uid_next = r->m.u.told.uid_next;

	if (m && !m->is_gone && !r->session->is_read_only && uid_next > m->recent_from && uid_next <= m->uid_next)
		m->recent_from = uid_next;
	request_done(r);
}

static void
answer_status(struct request *r)
{
	struct message reply = request_reply(r, IPC_OK);
	struct ipc_status_result *s = &reply.u.status_result;
	const struct view_head *h = r->mailbox->view.head;
	uint32_t recent = 0;

	for (uint32_t i = mailbox_from(r->mailbox, r->mailbox->recent_from);
		mailbox_next(r->mailbox, &i, UINT32_MAX); i++)
		recent++;
	s->messages = atomic_load(&h->messages);
	s->recent = recent;
	s->unseen = atomic_load(&h->unseen);
	s->uid_next = atomic_load(&h->uid_next);
	s->uid_validity = h->uid_validity;
	s->deleted = atomic_load(&h->deleted);
	s->deleted_size = s->deleted ? deleted_size(r->mailbox) : 0;
	s->size = atomic_load(&h->size_total);
	s->modseq = atomic_load(&h->highest_modseq);
	request_send(r, &reply);
	request_done(r);
}

static void
status_scanned(struct request *r)
{
	if (r->outcome != IPC_OK)
		request_answer(r, r->outcome);
	else
		make_sure(r, answer_status);
}

void
handle_status(struct request *r)
{
	enum ipc_outcome outcome;

	if (mailbox_open(r->account, r->m.u.status.name, &r->mailbox, &outcome) != 0)
		request_answer(r, outcome);
	else
		scan_then(r, status_scanned);
}

static void
checked(struct request *r)
{
	request_answer(r, r->outcome);
}

/* What was done in the mailbox was durable before it was answered; what is left is what others did. */
void
handle_check(struct request *r)
{
	if (!handle_selected(r))
		return;
	names_settle(r->mailbox);
	scan_then(r, checked);
}

/* One takes the place of none, and of one of an older version, which is its first octet (proto/mime/summary.h).  Versions
   grow: no front can go on with that for ever. */
static bool
is_newer(const struct mailbox *m, const struct view_record *v, struct bytes summary)
{
	uint8_t version;

	if (summary.len == 0 || atomic_load(&v->summary_len) == 0)
		return summary.len > 0;
	return disk_read_all(m->summary_file, &version, 1, (off_t)atomic_load(&v->summary_at)) == 0
		&& summary.ptr[0] > version;
}

void
handle_put_summary(struct request *r)
{
	const struct ipc_put_summary *p = &r->m.u.put_summary;
	struct mailbox *m = r->session->selected;
	uint32_t index;
	uint64_t at, size = 0;

	if (m && !m->is_gone && view_is_ours(&m->view) && mailbox_find(m, p->uid, &index)) {
		struct view_record *v = &m->view.records[index];

		if (atomic_load(&v->size) == 0)
			size = p->size;
		if (is_newer(m, v, p->summary) && index_put_summary(m, v->object_id, p->summary, &at)) {
			view_set_summary(&m->view, index, at, (uint32_t)p->summary.len, size);
			mailbox_changed(m);
		}
	}
	request_done(r);
}
