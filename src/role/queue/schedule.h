/* What is sent next: pure, time is handed in.

   Deliveries that are due stand in lanes, one for each sender at each destination (lanes.h); destinations with lanes take turns, and so do
   the lanes of a destination, those of a higher priority first, so that neither a large mailing nor a dead host holds up anybody else's mail.
   How many batches a destination gets at a time is one until it has answered, grows by one with each of which it took something and is halved when
   that was too much for it, or nobody answered; a destination that does not answer rests, longer each time, and is then tried with one batch.  Those that answer go first, then those of
   which nothing is known yet, then those that were silent last time, though every eighth time the latter; what goes to one of these two is a probe, and
   probes never take all places (places.h), so that the dead, whose time-outs are long, leave room for the living. */
#ifndef QUEUE_SCHEDULE_H
#define QUEUE_SCHEDULE_H

#include "role/queue/lanes.h"
#include "role/queue/places.h"
#include "role/queue/route.h"

struct schedule;

struct schedule_limits {
	uint32_t batches_max; /* at a time, of all destinations, and as many again that have taken some seconds or are probes */
	uint32_t destination_batches_max; /* of one */
	uint32_t batch_recipients_max;
	uint32_t retry_first_s, retry_most_s; /* doubles from one to the other */
};

struct destination {
	TAILQ_ENTRY(destination) link; /* of its line: among those like it whose turn comes */
	struct destination_list *line; /* NULL: its turn does not come */
	struct hop hop;
	struct lanes lanes;
	uint32_t active, limit; /* batches */
	uint32_t failures; /* in a row: nobody answered */
	uint32_t return_s, returned_s; /* how long what nothing was tried for waits, since when; 0: there is none, or something was tried */
	uint32_t rests_until_s; /* 0: it does not */
	uint32_t heap_at; /* of its rest */
	uint64_t deliveries; /* all that lead there */
	struct reply *said; /* what one of them heard last */
	struct reply *silence; /* the same, of those that went when nobody answered last */
	bool has_answered;
};

/* Some recipients of one message for one destination. */
struct batch {
	struct queued *message;
	struct destination *destination;
	struct delivery *first; /* linked by next; all DELIVERY_ACTIVE */
	uint32_t count;
	int64_t began_s;
	enum place_kind place;
};

/* seed: for the jitter.  Owned. */
struct schedule *schedule_new(const struct schedule_limits *limits, uint64_t seed);
void schedule_free(struct schedule **s);
void schedule_set_limits(struct schedule *s, const struct schedule_limits *limits);
/* Is there somebody who takes what goes to other hosts?  Without one it stays in line; at first there is none. */
void schedule_set_relay(struct schedule *s, bool is_there);
/* The delivery leads there from now on; it waits until next_s, and until its message's release_s when it is postponed, or is ready. */
void schedule_add(struct schedule *s, struct delivery *d, const struct hop *hop, int64_t now_s);
/* It is in nobody's line any more; it was WAITING or READY, or none of ours. */
void schedule_remove(struct schedule *s, struct delivery *d);
/* What is WAITING or READY is ACTIVE, without a batch: its destination goes on counting it. */
void schedule_take(struct schedule *s, struct delivery *d);
/* What is WAITING or READY leads there from now on; when it did before, nothing changes. */
void schedule_move(struct schedule *s, struct delivery *d, const struct hop *hop, int64_t now_s);
/* An ACTIVE delivery is to be tried again: when its attempts say so (they are counted up), with jitter. */
void schedule_retry(struct schedule *s, struct delivery *d, int64_t now_s);
/* An ACTIVE delivery that nothing was tried for goes back in line after a short while, longer each time that this is so for its destination. */
void schedule_return(struct schedule *s, struct delivery *d, int64_t now_s);
/* An ACTIVE delivery is done with, or held: its destination counts one less. */
void schedule_forget(struct schedule *s, struct delivery *d);
/* The next batch, or false: nothing is due, or what is due may not yet. */
bool schedule_next(struct schedule *s, int64_t now_s, struct batch *out);

enum batch_result {
	BATCH_WENT, /* somebody answered, and took something */
	BATCH_REFUSED, /* somebody answered, and took nothing */
	BATCH_TOO_MUCH, /* somebody answered, and ended the connection over it (RFC 5321 3.8) */
	BATCH_NO_ANSWER, /* nobody could be reached */
	BATCH_NOT_TRIED, /* our own trouble, or the mail's own: nothing is known of the destination */
};

/* The batch is over; its deliveries were handed to one of the functions above before. */
void schedule_batch_done(struct schedule *s, const struct batch *b, enum batch_result result, int64_t now_s);
/* When schedule_next may have something that it has not now; INT64_MAX: only when something is added or done. */
int64_t schedule_next_s(const struct schedule *s);
/* Everything that waits for the destination may be tried at once. */
void schedule_wake(struct schedule *s, struct destination *d);
/* A delivery that waits is ready now, and not postponed any more. */
void schedule_hurry(struct schedule *s, struct delivery *d, int64_t now_s);
/* The clock was put back by so much: nothing waits longer for that. */
void schedule_put_back(struct schedule *s, uint32_t by_s);
/* The destination of that hop, or NULL: nothing leads there, nor did a moment ago. */
const struct destination *schedule_find(const struct schedule *s, const struct hop *hop);
/* What is known of why it waits, for the administrator: what its own last attempt came to, else what one of others did after which its destination
   rests; or empty. */
struct bytes schedule_words(const struct delivery *d);
uint32_t schedule_active(const struct schedule *s);
size_t schedule_destinations(const struct schedule *s);
/* Of them, those that rest. */
size_t schedule_resting(const struct schedule *s);

#endif
