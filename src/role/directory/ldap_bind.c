/* The loop's thread owns everything but the attempts that are with the pool, whose threads own a link each while they are at
   one; attempts come back through `finished`.

   When no server answers, that is the answer to everybody at once, and only a probe keeps asking: nobody waits for a time-out that
   somebody has waited for already.

   A refusal says by its time nothing of the account: a name that has none is tried as an entry that there is not (never as
   another account's, which a policy might lock), and no refusal is told before its time (bind_pace.h).

   A password that was right is remembered, when the administrator wants it, and counts only while no server answers. */
#include "role/directory/ldap_bind.h"

#include "base/event.h"
#include "base/map.h"
#include "base/memory.h"
#include "role/directory/bind_pace.h"
#include "role/directory/ldap_bind_probe.h"
#include "role/directory/password.h"
#include "role/directory/record.h"
#include "role/directory/remembered.h"
#include "sys/pool.h"
#include "sys/time.h"

#include <string.h>

enum { ARENA_MAX = 65536, MS_US = 1000, MEAN_OF = 16 };

static const char too_many[] = "too many log-ins at once";
static const char of_memory[] = "no LDAP server answers, and the password was right before";

struct attempt {
	struct job job;
	struct ldap_bind *owner;
	struct attempt *next; /* in the free, the finished or the held list */
	uint64_t account; /* 0: none, or not taken */
	uint64_t party; /* 0: none, or not taken */
	bool is_decoy;
	bool is_spoiled; /* the account changed meanwhile */
	uint8_t secret_digest[REMEMBERED_DIGEST_OCTETS];
	int64_t asked_us, began_us, ended_us, due_us; /* mono */
	enum ldap_verdict verdict;
	struct fault why;
	void (*done)(void *arg, const struct ldap_bind_answer *answer);
	void *arg;
	size_t secret_len;
	uint8_t secret_password[PASSWORD_OCTETS_MAX];
	char dn[RECORD_ENTRY_MAX + LDAP_BIND_RDN_MAX];
};

struct shelf {
	atomic_flag is_taken;
	struct ldap_bind_link link;
};

struct ldap_bind {
	struct loop *loop;
	struct arena *arena;
	struct ldap_bind_servers servers;
	struct wake wake;
	struct timer hold, watchdog, expiry;
	int open_handles; /* wake and timers */
	struct pool *pool;
	struct ldap_bind_probe *probe;
	_Atomic(struct attempt *) finished;
	atomic_bool is_ending, is_away;
	struct attempt *free, *held;
	size_t working; /* attempts that are with the pool */
	size_t shelf_count;
	struct shelf *shelves; /* one a thread */
	/* what it was like */
	struct bind_pace pace;
	struct remembered *remembered; /* NULL: nothing is */
	uint64_t answered, refused, put_off, recalled;
	int64_t mean_us;
	struct attempt attempts[LDAP_BIND_WAITING_MAX];
};

/* ---- on the threads */

/* There are as many shelves as threads: one is free. */
static struct shelf *
take_shelf(struct ldap_bind *b)
{
	for (size_t i = 0;; i = (i + 1) % b->shelf_count)
		if (!atomic_flag_test_and_set(&b->shelves[i].is_taken))
			return &b->shelves[i];
}

static void
ask_server(struct attempt *t)
{
	struct shelf *shelf = take_shelf(t->owner);

	t->verdict = ldap_bind_link_try(&shelf->link, t->dn, bytes_of(t->secret_password, t->secret_len), &t->why);
	atomic_flag_clear(&shelf->is_taken);
}

static void
give_up(struct attempt *t, enum ldap_verdict verdict, const char *why)
{
	t->verdict = verdict;
	(void)fault_set(&t->why, FAULT_TEMP, "%s", why);
}

static void
run(struct job *job)
{
	struct attempt *t = (struct attempt *)job;
	struct ldap_bind *b = t->owner;

	t->began_us = time_now().mono_us;
	if (atomic_load(&b->is_away))
		give_up(t, LDAP_VERDICT_AWAY, ldap_verdict_reason(LDAP_VERDICT_AWAY));
	else if (atomic_load(&b->is_ending) || t->began_us - t->asked_us >= b->servers.wire.timeout_us)
		give_up(t, LDAP_VERDICT_LATER, too_many);
	else
		ask_server(t);
	memory_wipe(t->secret_password, t->secret_len);
	t->ended_us = time_now().mono_us;
	t->next = atomic_load(&b->finished);
	while (!atomic_compare_exchange_weak(&b->finished, &t->next, t))
		;
	wake_send(&b->wake);
}

/* ---- on the loop: the watch */

static void
keep_watch(struct ldap_bind *b)
{
	int64_t now_us = time_now().mono_us, least_us = b->servers.wire.timeout_us;

	for (size_t i = 0; i < b->shelf_count; i++) {
		int64_t left_us = ldap_bind_link_watch(&b->shelves[i].link, now_us);

		least_us = left_us < least_us ? left_us : least_us;
	}
	timer_start(&b->watchdog, (uint64_t)least_us / MS_US + 1, 0);
}

static void
watchdog_fired(struct timer *timer)
{
	struct ldap_bind *b = (void *)((uint8_t *)timer - offsetof(struct ldap_bind, watchdog));

	if (b->working > 0)
		keep_watch(b);
}

/* ---- is there a server? */

static void
note_away(struct ldap_bind *b, const char *reason)
{
	if (!atomic_exchange(&b->is_away, true))
		event(NULL, EV_LDAP_BIND_AWAY, STR("reason", reason));
}

static void
note_back(struct ldap_bind *b)
{
	if (atomic_exchange(&b->is_away, false))
		event(NULL, EV_LDAP_BIND_BACK, STR("server", b->servers.at[atomic_load(&b->servers.current)]));
}

static void
probed(void *arg, bool has_found)
{
	struct ldap_bind *b = arg;

	if (has_found)
		note_back(b);
	ldap_bind_probe_plan(b->probe, atomic_load(&b->is_away));
}

/* ---- what is remembered */

static void
expire(struct ldap_bind *b)
{
	int64_t now_us = time_now().mono_us, next_us = remembered_expire(b->remembered, now_us);

	if (next_us)
		timer_start(&b->expiry, (uint64_t)(next_us - now_us) / MS_US + 1, 0);
}

static void
expiry_fired(struct timer *timer)
{
	expire((void *)((uint8_t *)timer - offsetof(struct ldap_bind, expiry)));
}

/* What a server said of an account's password. */
static void
remember(struct ldap_bind *b, const struct attempt *t)
{
	if (!b->remembered || t->is_decoy)
		return;
	switch (t->verdict) {
	case LDAP_VERDICT_LATER:
	case LDAP_VERDICT_AWAY:
	case LDAP_VERDICTS:
		break;
	case LDAP_VERDICT_RIGHT:
		if (!t->is_spoiled)
			remembered_put(b->remembered, t->account, t->secret_digest, time_now().mono_us);
		break;
	case LDAP_VERDICT_WRONG:
	case LDAP_VERDICT_EXPIRED:
	case LDAP_VERDICT_MUST_CHANGE:
	case LDAP_VERDICT_RESTRICTED:
		remembered_refuse(b->remembered, t->account, t->secret_digest);
		break;
	case LDAP_VERDICT_LOCKED:
	case LDAP_VERDICT_UNWILLING:
	case LDAP_VERDICT_DISABLED:
	case LDAP_VERDICT_ACCOUNT_EXPIRED:
		remembered_forget(b->remembered, t->account);
		break;
	}
	expire(b);
}

/* While no server answers. */
static bool
recall(struct ldap_bind *b, uint64_t account, const uint8_t digest[REMEMBERED_DIGEST_OCTETS])
{
	bool is_it = b->remembered && remembered_has(b->remembered, account, digest, time_now().mono_us);

	b->recalled += is_it;
	return is_it;
}

void
ldap_bind_forget(struct ldap_bind *b, uint64_t account)
{
	if (b->remembered)
		remembered_forget(b->remembered, account);
	for (size_t i = 0; i < LDAP_BIND_WAITING_MAX; i++)
		if (b->attempts[i].account == account)
			b->attempts[i].is_spoiled = true;
}

/* ---- attempts */

static bool
has_its_share(const struct ldap_bind *b, uint64_t party)
{
	size_t count = 0;

	for (size_t i = 0; party && i < LDAP_BIND_WAITING_MAX; i++)
		count += b->attempts[i].party == party;
	return count >= LDAP_BIND_WAITING_PARTY_MAX;
}

/* It goes back before anybody is told: `done` may try again. */
static void
tell(struct ldap_bind *b, struct attempt *t)
{
	void (*done)(void *arg, const struct ldap_bind_answer *answer) = t->done;
	void *arg = t->arg;
	struct fault why = t->why;
	const struct ldap_bind_answer answer = { t->verdict, why.text };

	t->account = t->party = 0;
	memory_wipe(t->secret_digest, sizeof t->secret_digest);
	t->next = b->free;
	b->free = t;
	done(arg, &answer);
}

static void
tell_held(struct ldap_bind *b)
{
	int64_t now_us = time_now().mono_us, next_us = INT64_MAX;
	struct attempt **at = &b->held, *due = NULL, *t;

	while ((t = *at) != NULL) {
		if (t->due_us <= now_us) {
			*at = t->next;
			t->next = due;
			due = t;
		} else {
			next_us = t->due_us < next_us ? t->due_us : next_us;
			at = &t->next;
		}
	}
	if (next_us != INT64_MAX)
		timer_start(&b->hold, (uint64_t)(next_us - now_us) / MS_US + 1, 0);
	while ((t = due) != NULL) {
		due = t->next;
		tell(b, t);
	}
}

static void
hold_fired(struct timer *timer)
{
	tell_held((void *)((uint8_t *)timer - offsetof(struct ldap_bind, hold)));
}

static bool
is_answer(enum ldap_verdict verdict)
{
	return verdict != LDAP_VERDICT_LATER && verdict != LDAP_VERDICT_AWAY;
}

/* A server answered. */
static void
learn(struct ldap_bind *b, struct attempt *t)
{
	int64_t took_us = t->ended_us - t->began_us;

	note_back(b);
	b->answered++;
	b->mean_us = b->mean_us ? b->mean_us + (took_us - b->mean_us) / MEAN_OF : took_us;
	if (t->is_decoy && ldap_verdict_knows(t->verdict))
		give_up(t, LDAP_VERDICT_WRONG, ldap_verdict_reason(LDAP_VERDICT_WRONG));
	if (!t->is_decoy)
		bind_pace_learn(&b->pace, took_us, t->ended_us);
	b->refused += t->verdict != LDAP_VERDICT_RIGHT;
	remember(b, t);
}

static void
hold(struct ldap_bind *b, struct attempt *t)
{
	t->due_us = t->began_us + bind_pace_hold_us(&b->pace, t->ended_us, b->servers.wire.timeout_us);
	t->next = b->held;
	b->held = t;
}

static void
finish(struct ldap_bind *b, struct attempt *t)
{
	b->working--;
	if (t->verdict == LDAP_VERDICT_AWAY)
		note_away(b, t->why.text);
	if (is_answer(t->verdict))
		learn(b, t);
	else if (t->verdict == LDAP_VERDICT_AWAY && !t->is_spoiled && recall(b, t->account, t->secret_digest))
		give_up(t, LDAP_VERDICT_RIGHT, of_memory);
	else
		b->put_off++;
	if (is_answer(t->verdict) && t->verdict != LDAP_VERDICT_RIGHT)
		hold(b, t);
	else
		tell(b, t);
}

/* What ended first comes first: of two answers to one password the later one counts. */
static struct attempt *
in_order(struct attempt *t)
{
	struct attempt *first = NULL;

	while (t) {
		struct attempt *next = t->next;

		t->next = first;
		first = t;
		t = next;
	}
	return first;
}

static void
woken(struct wake *wake)
{
	struct ldap_bind *b = (void *)((uint8_t *)wake - offsetof(struct ldap_bind, wake));
	struct attempt *t = in_order(atomic_exchange(&b->finished, NULL));

	while (t) {
		struct attempt *next = t->next;

		finish(b, t);
		t = next;
	}
	tell_held(b);
	ldap_bind_probe_plan(b->probe, atomic_load(&b->is_away));
}

static bool
put_dn(struct attempt *t, const struct ldap_bind_question *q)
{
	struct buf dn;

	buf_init_fixed(&dn, t->dn, sizeof t->dn);
	if (q->is_decoy)
		ldap_bind_link_put_decoy(&dn, q->dn);
	else
		put_bytes(&dn, q->dn);
	put_char(&dn, '\0');
	return !dn.has_failed;
}

static void
put_digest(const struct ldap_bind *b, const struct ldap_bind_question *q, uint8_t digest[REMEMBERED_DIGEST_OCTETS])
{
	if (b->remembered)
		remembered_digest(b->remembered, q->account, q->dn, q->secret_password, digest);
}

/* NULL: there is no room. */
static struct attempt *
take_attempt(struct ldap_bind *b, const struct ldap_bind_question *q)
{
	uint64_t party = q->party.len ? map_hash(q->party) | 1 : 0;
	struct attempt *t = b->free;

	if (!t || has_its_share(b, party) || !put_dn(t, q))
		return NULL;
	b->free = t->next;
	t->party = party;
	t->account = q->account;
	t->is_decoy = q->is_decoy;
	t->is_spoiled = false;
	put_digest(b, q, t->secret_digest);
	t->asked_us = time_now().mono_us;
	t->secret_len = q->secret_password.len;
	memcpy(t->secret_password, q->secret_password.ptr, t->secret_len);
	return t;
}

static void
start(struct ldap_bind *b, struct attempt *t)
{
	if (b->working++ == 0)
		keep_watch(b);
	t->job.run = run;
	pool_add(b->pool, NULL, &t->job);
}

/* An empty one makes a bind that succeeds without a password (RFC 4513 5.1.2), and behind a NUL some servers do not look. */
static bool
may_be_right(struct bytes secret_password)
{
	return secret_password.len > 0 && secret_password.len <= PASSWORD_OCTETS_MAX
		&& bytes_find_char(secret_password, '\0') == secret_password.len;
}

static struct ldap_bind_answer
answer_of(enum ldap_verdict verdict)
{
	return (struct ldap_bind_answer){ verdict, ldap_verdict_reason(verdict) };
}

static struct ldap_bind_answer
answer_without_server(struct ldap_bind *b, const struct ldap_bind_question *q)
{
	uint8_t digest[REMEMBERED_DIGEST_OCTETS] = { 0 };
	bool is_right;

	put_digest(b, q, digest);
	is_right = recall(b, q->account, digest);
	memory_wipe(digest, sizeof digest);
	b->put_off += !is_right;
	return is_right ? (struct ldap_bind_answer){ LDAP_VERDICT_RIGHT, of_memory } : answer_of(LDAP_VERDICT_AWAY);
}

bool
ldap_bind_try(struct ldap_bind *b, const struct ldap_bind_question *q, struct ldap_bind_answer *answer,
	void (*done)(void *arg, const struct ldap_bind_answer *answer), void *arg)
{
	struct attempt *t;

	*answer = answer_of(LDAP_VERDICT_WRONG);
	if (!may_be_right(q->secret_password) || q->dn.len == 0)
		return false;
	if (atomic_load(&b->is_away)) {
		*answer = answer_without_server(b, q);
		return false;
	}
	t = take_attempt(b, q);
	if (!t) {
		*answer = (struct ldap_bind_answer){ LDAP_VERDICT_LATER, too_many };
		b->put_off++;
		return false;
	}
	t->done = done;
	t->arg = arg;
	start(b, t);
	return true;
}

bool
ldap_bind_is_away(const struct ldap_bind *b)
{
	return atomic_load(&b->is_away);
}

void
ldap_bind_put_status(const struct ldap_bind *b, struct buf *out)
{
	put_format(out, " bind=%s bind_server=%s binds=%llu bind_refused=%llu bind_put_off=%llu bind_us=%lld",
		atomic_load(&b->is_away) ? "away" : "up", b->servers.at[atomic_load(&b->servers.current)], (unsigned long long)b->answered,
		(unsigned long long)b->refused, (unsigned long long)b->put_off, (long long)b->mean_us);
	if (b->remembered)
		put_format(out, " remembered=%zu recalled=%llu", remembered_count(b->remembered), (unsigned long long)b->recalled);
	for (size_t i = 0; i < b->servers.count; i++)
		put_format(out, " bind_answers%zu=%llu bind_errors%zu=%llu", i + 1,
			(unsigned long long)atomic_load(&b->servers.answers[i]), i + 1, (unsigned long long)atomic_load(&b->servers.errors[i]));
}

/* ---- beginning and end */

struct ldap_bind *
ldap_bind_new(struct loop *loop, const struct config *config)
{
	struct ldap_bind *b = NEW(struct ldap_bind);

	b->loop = loop;
	b->arena = arena_new("ldap bind", ARENA_MAX, ARENA_PLAIN);
	ldap_bind_servers_init(&b->servers, config, b->arena);
	if (config->ldap_remember_login_s)
		b->remembered = remembered_new(config->ldap_remember_login_s);
	for (size_t i = 0; i < LDAP_BIND_WAITING_MAX; i++) {
		b->attempts[i].owner = b;
		b->attempts[i].next = b->free;
		b->free = &b->attempts[i];
	}
	b->shelf_count = config->ldap_bind_connections;
	b->shelves = memory_new_array(b->shelf_count, sizeof *b->shelves);
	for (size_t i = 0; i < b->shelf_count; i++)
		ldap_bind_link_init(&b->shelves[i].link, &b->servers);
	wake_init(&b->wake, loop, woken);
	timer_init(&b->hold, loop, hold_fired);
	timer_init(&b->watchdog, loop, watchdog_fired);
	timer_init(&b->expiry, loop, expiry_fired);
	b->open_handles = 4;
	b->pool = pool_new(b->shelf_count);
	b->probe = ldap_bind_probe_new(loop, &b->servers, probed, b);
	return b;
}

/* The memory goes with the last of them. */
static void
closed(struct ldap_bind *b)
{
	if (--b->open_handles > 0)
		return;
	memory_wipe(b, sizeof *b);
	memory_free(b);
}

static void
wake_is_closed(struct wake *wake)
{
	closed((void *)((uint8_t *)wake - offsetof(struct ldap_bind, wake)));
}

static void
hold_is_closed(struct timer *timer)
{
	closed((void *)((uint8_t *)timer - offsetof(struct ldap_bind, hold)));
}

static void
watchdog_is_closed(struct timer *timer)
{
	closed((void *)((uint8_t *)timer - offsetof(struct ldap_bind, watchdog)));
}

static void
expiry_is_closed(struct timer *timer)
{
	closed((void *)((uint8_t *)timer - offsetof(struct ldap_bind, expiry)));
}

static void
end_threads(struct ldap_bind *b)
{
	atomic_store(&b->is_ending, true);
	for (size_t i = 0; i < b->shelf_count; i++)
		ldap_bind_link_cancel(&b->shelves[i].link);
	pool_free(&b->pool);
}

void
ldap_bind_free(struct ldap_bind **at)
{
	struct ldap_bind *b = *at;

	if (!b)
		return;
	*at = NULL;
	ldap_bind_probe_free(&b->probe);
	end_threads(b);
	for (size_t i = 0; i < b->shelf_count; i++)
		ldap_bind_link_done(&b->shelves[i].link);
	memory_free(b->shelves);
	remembered_free(&b->remembered);
	arena_free(&b->arena);
	wake_close(&b->wake, wake_is_closed);
	timer_close(&b->hold, hold_is_closed);
	timer_close(&b->watchdog, watchdog_is_closed);
	timer_close(&b->expiry, expiry_is_closed);
}
