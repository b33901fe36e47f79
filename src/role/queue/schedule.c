#include "role/queue/schedule.h"

#include "base/map.h"
#include "base/memory.h"
#include "role/queue/rests.h"

#include <string.h>

enum { LIMIT_FIRST = 5, RETURN_S = 10, RETURN_MOST_S = 300, REST_MOST_S = 1800, KEY_MAX = 640, JITTER_PERCENT = 10, SILENT_EVERY = 8 };

TAILQ_HEAD(destination_list, destination);

struct schedule {
	struct schedule_limits limits;
	uint64_t draw;
	struct map *destinations, *lanes;
	struct destination_list lines[PLACE_KINDS]; /* with lanes, below their limit, not resting */
	struct places places; /* of batches */
	uint32_t passed_over; /* so often those that were silent last time waited while another probe went */
	bool has_relay;
	/* A heap: earliest first. */
	struct delivery **waiting;
	size_t waiting_count, waiting_size;
	struct rests rests;
};

struct schedule *
schedule_new(const struct schedule_limits *limits, uint64_t seed)
{
	struct schedule *s = NEW(struct schedule);

	s->limits = *limits;
	s->draw = seed | 1;
	s->destinations = map_new();
	s->lanes = map_new();
	for (size_t i = 0; i < PLACE_KINDS; i++)
		TAILQ_INIT(&s->lines[i]);
	return s;
}

void
schedule_free(struct schedule **at)
{
	struct schedule *s = *at;
	struct bytes key;
	void *value;

	if (!s)
		return;
	lanes_free_index(&s->lanes);
	for (size_t i = 0; map_next(s->destinations, &i, &key, &value);) {
		lanes_free(&((struct destination *)value)->lanes);
		reply_let_go(&((struct destination *)value)->said);
		reply_let_go(&((struct destination *)value)->silence);
		memory_free(value);
	}
	map_free(&s->destinations);
	memory_free(s->waiting);
	rests_free(&s->rests);
	memory_free(s);
	*at = NULL;
}

void
schedule_set_limits(struct schedule *s, const struct schedule_limits *limits)
{
	s->limits = *limits;
}

struct bytes
schedule_words(const struct delivery *d)
{
	const struct destination *to = d->destination;

	if (delivery_reply(d).len == 0 && to && to->rests_until_s && to->said)
		return reply_text(to->said);
	return delivery_reply(d);
}

uint32_t
schedule_active(const struct schedule *s)
{
	return places_taken(&s->places);
}

size_t
schedule_destinations(const struct schedule *s)
{
	return map_count(s->destinations);
}

size_t
schedule_resting(const struct schedule *s)
{
	return s->rests.count;
}

/* ---- what waits */

static void
put_waiting(struct schedule *s, size_t at, struct delivery *d)
{
	s->waiting[at] = d;
	d->heap_at = at;
}

static void
sift_up(struct schedule *s, struct delivery *d, size_t at)
{
	for (; at > 0 && s->waiting[(at - 1) / 2]->next_s > d->next_s; at = (at - 1) / 2)
		put_waiting(s, at, s->waiting[(at - 1) / 2]);
	put_waiting(s, at, d);
}

static void
sift_down(struct schedule *s, struct delivery *d, size_t at)
{
	size_t child;

	while ((child = 2 * at + 1) < s->waiting_count) {
		if (child + 1 < s->waiting_count && s->waiting[child + 1]->next_s < s->waiting[child]->next_s)
			child++;
		if (s->waiting[child]->next_s >= d->next_s)
			break;
		put_waiting(s, at, s->waiting[child]);
		at = child;
	}
	put_waiting(s, at, d);
}

static void
wait_for(struct schedule *s, struct delivery *d)
{
	if (s->waiting_count == s->waiting_size) {
		s->waiting_size = s->waiting_size ? 2 * s->waiting_size : 64;
		s->waiting = memory_resize(s->waiting, s->waiting_size, sizeof(struct delivery *));
	}
	d->state = DELIVERY_WAITING;
	sift_up(s, d, s->waiting_count++);
}

static void
stop_waiting(struct schedule *s, struct delivery *d)
{
	struct delivery *last = s->waiting[--s->waiting_count];
	size_t at = d->heap_at;

	if (last == d)
		return;
	if (at > 0 && s->waiting[(at - 1) / 2]->next_s > last->next_s)
		sift_up(s, last, at);
	else
		sift_down(s, last, at);
}

/* ---- destinations and their lanes */

static bool
may_go(const struct schedule *s, const struct destination *d)
{
	return d->lanes.tiers && (s->has_relay || d->hop.kind != HOP_KIND_RELAY) && d->rests_until_s == 0 && d->active < d->limit
		&& d->active < s->limits.destination_batches_max;
}

/* Our own mailboxes answer, and routes that refuse. */
static enum place_kind
kind_of(const struct destination *d)
{
	if (d->failures)
		return PLACE_SILENT;
	return d->has_answered || d->hop.kind != HOP_KIND_RELAY ? PLACE_ANSWERS : PLACE_UNKNOWN;
}

/* In the line of those like it whose turn comes, or in none. */
static void
list_or_not(struct schedule *s, struct destination *d)
{
	struct destination_list *line = may_go(s, d) ? &s->lines[kind_of(d)] : NULL;

	if (line == d->line)
		return;
	if (d->line)
		TAILQ_REMOVE(d->line, d, link);
	if (line)
		TAILQ_INSERT_TAIL(line, d, link);
	d->line = line;
}

void
schedule_set_relay(struct schedule *s, bool is_there)
{
	struct bytes key;
	void *value;

	if (s->has_relay == is_there)
		return;
	s->has_relay = is_there;
	for (size_t at = 0; map_next(s->destinations, &at, &key, &value);)
		list_or_not(s, value);
}

static struct bytes
destination_key(const struct hop *hop, uint8_t space[KEY_MAX])
{
	struct buf key;

	buf_init_fixed(&key, space, KEY_MAX);
	put_u8(&key, (uint8_t)hop->kind);
	put_u8(&key, (uint8_t)hop->protocol);
	put_u16(&key, hop->port);
	put_bytes(&key, bytes_sub(hop->host, 0, 255));
	put_u8(&key, 0);
	put_bytes(&key, hop->login);
	return buf_bytes(&key);
}

const struct destination *
schedule_find(const struct schedule *s, const struct hop *hop)
{
	uint8_t space[KEY_MAX];

	return map_get(s->destinations, destination_key(hop, space));
}

static struct destination *
find_destination(struct schedule *s, const struct hop *hop)
{
	uint8_t space[KEY_MAX];
	struct bytes key = destination_key(hop, space);
	struct destination *d = map_get(s->destinations, key);
	struct buf texts;

	if (d)
		return d;
	d = memory_new(sizeof *d + hop->host.len + hop->login.len);
	d->hop = *hop;
	buf_init_fixed(&texts, (uint8_t *)(d + 1), hop->host.len + hop->login.len);
	put_bytes(&texts, hop->host);
	put_bytes(&texts, hop->login);
	d->hop.host = bytes_sub(buf_bytes(&texts), 0, hop->host.len);
	d->hop.login = bytes_sub(buf_bytes(&texts), hop->host.len, SIZE_MAX);
	d->limit = 1;
	(void)map_put(s->destinations, key, d);
	return d;
}

/* One that nothing leads to and that need not rest is forgotten. */
static void
let_go(struct schedule *s, struct destination *d)
{
	uint8_t space[KEY_MAX];

	if (d->deliveries || d->active || d->lanes.tiers || d->rests_until_s)
		return;
	list_or_not(s, d);
	(void)map_remove(s->destinations, destination_key(&d->hop, space));
	reply_let_go(&d->said);
	reply_let_go(&d->silence);
	memory_free(d);
}

static void
make_ready(struct schedule *s, struct delivery *d)
{
	d->is_postponed = false;
	lanes_add(&d->destination->lanes, s->lanes, d);
	list_or_not(s, d->destination);
}

static void
leave_lane(struct schedule *s, struct delivery *d)
{
	lanes_remove(&d->destination->lanes, s->lanes, d);
	list_or_not(s, d->destination);
}

/* ---- rest */

static void
end_rest(struct schedule *s, struct destination *d)
{
	rests_remove(&s->rests, d);
	d->rests_until_s = 0;
	d->limit = 1;
	list_or_not(s, d);
}

void
schedule_wake(struct schedule *s, struct destination *d)
{
	if (d->rests_until_s)
		end_rest(s, d);
}

/* ---- time */

/* first, 2 first, 4 first, … up to most. */
static uint32_t
doubled(uint32_t first, uint32_t times, uint32_t most)
{
	uint64_t s = first;

	while (times-- > 0 && s < most)
		s *= 2;
	return s < most ? (uint32_t)s : most;
}

/* Up to JITTER_PERCENT more: what failed together is not tried together again.  xorshift: Marsaglia, 2003. */
static uint32_t
jittered(struct schedule *s, uint32_t delay_s)
{
	s->draw ^= s->draw << 13;
	s->draw ^= s->draw >> 7;
	s->draw ^= s->draw << 17;
	return delay_s + (uint32_t)(s->draw % (delay_s * JITTER_PERCENT / 100 + 1));
}

/* RFC 4865: what is postponed waits for its hour by the clock, wherever that was put meanwhile. */
static void
wait_or_go(struct schedule *s, struct delivery *d, int64_t now_s)
{
	if (d->is_postponed && queued_release_s(delivery_message(d)) > now_s)
		d->next_s = queued_release_s(delivery_message(d));
	if (d->next_s > now_s)
		wait_for(s, d);
	else
		make_ready(s, d);
}

void
schedule_add(struct schedule *s, struct delivery *d, const struct hop *hop, int64_t now_s)
{
	d->destination = find_destination(s, hop);
	d->destination->deliveries++;
	delivery_pool_reply(d, &d->destination->said);
	wait_or_go(s, d, now_s);
}

void
schedule_forget(struct schedule *s, struct delivery *d)
{
	struct destination *to = d->destination;

	d->destination = NULL;
	if (!to)
		return;
	to->deliveries--;
	let_go(s, to);
}

static void
leave_line(struct schedule *s, struct delivery *d)
{
	if (d->state == DELIVERY_WAITING && d->destination)
		stop_waiting(s, d);
	else if (d->state == DELIVERY_READY)
		leave_lane(s, d);
}

void
schedule_remove(struct schedule *s, struct delivery *d)
{
	leave_line(s, d);
	schedule_forget(s, d);
}

void
schedule_take(struct schedule *s, struct delivery *d)
{
	leave_line(s, d);
	d->state = DELIVERY_ACTIVE;
}

void
schedule_move(struct schedule *s, struct delivery *d, const struct hop *hop, int64_t now_s)
{
	uint8_t space[KEY_MAX];

	if (d->destination && map_get(s->destinations, destination_key(hop, space)) == d->destination)
		return;
	schedule_remove(s, d);
	schedule_add(s, d, hop, now_s);
}

void
schedule_retry(struct schedule *s, struct delivery *d, int64_t now_s)
{
	uint32_t delay_s = doubled(s->limits.retry_first_s, d->attempts, s->limits.retry_most_s);

	if (d->attempts < UINT8_MAX)
		d->attempts++;
	d->next_s = (uint32_t)now_s + jittered(s, delay_s);
	delivery_pool_reply(d, &d->destination->said);
	wait_for(s, d);
}

/* What comes back together waits alike. */
static uint32_t
next_return(struct destination *d, uint32_t now_s)
{
	if (d->return_s == 0 || now_s - d->returned_s >= d->return_s) {
		d->return_s = d->return_s ? doubled(d->return_s, 1, RETURN_MOST_S) : RETURN_S;
		d->returned_s = now_s;
	}
	return d->return_s;
}

void
schedule_return(struct schedule *s, struct delivery *d, int64_t now_s)
{
	d->next_s = (uint32_t)now_s + next_return(d->destination, (uint32_t)now_s);
	wait_for(s, d);
}

void
schedule_hurry(struct schedule *s, struct delivery *d, int64_t now_s)
{
	if (d->state != DELIVERY_WAITING || !d->destination)
		return;
	stop_waiting(s, d);
	d->next_s = (uint32_t)now_s;
	schedule_wake(s, d->destination);
	make_ready(s, d);
}

/* All alike, so that the heap stays in order. */
void
schedule_put_back(struct schedule *s, uint32_t by_s)
{
	for (size_t i = 0; i < s->waiting_count; i++)
		s->waiting[i]->next_s -= s->waiting[i]->next_s < by_s ? s->waiting[i]->next_s : by_s;
	rests_put_back(&s->rests, by_s);
}

static void
pass_time(struct schedule *s, int64_t now_s)
{
	struct destination *rested;

	places_pass(&s->places, now_s);
	while ((rested = rests_first(&s->rests)) && rested->rests_until_s <= now_s) {
		end_rest(s, rested);
		let_go(s, rested);
	}
	while (s->waiting_count && s->waiting[0]->next_s <= now_s) {
		struct delivery *d = s->waiting[0];

		stop_waiting(s, d);
		wait_or_go(s, d, now_s);
	}
}

int64_t
schedule_next_s(const struct schedule *s)
{
	const struct destination *resting = rests_first(&s->rests);
	int64_t next = INT64_MAX;

	if (s->waiting_count)
		next = s->waiting[0]->next_s;
	if (resting && resting->rests_until_s < next)
		next = resting->rests_until_s;
	/* What takes its time gives its place to others soon. */
	if (!TAILQ_EMPTY(&s->lines[PLACE_ANSWERS]) && places_next_s(&s->places, s->limits.batches_max) < next)
		next = places_next_s(&s->places, s->limits.batches_max);
	return next;
}

static struct destination *
first_of(const struct schedule *s, enum place_kind kind)
{
	return places_has_one(&s->places, kind, s->limits.batches_max) ? TAILQ_FIRST(&s->lines[kind]) : NULL;
}

/* Whose turn it is, or NULL.  Of the probes one in SILENT_EVERY goes to those that were silent last time, however many wait that nobody knows. */
static struct destination *
choose(const struct schedule *s)
{
	struct destination *d = first_of(s, PLACE_ANSWERS);

	if (!d && s->passed_over >= SILENT_EVERY - 1)
		d = first_of(s, PLACE_SILENT);
	if (!d)
		d = first_of(s, PLACE_UNKNOWN);
	return d ? d : first_of(s, PLACE_SILENT);
}

bool
schedule_next(struct schedule *s, int64_t now_s, struct batch *out)
{
	struct destination *d;

	pass_time(s, now_s);
	d = choose(s);
	if (!d)
		return false;
	out->destination = d;
	out->place = kind_of(d);
	out->first = lanes_take(&d->lanes, s->lanes, s->limits.batch_recipients_max, &out->count);
	out->message = delivery_message(out->first);
	out->began_s = now_s;
	d->active++;
	if (out->place == PLACE_SILENT)
		s->passed_over = 0;
	else if (out->place == PLACE_UNKNOWN && first_of(s, PLACE_SILENT))
		s->passed_over++;
	places_take(&s->places, out->place, now_s);
	TAILQ_REMOVE(d->line, d, link);
	d->line = NULL;
	list_or_not(s, d);
	return true;
}

static void
no_answer(struct schedule *s, struct destination *d, int64_t now_s)
{
	uint32_t most = s->limits.retry_most_s < REST_MOST_S ? s->limits.retry_most_s : REST_MOST_S;

	reply_share(&d->silence, d->said);
	d->limit = d->limit > 1 ? d->limit / 2 : 1;
	if (d->rests_until_s)
		return;
	d->rests_until_s = (uint32_t)now_s + jittered(s, doubled(s->limits.retry_first_s, d->failures++, most));
	rests_add(&s->rests, d);
}

/* The first answer, or one more. */
static void
adapt_limit(const struct schedule *s, struct destination *d, enum batch_result result)
{
	if (result == BATCH_TOO_MUCH)
		d->limit = d->limit > 1 ? d->limit / 2 : 1;
	else if (!d->has_answered)
		d->limit = LIMIT_FIRST;
	else if (result == BATCH_WENT && d->limit < s->limits.destination_batches_max)
		d->limit++;
}

void
schedule_batch_done(struct schedule *s, const struct batch *b, enum batch_result result, int64_t now_s)
{
	struct destination *d = b->destination;

	places_give_back(&s->places, b->place, b->began_s, now_s);
	d->active--;
	if (result != BATCH_NOT_TRIED)
		d->return_s = 0;
	switch (result) {
	case BATCH_WENT:
	case BATCH_REFUSED:
	case BATCH_TOO_MUCH:
		d->failures = 0;
		adapt_limit(s, d, result);
		d->has_answered = true;
		schedule_wake(s, d);
		break;
	case BATCH_NO_ANSWER:
		no_answer(s, d, now_s);
		break;
	case BATCH_NOT_TRIED:
		break;
	}
	list_or_not(s, d);
	let_go(s, d);
}
