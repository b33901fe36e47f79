/* The account's total holds what each mailbox took when it was counted last (`counted` of those that are open); what an open one
   takes more or less since is found by looking at its head again.  A mailbox that is closed changes by nothing but its being
   opened: so its head, read without opening it, is what it takes, unless it was not closed in order.  Whatever is not followed
   (a folder made, deleted, put back by another program) makes the total unknown, and the next question counts anew.  A folder that
   can't be counted is left out for a while.  What is opened to be counted is closed again: there may be thousands. */
#include "role/store/usage.h"

#include "role/store/folders.h"
#include "role/store/handlers.h"
#include "role/store/index.h"
#include "role/store/mailbox.h"
#include "sys/time.h"

enum { NAMES_OCTETS_MAX = 16 * 1024 * 1024, COUNT_AGAIN_US = 60 * 1000000 };

static struct usage
usage_of_head(const struct view_head *head)
{
	return (struct usage){ atomic_load(&head->size_total), atomic_load(&head->messages) };
}

/* Unsigned: what became less wraps around, and back. */
static void
add(struct usage *to, struct usage more, struct usage less)
{
	to->octets += more.octets - less.octets;
	to->messages += more.messages - less.messages;
}

static void
settle(struct mailbox *m)
{
	struct engine_account *a = m->account;
	struct usage now = usage_of_head(m->view.head);

	add(&a->usage, now, m->counted);
	m->counted = now;
}

void
usage_opened(struct mailbox *m, bool is_same)
{
	m->counted = usage_of_head(m->view.head);
	m->account->is_usage_known &= is_same;
}

void
usage_closing(struct mailbox *m)
{
	if (m->account->is_usage_known && m->view.head)
		settle(m);
}

void
usage_forget(struct engine_account *a)
{
	a->is_usage_known = false;
}

bool
usage_is_limited(const struct engine_account *a)
{
	return atomic_load(&a->quota_octets) || atomic_load(&a->quota_messages);
}

static void
add_name(void *arg, struct bytes name)
{
	struct buf *names = arg;

	put_bytes(names, name);
	put_char(names, '\n');
}

/* False: it can't be opened, which was told of. */
static bool
count_closed(struct engine_account *a, struct bytes name)
{
	enum ipc_outcome outcome;
	struct mailbox *m = NULL;
	struct usage closed;

	if (index_peek(a, name, &closed.octets, &closed.messages)) {
		add(&a->usage, closed, (struct usage){ 0 });
		return true;
	}
	if (mailbox_open(a, name, &m, &outcome) != 0)
		return outcome == IPC_ABSENT;
	add(&a->usage, usage_of_head(m->view.head), (struct usage){ 0 });
	mailbox_close(&m);
	return true;
}

static bool
count_mailbox(struct engine_account *a, struct bytes name)
{
	struct mailbox *m = map_get(a->mailboxes, name);

	if (!m)
		return count_closed(a, name);
	m->counted = (struct usage){ 0 };
	settle(m);
	return true;
}

static bool
count_folders(struct engine_account *a)
{
	struct buf names;
	struct bytes rest;
	bool is_whole;

	buf_init(&names, NAMES_OCTETS_MAX);
	add_name(&names, BYTES("INBOX"));
	is_whole = folders_each(a, add_name, &names) == 0 && !names.has_failed;
	for (rest = buf_bytes(&names); rest.len;)
		is_whole &= count_mailbox(a, take_until(&rest, '\n'));
	buf_done(&names);
	return is_whole;
}

static void
count(struct engine_account *a)
{
	enum ipc_outcome outcome;
	bool is_whole;

	a->usage = (struct usage){ 0 };
	a->is_usage_known = false; /* what is closed on the way settles nothing */
	if (account_open(a, false, &outcome) == 0)
		is_whole = count_folders(a);
	else
		is_whole = outcome == IPC_ABSENT;
	a->is_usage_known = true;
	a->count_again_us = is_whole ? 0 : time_now().mono_us + COUNT_AGAIN_US;
}

struct usage
usage_now(struct engine_account *a)
{
	struct bytes name;
	size_t at = 0;
	void *value;

	if (!a->is_usage_known || (a->count_again_us && time_now().mono_us >= a->count_again_us))
		count(a);
	while (map_next(a->mailboxes, &at, &name, &value))
		settle(value);
	return a->usage;
}

static bool
fits(uint64_t used, uint64_t taken, uint64_t more, uint64_t limit)
{
	if (limit == 0)
		return true;
	return used <= limit && taken <= limit - used && more <= limit - used - taken;
}

bool
usage_has_room(struct engine_account *a, struct usage more)
{
	struct usage now;

	if (!usage_is_limited(a))
		return true;
	now = usage_now(a);
	return fits(now.octets, a->taken.octets, more.octets, atomic_load(&a->quota_octets))
		&& fits(now.messages, a->taken.messages, more.messages, atomic_load(&a->quota_messages));
}

bool
usage_take(struct request *r, struct usage more)
{
	if (!usage_has_room(r->account, more))
		return false;
	add(&r->account->taken, more, (struct usage){ 0 });
	add(&r->taken, more, (struct usage){ 0 });
	return true;
}

void
usage_give_back(struct request *r)
{
	add(&r->account->taken, (struct usage){ 0 }, r->taken);
	r->taken = (struct usage){ 0 };
}

/* A message has an octet at least. */
void
handle_may_deliver(struct request *r)
{
	uint64_t octets = r->m.u.may_deliver.octets;

	request_answer(r, usage_has_room(r->account, (struct usage){ octets ? octets : 1, 1 }) ? IPC_OK : IPC_OVER_QUOTA);
}

void
handle_get_quota(struct request *r)
{
	struct message reply = request_reply(r, IPC_OK);
	struct engine_account *a = r->account;
	struct usage now;

	if (!usage_is_limited(a)) {
		request_answer(r, IPC_ABSENT);
		return;
	}
	now = usage_now(a);
	reply.u.quota.octets = now.octets;
	reply.u.quota.messages = now.messages;
	reply.u.quota.quota_octets = atomic_load(&a->quota_octets);
	reply.u.quota.quota_messages = atomic_load(&a->quota_messages);
	request_send(r, &reply);
	request_done(r);
}

void
handle_ask_use(struct request *r)
{
	struct message reply = request_reply(r, IPC_OK);
	struct usage now = usage_now(r->account);

	reply.u.use.octets = now.octets;
	reply.u.use.messages = now.messages;
	request_send(r, &reply);
	request_done(r);
}
