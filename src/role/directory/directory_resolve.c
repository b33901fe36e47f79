/* RESOLVE: where an address leads, and MAY_SEND: whose it is.  One that we don't know, or that leads to one that we don't know, is only
   unknown when LDAP was looked at after it was asked for; until then, and when no server answers, it is "later". */
#include "base/map.h"
#include "base/memory.h"
#include "role/directory/directory_internal.h"
#include "role/directory/forwarding.h"
#include "role/targets.h"
#include "sys/disk.h"
#include "sys/time.h"

#include <string.h>

enum { UNKNOWNS_MAX = 4096, ABSENT_US = 2000000, UNTAKEN_OCTETS_MAX = 65536 };
/* A try for a list of thousands takes some milliseconds. */
enum { ROOM_TRIES_MAX = 40, ROOM_PAUSE_MS = 50, ROOM_WAITERS_MAX = 4 };

/* A front, somebody who asks why, a look-up, or none of them: gone, nobody waits. */
struct asker {
	struct peer *front;
	uint64_t request;
	struct explaining *why;
	void (*sure)(void *arg, bool is_sure);
	void *sure_arg;
	bool is_known; /* one of us sends */
	uint8_t tries; /* that found no room on the way to the store */
	uint16_t sender_len;
	uint8_t sender[ADDRESS_OCTETS_MAX]; /* of the mail */
};

static int64_t
now_s(void)
{
	return time_now().wall_us / 1000000;
}

/* An address that waits: for LDAP, or for room. */
struct unknown {
	struct directory *directory;
	struct unknown *next;
	struct asker asker;
	uint64_t account;
	struct timer timer;
	bool has_timer, is_waiting; /* for room, both; its turn has not come */
	bool is_sender; /* of MAY_SEND */
	size_t len;
	uint8_t address[];
};

static void resolve_for(struct directory *d, const struct asker *asker, struct bytes address, uint64_t account);

static enum ipc_outcome
put_targets(struct directory *d, uint8_t front, const struct targets *targets, enum ipc_target elsewhere, struct buf *out, uint8_t *has_quota)
{
	for (size_t i = 0; i < targets->count; i++) {
		const struct target *t = &targets->at[i];

		if (t->account && !grantor_give_delivery(d->grants, front, t->account))
			return IPC_LATER;
		*has_quota |= t->account && (t->account->quota.octets || t->account->quota.messages);
		put_u8(out, (uint8_t)(t->account ? TARGET_MAILBOX : t->is_onward ? TARGET_FOREIGN : elsewhere));
		put_u64(out, t->account ? t->account->number : 0);
		put_u16(out, (uint16_t)t->address.len);
		put_bytes(out, t->address);
	}
	return out->has_failed ? IPC_LATER : IPC_OK;
}

/* Do aliases of ours lead the mail to others? */
static bool
is_forward(const struct targets *targets)
{
	for (size_t i = 0; i < targets->count; i++)
		if (!targets->at[i].account && !targets->at[i].is_onward)
			return true;
	return false;
}

/* What the foreign addresses are, and whom their mail is from, when it is not the sender's any more. */
static enum ipc_target
put_sender(struct directory *d, const struct asker *asker, struct bytes address, const struct targets *targets, struct buf *out)
{
	if (!is_forward(targets))
		return TARGET_FOREIGN;
	return forwarding_put_sender(d->self->config, d->accounts, address, bytes_of(asker->sender, asker->sender_len), asker->is_known, now_s(), out);
}

/* Does the answer hold whoever asks, and whoever the mail is from? */
static bool
is_for_all(const struct directory *d, const struct targets *targets)
{
	return targets->count == 1 && targets->absent_count == 0 && targets->at[0].account && d->self->config->ldap_group_posting == GROUP_POSTING_ANYONE;
}

/* A front that can't be told is gone, and nobody waits; but for a list that has no room in a memory file or on its way. */
static void
tell_front(const struct asker *asker, struct message *m)
{
	bool is_told = peer_send(asker->front, m) == 0;

	if (m->fd_count == 0)
		return;
	disk_close(&m->fds[0]);
	m->fd_count = 0;
	m->u.resolved.outcome = IPC_LATER;
	if (!is_told && peer_send(asker->front, m) != 0)
		return;
}

/* A front that takes no answers must not fill the memory with lists that lie in files. */
static bool
may_have_list(struct peer *front, struct bytes list)
{
	return list.len <= IPC_TARGETS_INLINE || peer_untaken_octets(front) < UNTAKEN_OCTETS_MAX;
}

static size_t
count_waiters(const struct directory *d)
{
	size_t count = 0;

	for (const struct unknown *u = d->unknowns; u; u = u->next)
		count += u->is_waiting;
	return count;
}

/* Is there room soon on the way to the store, and to the front? */
static bool
may_wait_for_room(const struct directory *d, const struct asker *asker)
{
	return asker->tries < ROOM_TRIES_MAX && d->store && peer_is_connected(d->store) && count_waiters(d) < ROOM_WAITERS_MAX;
}

/* False: the store could not be told of all of them now, or the front has not taken what it was told before; soon it may be. */
static bool
answer_front(struct directory *d, const struct asker *asker, struct bytes address, enum ipc_outcome outcome, const struct targets *targets)
{
	struct message m = { .type = MESSAGE_RESOLVED };
	uint8_t space[ADDRESS_OCTETS_MAX];
	struct buf out, sender;

	buf_init(&out, TARGETS_OCTETS_MAX);
	buf_init_fixed(&sender, space, sizeof space);
	if (outcome == IPC_OK) {
		enum ipc_target elsewhere = put_sender(d, asker, address, targets, &sender);

		outcome = put_targets(d, grantee_of(asker->front), targets, elsewhere, &out,
			&m.u.resolved.has_quota);
		if (outcome == IPC_OK && !may_have_list(asker->front, buf_bytes(&out)))
			outcome = IPC_LATER;
		if (outcome != IPC_OK && may_wait_for_room(d, asker)) {
			buf_done(&out);
			return false;
		}
	}
	if (outcome == IPC_OK && !targets_attach(&m, buf_bytes(&out)))
		outcome = IPC_LATER;
	m.u.resolved.request = asker->request;
	m.u.resolved.outcome = (uint8_t)outcome;
	m.u.resolved.may_keep = outcome == IPC_OK && is_for_all(d, targets);
	m.u.resolved.sender = buf_bytes(&sender);
	tell_front(asker, &m);
	buf_done(&out);
	return true;
}

static void
answer_why(struct directory *d, const struct asker *asker, struct bytes address, enum ipc_outcome outcome, const struct targets *targets)
{
	uint8_t space[ADDRESS_OCTETS_MAX];
	struct buf sender;

	buf_init_fixed(&sender, space, sizeof space);
	if (outcome == IPC_OK)
		(void)put_sender(d, asker, address, targets, &sender);
	if (sender.len)
		trace(explain_trace(asker->why), TRACE_IN_NAME, TEXT("sender", buf_bytes(&sender)));
	explain_resolved(asker->why, outcome, sender.len ? buf_bytes(&sender) : bytes_of(asker->sender, asker->sender_len), targets);
}

static struct unknown *
unknown_new(struct directory *d, const struct asker *asker, struct bytes address, uint64_t account)
{
	struct unknown *u = memory_new(sizeof *u + address.len);

	u->directory = d;
	u->asker = *asker;
	u->account = account;
	u->has_timer = u->is_waiting = u->is_sender = false;
	u->len = address.len;
	if (u->len)
		memcpy(u->address, address.ptr, u->len);
	u->next = d->unknowns;
	d->unknowns = u;
	return u;
}

static void
free_unknown(struct timer *t)
{
	memory_free((uint8_t *)t - offsetof(struct unknown, timer));
}

static void
forget(struct unknown *u)
{
	struct unknown **at = &u->directory->unknowns;

	while (*at != u)
		at = &(*at)->next;
	*at = u->next;
	if (u->has_timer)
		timer_close(&u->timer, free_unknown);
	else
		memory_free(u);
}

static void
try_again(struct timer *t)
{
	struct unknown *u = (struct unknown *)((uint8_t *)t - offsetof(struct unknown, timer));

	u->asker.tries++;
	u->is_waiting = false;
	if (u->asker.front)
		resolve_for(u->directory, &u->asker, bytes_of(u->address, u->len), u->account);
	forget(u);
}

static void
wait_for_room(struct directory *d, const struct asker *asker, struct bytes address, uint64_t account)
{
	struct unknown *u = unknown_new(d, asker, address, account);

	u->has_timer = u->is_waiting = true;
	timer_init(&u->timer, d->self->loop, try_again);
	timer_start(&u->timer, ROOM_PAUSE_MS, 0);
}

static void
answer(struct directory *d, const struct asker *asker, struct bytes address, uint64_t account, enum ipc_outcome outcome, const struct targets *targets)
{
	if (asker->why)
		answer_why(d, asker, address, outcome, targets);
	else if (!answer_front(d, asker, address, outcome, targets))
		wait_for_room(d, asker, address, account);
}

/* A report for who sent what we sent on; with anything else, whoever learns the address would reach him through us. */
static enum ipc_outcome
resolve_return(struct directory *d, const struct asker *asker, struct bytes address, struct targets *targets)
{
	const struct trace *told = explain_trace(asker->why);
	bool is_report = asker->sender_len == 0;
	struct buf sender;
	enum ipc_outcome outcome;

	buf_init_fixed(&sender, targets->sender, sizeof targets->sender);
	outcome = forwarding_find_sender(d->self->config, address, now_s(), &sender);
	if (outcome == IPC_ABSENT)
		trace(told, TRACE_NO_SENDER, TEXT("address", address));
	else if (outcome == IPC_OK)
		trace(told, is_report ? TRACE_SENDER : TRACE_REPORTS_ALONE, TEXT("address", address), TEXT("sender", buf_bytes(&sender)));
	if (outcome == IPC_OK && !is_report)
		outcome = IPC_ABSENT;
	targets->count = outcome == IPC_OK;
	targets->octets = targets->absent_count = 0;
	targets->at[0] = (struct target){ .address = buf_bytes(&sender) };
	return outcome;
}

/* An address that is absent is among targets->absent. */
static enum ipc_outcome
resolve(struct directory *d, const struct asker *asker, struct bytes address, uint64_t account, struct targets *targets)
{
	enum ipc_outcome outcome = resolve_return(d, asker, address, targets);

	if (outcome == IPC_FOREIGN) {
		accounts_watch(d->accounts, explain_trace(asker->why));
		outcome = accounts_resolve(d->accounts, address, targets);
		if (outcome == IPC_OK)
			outcome = accounts_may_post(d->accounts, account, address);
		accounts_watch(d->accounts, NULL);
	}
	if (outcome == IPC_ABSENT && targets->absent_count == 0)
		targets->absent[targets->absent_count++] = address;
	return outcome;
}

/* Would some of the mail go to nobody? */
static bool
is_lacking(enum ipc_outcome outcome, const struct targets *targets)
{
	return outcome == IPC_ABSENT || (outcome == IPC_OK && targets->absent_count > 0);
}

bool
directory_is_sure(const struct directory *d)
{
	return accounts_are_loaded(d->accounts) && d->retry_ms == 0 && (!d->ldap || ldap_source_is_up(d->ldap));
}

static struct absent *
absent_place(struct directory *d, uint64_t hash)
{
	return &d->absent[hash % ABSENT_MAX];
}

static void
remember_absent(struct directory *d, const struct targets *targets)
{
	for (size_t i = 0; i < targets->absent_count; i++) {
		uint64_t hash = map_hash(targets->absent[i]);

		*absent_place(d, hash) = (struct absent){ hash, time_now().mono_us + ABSENT_US };
	}
}

/* Were they looked for in vain a moment ago? */
static bool
were_absent(struct directory *d, const struct targets *targets)
{
	for (size_t i = 0; i < targets->absent_count; i++) {
		uint64_t hash = map_hash(targets->absent[i]);
		const struct absent *place = absent_place(d, hash);

		if (place->hash != hash || time_now().mono_us >= place->until_us)
			return false;
	}
	return directory_is_sure(d);
}

static void
resolve_when_sure(struct unknown *u, bool is_sure)
{
	struct directory *d = u->directory;
	struct bytes address = bytes_of(u->address, u->len);
	enum ipc_outcome outcome;

	outcome = resolve(d, &u->asker, address, u->account, d->targets);
	if (is_lacking(outcome, d->targets) && !is_sure)
		outcome = IPC_LATER;
	if (is_lacking(outcome, d->targets) && u->asker.front)
		remember_absent(d, d->targets);
	answer(d, &u->asker, address, u->account, outcome, d->targets);
}

/* An address that is unknown, or leads to one that is, may be the account's in truth. */
static bool
is_lacking_sender(const struct directory *d, enum ipc_outcome outcome)
{
	return outcome == IPC_DENIED && accounts_met(d->accounts)->absent_count > 0;
}

static void
answer_sender(const struct asker *asker, enum ipc_outcome outcome)
{
	struct message m = { .type = MESSAGE_MAY_SEND_RESULT };

	m.u.may_send_result.request = asker->request;
	m.u.may_send_result.outcome = (uint8_t)outcome;
	if (peer_send(asker->front, &m) != 0)
		return; /* it is gone, and nobody waits */
}

static void
decide_when_sure(struct unknown *u, bool is_sure)
{
	struct directory *d = u->directory;
	enum ipc_outcome outcome = accounts_may_send(d->accounts, u->account, bytes_of(u->address, u->len));
	bool is_lacking = is_lacking_sender(d, outcome);

	if (is_lacking && is_sure)
		remember_absent(d, accounts_met(d->accounts));
	answer_sender(&u->asker, is_lacking && !is_sure ? IPC_LATER : outcome);
}

/* May somebody be called so whom LDAP alone knows?  Then the name is all of d->targets->absent. */
static bool
is_unknown(struct directory *d, struct bytes name)
{
	struct targets *t = d->targets;

	if (accounts_resolve(d->accounts, name, t) != IPC_ABSENT || (t->absent_count > 0 && !bytes_equal(t->absent[0], name)))
		return false;
	t->absent[0] = name;
	t->absent_count = 1;
	return true;
}

static void
confirm_when_sure(struct unknown *u, bool is_sure)
{
	struct directory *d = u->directory;

	if (is_sure && is_unknown(d, bytes_of(u->address, u->len)))
		remember_absent(d, d->targets);
	u->asker.sure(u->asker.sure_arg, is_sure);
}

static void
on_sure(void *arg, bool was_answered)
{
	struct unknown *u = arg;
	bool is_sure = was_answered && directory_is_sure(u->directory);

	trace(explain_trace(u->asker.why), TRACE_LOOKED, STR("result", was_answered ? "it was answered" : "no server answered"));
	if (u->asker.sure)
		confirm_when_sure(u, is_sure);
	else if (u->is_sender && u->asker.front)
		decide_when_sure(u, is_sure);
	else if (u->asker.front || u->asker.why)
		resolve_when_sure(u, is_sure);
	forget(u);
}

/* Until it was asked for what is absent.  NULL: too many wait. */
static struct unknown *
wait_for_ldap(struct directory *d, const struct asker *asker, struct bytes address, uint64_t account, const struct targets *targets)
{
	struct unknown *made;
	size_t count = 0;

	for (const struct unknown *u = d->unknowns; u; u = u->next)
		if (++count == UNKNOWNS_MAX)
			return NULL;
	made = unknown_new(d, asker, address, account);
	ldap_source_confirm(d->ldap, targets->absent, targets->absent_count, on_sure, made);
	return made;
}

static void
resolve_for(struct directory *d, const struct asker *asker, struct bytes address, uint64_t account)
{
	const struct trace *told = explain_trace(asker->why);
	enum ipc_outcome outcome = resolve(d, asker, address, account, d->targets);

	if (is_lacking(outcome, d->targets) && !d->ldap && !directory_is_sure(d))
		outcome = IPC_LATER;
	if (!is_lacking(outcome, d->targets) || !d->ldap) {
		answer(d, asker, address, account, outcome, d->targets);
	} else if (were_absent(d, d->targets)) {
		trace(told, TRACE_ABSENT_BEFORE);
		answer(d, asker, address, account, outcome, d->targets);
	} else if (!wait_for_ldap(d, asker, address, account, d->targets)) {
		trace(told, TRACE_QUEUE_FULL);
		answer(d, asker, address, account, IPC_LATER, d->targets);
	}
}

/* One that is longer than any address is nobody's. */
static void
keep_sender(struct asker *asker, struct bytes sender)
{
	if (sender.len == 0 || sender.len > sizeof asker->sender)
		return;
	memcpy(asker->sender, sender.ptr, sender.len);
	asker->sender_len = (uint16_t)sender.len;
}

void
directory_resolve(struct directory *d, struct peer *front, const struct ipc_resolve *m)
{
	struct asker asker = { .front = front, .request = m->request, .is_known = m->is_known };

	keep_sender(&asker, m->sender);
	resolve_for(d, &asker, m->address, m->account);
}

void
directory_resolve_why(struct directory *d, struct explaining *why, bool is_known, struct bytes sender, struct bytes address, uint64_t account)
{
	struct asker asker = { .why = why, .is_known = is_known };

	keep_sender(&asker, sender);
	resolve_for(d, &asker, address, account);
}

enum ipc_outcome
directory_may_send(struct directory *d, uint64_t account, struct bytes address)
{
	enum ipc_outcome outcome = accounts_may_send(d->accounts, account, address);

	return is_lacking_sender(d, outcome) && !directory_is_sure(d) ? IPC_LATER : outcome;
}

void
directory_ask_may_send(struct directory *d, struct peer *front, const struct ipc_may_send *m)
{
	struct asker asker = { .front = front, .request = m->request };
	enum ipc_outcome outcome = d->ldap ? accounts_may_send(d->accounts, m->account, m->address) : directory_may_send(d, m->account, m->address);
	const struct targets *met = accounts_met(d->accounts);
	struct unknown *u;

	if (!is_lacking_sender(d, outcome) || !d->ldap || were_absent(d, met)) {
		answer_sender(&asker, outcome);
		return;
	}
	u = wait_for_ldap(d, &asker, m->address, m->account, met);
	if (u)
		u->is_sender = true;
	else
		answer_sender(&asker, IPC_LATER);
}

bool
directory_confirm(struct directory *d, struct bytes name, void (*sure)(void *arg, bool is_sure), void *arg)
{
	struct asker asker = { .sure = sure, .sure_arg = arg };
	struct address space;
	struct bytes address = accounts_fold_name(d->accounts, name, &space);

	if (!d->ldap || !is_unknown(d, address) || were_absent(d, d->targets))
		return false;
	ldap_source_confirm(d->ldap, &address, 1, on_sure, unknown_new(d, &asker, address, 0));
	return true;
}

void
directory_forget_unknowns(struct directory *d, const struct peer *front)
{
	for (struct unknown *u = d->unknowns; u; u = u->next)
		if (u->asker.front == front)
			u->asker.front = NULL;
}

void
directory_free_unknowns(struct directory *d)
{
	while (d->unknowns) {
		explain_free(&d->unknowns->asker.why);
		forget(d->unknowns);
	}
}
