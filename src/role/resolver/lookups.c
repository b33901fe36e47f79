/* The way of a question: `fresh`, waiting for a lane - `asking` one server after the other over it - answered, or over because it took
   too long.  In each state it stands in `open`, so that nobody asks the same a second time.

   Thousands of names whose servers are silent must not keep others from their answers: while somebody waits for a lane, a question that has been
   silent for its slice (pace.h) goes back in line (`again`), and is asked of the next server later.  A server that looks further for us
   goes on meanwhile, and has the answer then: that another one does not know ends nothing.  While fresh ones wait those have AGAIN_LANES alone.

   Bounds: LANES questions are asked at a time, LOOKUPS_MAX wait, WAITERS_MAX hear of them; who comes beyond hears "later". */
#include "role/resolver/lookups.h"

#include "base/event.h"
#include "base/map.h"
#include "base/memory.h"
#include "proto/dns/dns.h"
#include "role/resolver/pace.h"
#include "sys/random.h"

#include <stddef.h>
#include <string.h>
#include <sys/queue.h>

enum {
	LANES = 64,
	SERVERS_MAX = 8,
	LOOKUPS_MAX = 16384, /* each of 4,000 mails that a relay is at may ask for three */
	AGAIN_LANES = 16,
	SLICES_LOOK_MS = 5,
	WAITERS_MAX = 16384,
	TTL_MAX_S = 86400, /* RFC 8767 4 speaks of a week at most; a day is enough for what is asked again then */
	NEGATIVE_TTL_MAX_S = 900, /* RFC 2308 5: 1 to 3 hours are sensible; mail waits for what was just put right */
	FAILURE_TTL_S = 1, /* RFC 9520 3.2 */
	RECORDS_OCTETS_MAX = 32768, /* of LOOKED_UP */
	QUERY_OCTETS_MAX = 300,
	KEY_MAX = 256,
};

struct waiter {
	SLIST_ENTRY(waiter) link;
	lookup_answered answered;
	void *arg;
	uint64_t request;
};

struct lookup {
	struct lookups *owner;
	TAILQ_ENTRY(lookup) link; /* in `asking`, `fresh` or `again` */
	SLIST_HEAD(, waiter) waiters;
	struct lane *lane;
	struct timer deadline;
	size_t server, next_server; /* that is asked now, and after it */
	uint8_t had_their_say; /* a bit for each server that need not be asked again: it does not know, or was silent to the end */
	int64_t asked_us; /* it has its lane since */
	unsigned int slices, looks; /* it gave its lane away so often; was looked at so often since it has this one */
	bool is_trusted; /* the one that is asked now */
	bool has_heard; /* a server said something, though it did not know */
	int64_t began_us;
	enum ipc_record record;
	uint8_t key_octets[KEY_MAX];
	size_t key_len;
};

struct server {
	struct net_address address;
	bool is_trusted;
};

TAILQ_HEAD(lookup_list, lookup);

struct lookups {
	struct loop *loop;
	struct cache *cache;
	struct map *open;
	struct lookup_list asking, fresh, again;
	size_t asking_again; /* of asking: those that gave their lane away before */
	struct pace pace;
	struct timer slices; /* looks who has to give its lane away */
	struct lane *idle[LANES];
	size_t idle_count;
	struct lane *lanes[LANES];
	struct server servers[SERVERS_MAX];
	size_t server_count, waiter_count;
	uint32_t within_ms;
	bool is_beginning; /* in begin_next */
	bool is_slicing; /* the timer runs */
	bool is_away; /* told already that nobody answers */
	struct buf records;
};

static const enum dns_type types[IPC_RECORDS] = {
	[RECORD_A] = DNS_A,
	[RECORD_AAAA] = DNS_AAAA,
	[RECORD_MX] = DNS_MX,
	[RECORD_TXT] = DNS_TXT,
	[RECORD_PTR] = DNS_PTR,
	[RECORD_TLSA] = DNS_TLSA, [RECORD_CNAME] = DNS_CNAME,
};

static const struct cache_result later = { .answer = ANSWER_LATER };

/* The type, then the name in lower case. */
static struct bytes
key_of(const struct lookup *q)
{
	return bytes_of(q->key_octets, q->key_len);
}

static struct bytes
name_of(const struct lookup *q)
{
	return bytes_of(q->key_octets + 1, q->key_len - 1);
}

static void
put_key(uint8_t key[KEY_MAX], size_t *len, enum ipc_record record, struct bytes name)
{
	key[0] = (uint8_t)record;
	for (size_t i = 0; i < name.len; i++)
		key[i + 1] = byte_lower(name.ptr[i]);
	*len = name.len + 1;
}

static void begin_next(struct lookups *l);

static void
on_deadline_closed(struct timer *t)
{
	memory_free((char *)t - offsetof(struct lookup, deadline));
}

/* It stands nowhere, and has no lane. */
static void
leave_line(struct lookup *q)
{
	struct lookups *l = q->owner;

	TAILQ_REMOVE(q->lane ? &l->asking : q->slices ? &l->again : &l->fresh, q, link);
	if (q->lane) {
		l->idle[l->idle_count++] = q->lane;
		l->asking_again -= q->slices > 0;
	}
	q->lane = NULL;
}

/* Everybody is told, and the question is no more. */
static void
finish(struct lookup *q, const struct cache_result *result, uint32_t ttl_s)
{
	struct lookups *l = q->owner;

	(void)map_remove(l->open, key_of(q));
	leave_line(q);
	while (!SLIST_EMPTY(&q->waiters)) {
		struct waiter *w = SLIST_FIRST(&q->waiters);

		SLIST_REMOVE_HEAD(&q->waiters, link);
		l->waiter_count--;
		w->answered(w->arg, w->request, result, ttl_s);
		memory_free(w);
	}
	timer_close(&q->deadline, on_deadline_closed);
	begin_next(l);
}

/* Told once, until somebody answers again. */
static void
tell_of_servers(struct lookups *l, bool is_away)
{
	if (l->is_away == is_away)
		return;
	l->is_away = is_away;
	if (is_away)
		event(NULL, EV_RESOLVER_AWAY, INT("servers", l->server_count));
	else
		event(NULL, EV_RESOLVER_BACK);
}

static void
fail(struct lookup *q, const char *why)
{
	event(NULL, EV_LOOKUP_FAILED, TEXT("name", name_of(q)), INT("type", types[q->record]), STR("error", why));
	if (!q->has_heard)
		tell_of_servers(q->owner, true);
	/* When nobody waits, there is an answer that lasts still. */
	if (!SLIST_EMPTY(&q->waiters))
		cache_put(q->owner->cache, q->record, name_of(q), &later, FAILURE_TTL_S, loop_now(q->owner->loop).mono_us);
	finish(q, &later, 0);
}

static void
on_deadline(struct timer *t)
{
	struct lookup *q = (struct lookup *)(void *)((char *)t - offsetof(struct lookup, deadline));

	if (q->lane)
		lane_cancel(q->lane);
	fail(q, "no answer in time");
}

/* False: all have had their say. */
static bool
choose_server(struct lookup *q)
{
	size_t count = q->owner->server_count;

	for (size_t i = 0; i < count; i++) {
		q->server = (q->next_server + i) % count;
		if (q->had_their_say & 1U << q->server)
			continue;
		q->next_server = q->server + 1;
		return true;
	}
	return false;
}

/* The next server, or the end. */
static void
ask_next(struct lookup *q, const char *why)
{
	struct lookups *l = q->owner;
	uint8_t room[QUERY_OCTETS_MAX];
	struct buf query;

	if (!choose_server(q)) {
		fail(q, why);
		return;
	}
	buf_init_fixed(&query, room, sizeof room);
	if (!dns_put_query(&query, (uint16_t)random_number(), name_of(q), types[q->record])) {
		fail(q, "not a name");
		return;
	}
	const struct server *server = &l->servers[q->server];
	q->is_trusted = server->is_trusted;
	lane_ask(q->lane, &server->address, buf_bytes(&query), q);
}

static void
begin(struct lookup *q)
{
	struct lookups *l = q->owner;

	leave_line(q);
	q->lane = l->idle[--l->idle_count];
	q->asked_us = loop_now(l->loop).mono_us;
	q->looks = 0;
	l->asking_again += q->slices > 0;
	TAILQ_INSERT_TAIL(&l->asking, q, link);
	ask_next(q, "there is no server");
}

/* Who has a lane next, or NULL. */
static struct lookup *
choose_next(struct lookups *l)
{
	struct lookup *fresh = TAILQ_FIRST(&l->fresh), *again = TAILQ_FIRST(&l->again);

	return !fresh || (again && l->asking_again < AGAIN_LANES) ? again : fresh;
}

/* They are looked at as long as somebody waits. */
static void
set_slices(struct lookups *l)
{
	bool is_wanted = !TAILQ_EMPTY(&l->fresh) || !TAILQ_EMPTY(&l->again);

	if (is_wanted == l->is_slicing)
		return;
	l->is_slicing = is_wanted;
	if (is_wanted)
		timer_start(&l->slices, SLICES_LOOK_MS, SLICES_LOOK_MS);
	else
		timer_stop(&l->slices);
}

/* What fails at once comes back here: the loop that runs already goes on with the next. */
static void
begin_next(struct lookups *l)
{
	struct lookup *q;

	if (l->is_beginning)
		return;
	l->is_beginning = true;
	while (l->idle_count > 0 && (q = choose_next(l)))
		begin(q);
	l->is_beginning = false;
	set_slices(l);
}

/* wanted: lanes, by fresh ones.  At the first look its answer may lie in a socket that nobody read yet, when the loop or the machine was busy. */
static bool
has_had_its_slice(struct lookup *q, int64_t now_us, size_t wanted)
{
	bool is_one_too_many = q->slices && q->owner->asking_again > AGAIN_LANES && wanted > 0;

	return ++q->looks > 1 && now_us - q->asked_us >= pace_slice_us(&q->owner->pace, q->slices, is_one_too_many);
}

static void
give_lane_away(struct lookup *q)
{
	struct lookups *l = q->owner;

	lane_cancel(q->lane);
	leave_line(q);
	q->slices++;
	TAILQ_INSERT_TAIL(&l->again, q, link);
}

/* As many as there are lanes at most. */
static size_t
count_fresh(const struct lookups *l)
{
	size_t count = 0;

	for (const struct lookup *q = TAILQ_FIRST(&l->fresh); q && count < LANES; q = TAILQ_NEXT(q, link))
		count++;
	return count;
}

static void
on_slices(struct timer *t)
{
	struct lookups *l = (struct lookups *)(void *)((char *)t - offsetof(struct lookups, slices));
	int64_t now_us = loop_now(l->loop).mono_us;
	size_t wanted = count_fresh(l);
	struct lookup *next;

	for (struct lookup *q = TAILQ_FIRST(&l->asking); q; q = next) {
		next = TAILQ_NEXT(q, link);
		if (!has_had_its_slice(q, now_us, wanted))
			continue;
		give_lane_away(q);
		wanted -= wanted > 0;
	}
	begin_next(l);
}

static uint32_t
capped_ttl(const struct dns_answer *answer)
{
	uint32_t most = answer->outcome == DNS_FOUND ? TTL_MAX_S : NEGATIVE_TTL_MAX_S;

	return answer->ttl_s < most ? answer->ttl_s : most;
}

static enum ipc_answer
answer_of(enum dns_outcome outcome)
{
	switch (outcome) {
	case DNS_FOUND:
		return ANSWER_FOUND;
	case DNS_NO_NAME:
		return ANSWER_NO_NAME;
	case DNS_NO_RECORD:
		return ANSWER_NO_RECORD;
	case DNS_LATER:
		break;
	}
	return ANSWER_LATER;
}

static void
keep_and_finish(struct lookup *q, const struct dns_answer *answer)
{
	struct lookups *l = q->owner;
	struct moment now = loop_now(l->loop);
	struct cache_result result = {
		.answer = answer_of(answer->outcome),
		.is_authentic = answer->is_authentic && q->is_trusted,
		.canonical = buf_bytes(&answer->canonical),
		.records = buf_bytes(&l->records),
	};
	uint32_t ttl_s = capped_ttl(answer);

	pace_learn(&l->pace, now.mono_us - q->asked_us, q->slices > 0);
	event(NULL, EV_LOOKUP_DONE, TEXT("name", name_of(q)), INT("type", types[q->record]), INT("answer", result.answer),
		INT("authentic", result.is_authentic), INT("ttl", ttl_s), INT("took_us", now.mono_us - q->began_us));
	cache_put(l->cache, q->record, name_of(q), &result, ttl_s, now.mono_us);
	finish(q, &result, ttl_s);
}

static void
ask_another(struct lookup *q, const char *why)
{
	q->had_their_say |= (uint8_t)(1U << q->server);
	ask_next(q, why);
}

/* SERVFAIL, REFUSED, what is no answer and silence are the same: the next one may know. */
static void
on_answer(void *arg, struct lane *lane, struct bytes packet)
{
	struct lookup *q = arg;
	struct lookups *l = q->owner;
	struct dns_answer answer;
	struct fault f = { .text = "no server answers" };

	(void)lane;
	if (packet.len == 0) {
		ask_another(q, f.text);
		return;
	}
	q->has_heard = true;
	tell_of_servers(l, false);
	buf_reset(&l->records);
	if (dns_read_answer(packet, name_of(q), types[q->record], &answer, &l->records, &f) == -1)
		ask_another(q, f.text);
	else if (answer.outcome == DNS_LATER)
		ask_another(q, "no server knows");
	else
		keep_and_finish(q, &answer);
}

struct lookups *
lookups_new(struct loop *loop, struct fault *f)
{
	struct lookups *l = NEW(struct lookups);

	l->loop = loop;
	l->cache = cache_new(0);
	l->open = map_new();
	TAILQ_INIT(&l->asking);
	TAILQ_INIT(&l->fresh);
	TAILQ_INIT(&l->again);
	pace_init(&l->pace);
	timer_init(&l->slices, loop, on_slices);
	buf_init(&l->records, RECORDS_OCTETS_MAX);
	for (size_t i = 0; i < LANES; i++) {
		l->lanes[i] = lane_new(loop, on_answer, f);
		if (!l->lanes[i]) {
			lookups_free(&l);
			return NULL;
		}
		l->idle[l->idle_count++] = l->lanes[i];
	}
	return l;
}

static void
on_slices_closed(struct timer *t)
{
	memory_free((char *)t - offsetof(struct lookups, slices));
}

static void
drop_waiters(struct lookup *q)
{
	while (!SLIST_EMPTY(&q->waiters)) {
		struct waiter *w = SLIST_FIRST(&q->waiters);

		SLIST_REMOVE_HEAD(&q->waiters, link);
		memory_free(w);
	}
}

void
lookups_free(struct lookups **lp)
{
	struct lookups *l = *lp;
	struct bytes key;
	void *value;

	if (!l)
		return;
	*lp = NULL;
	for (size_t at = 0; map_next(l->open, &at, &key, &value);) {
		struct lookup *q = value;

		drop_waiters(q);
		timer_close(&q->deadline, on_deadline_closed);
	}
	for (size_t i = 0; i < LANES; i++)
		lane_free(&l->lanes[i]);
	map_free(&l->open);
	cache_free(&l->cache);
	buf_done(&l->records);
	timer_close(&l->slices, on_slices_closed);
}

void
lookups_configure(struct lookups *l, const struct config *c)
{
	l->server_count = 0;
	for (size_t i = 0; i < c->resolver_count && l->server_count < SERVERS_MAX; i++) {
		struct server *server = &l->servers[l->server_count];

		if (net_address_parse(c->resolvers[i].address, 53, &server->address, NULL) == -1)
			continue;
		server->is_trusted = c->resolvers[i].is_trusted || net_is_loopback(&server->address);
		l->server_count++;
	}
	/* So that there is an answer before whoever asks stops waiting. */
	l->within_ms = c->request_timeout_ms - c->request_timeout_ms / 10;
	cache_clear(l->cache);
	cache_limit(l->cache, c->dns_cache_octets_max);
}

/* NULL: there are too many. */
static struct lookup *
lookup_new(struct lookups *l, enum ipc_record record, struct bytes name)
{
	struct lookup *q;

	if (map_count(l->open) >= LOOKUPS_MAX)
		return NULL;
	q = NEW(struct lookup);
	q->owner = l;
	q->record = record;
	q->began_us = loop_now(l->loop).mono_us;
	put_key(q->key_octets, &q->key_len, record, name);
	SLIST_INIT(&q->waiters);
	TAILQ_INSERT_TAIL(&l->fresh, q, link);
	(void)map_put(l->open, key_of(q), q);
	timer_init(&q->deadline, l->loop, on_deadline);
	timer_start(&q->deadline, l->within_ms, 0);
	return q;
}

static struct lookup *
find(const struct lookups *l, enum ipc_record record, struct bytes name)
{
	uint8_t key[KEY_MAX];
	size_t len;

	put_key(key, &len, record, name);
	return map_get(l->open, bytes_of(key, len));
}

static void
refresh(struct lookups *l, enum ipc_record record, struct bytes name)
{
	if (!find(l, record, name) && lookup_new(l, record, name))
		begin_next(l);
}

static bool
wait_for(struct lookups *l, enum ipc_record record, struct bytes name, lookup_answered answered, void *arg, uint64_t request)
{
	struct lookup *q = find(l, record, name);
	struct waiter *w;

	if (l->waiter_count >= WAITERS_MAX || (!q && !(q = lookup_new(l, record, name))))
		return false;
	w = NEW(struct waiter);
	*w = (struct waiter){ .answered = answered, .arg = arg, .request = request };
	SLIST_INSERT_HEAD(&q->waiters, w, link);
	l->waiter_count++;
	begin_next(l);
	return true;
}

void
lookups_ask(struct lookups *l, enum ipc_record record, struct bytes name, lookup_answered answered, void *arg, uint64_t request)
{
	const struct cache_result no_name = { .answer = ANSWER_NO_NAME };
	struct cache_result result;
	uint32_t ttl_s;
	bool is_due;

	if (name.len && name.ptr[name.len - 1] == '.')
		name.len--;
	if (!dns_is_name(name)) {
		answered(arg, request, &no_name, 0);
		return;
	}
	if (cache_get(l->cache, record, name, loop_now(l->loop).mono_us, &result, &ttl_s, &is_due)) {
		answered(arg, request, &result, ttl_s);
		if (is_due)
			refresh(l, record, name);
		return;
	}
	if (!wait_for(l, record, name, answered, arg, request))
		answered(arg, request, &later, 0);
}

static void
forget_waiters(struct lookup *q, const void *arg)
{
	struct waiter *w = SLIST_FIRST(&q->waiters), *next;

	for (; w; w = next) {
		next = SLIST_NEXT(w, link);
		if (w->arg != arg)
			continue;
		SLIST_REMOVE(&q->waiters, w, waiter, link);
		q->owner->waiter_count--;
		memory_free(w);
	}
}

void
lookups_forget(struct lookups *l, const void *arg)
{
	struct bytes key;
	void *value;

	for (size_t at = 0; map_next(l->open, &at, &key, &value);)
		forget_waiters(value, arg);
}
