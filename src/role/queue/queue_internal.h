/* What the role's files share: queue.c (hooks, time), enqueue.c (what comes in), batch.c (what goes to a relay), local.c (what goes to
   mailboxes here), outcome.c (what became of it), report.c (what senders are told),
   walk.c, action.c and explanation.c (what the administrator asks). */
#ifndef QUEUE_QUEUE_INTERNAL_H
#define QUEUE_QUEUE_INTERNAL_H

#include "base/event.h"
#include "base/map.h"
#include "base/memory.h"
#include "config/config.h"
#include "ipc/peer.h"
#include "proto/dsn/dsn.h"
#include "role/control.h"
#include "role/queue/kept.h"
#include "role/queue/schedule.h"
#include "role/queue/signer.h"
#include "role/queue/spool.h"
#include "role/role.h"
#include "sys/loop.h"
#include "sys/time.h"

/* Of a message that is ours and may lead anywhere: the directory is asked first.  Beside enum ipc_send_flag. */
#define QUEUE_ASK_DIRECTORY 0x10000u

/* It is of no use a day later: it is not tried for longer. */
#define QUEUE_DAY_ONLY 0x40000u

/* The sender knows that the time it set has passed (SEND_BY_NOTIFY). */
#define QUEUE_OVERDUE_TOLD 0x20000u

/* Under way; what makes more at once than that, and could wait, waits. */
#define QUEUE_REPORTS_MAX 64

/* Why what leads to mailboxes here is in none: the directory does not know its domain; it says that its mailbox is elsewhere. */
#define QUEUE_NOT_OURS "451 4.3.5 a route leads to mailboxes here, but the domain is not ours"
#define QUEUE_COMES_BACK "451 4.3.5 the directory sends it on to another server, and no route says where that is"

struct arrival;
struct explanation;
struct tls_reports;
struct walk;

struct queue {
	struct role_self *role;
	const struct config *config;
	struct spool *spool;
	struct schedule *schedule;
	struct signer *signer;
	struct kept *kept; /* MTA-STS policies that the relay fetched */
	struct tls_reports *tls_reports; /* tls_report.h */
	LIST_HEAD(, queued) messages;
	struct map *changed; /* by their addresses: whose envelopes are kept at the next look */
	size_t count;
	struct arrival *arrivals; /* that fronts wait for */
	size_t arrival_count;
	size_t reports; /* under way */
	uint64_t last_body; /* of DELIVER */
	struct control *control;
	LIST_HEAD(, walk) walks; /* walk.h */
	size_t walk_count;
	uint64_t last_walk;
	LIST_HEAD(, explanation) explanations; /* explanation.h */
	size_t explanation_count;
	struct wake wake; /* the spool's threads have something */
	struct timer timer; /* the schedule's next moment */
	struct timer sweep; /* of what is too old, and of the disk */
	uint32_t looks;
	struct queued *swept; /* the sweep stands before it; NULL: there is none under way */
	int64_t clock_ahead_s; /* the wall clock before the steady one, when it was looked at last */
	int64_t started_s; /* of the steady clock */
	unsigned int open_handles; /* at the end */
	bool has_room, is_draining;
};

/* queue.c */
/* Into the list and the schedule. */
void queue_insert(struct queue *q, struct queued *m);
/* Where it goes: the way that the administrator chose, else by its address and the routes; of QUEUE_ASK_DIRECTORY, SEND_MAILBOXES, SEND_EXPANDED
   to mailboxes.  Borrows from the delivery, the configuration and *space. */
struct hop queue_hop(const struct queue *q, const struct delivery *d, struct domain *space);
/* A log-in that is the sender's own may fail for him alone: what he sends there is a destination of its own. */
void queue_set_login(const struct queue *q, struct bytes sender, struct hop *hop);
/* It leads there from now on. */
void queue_schedule(struct queue *q, struct delivery *d);
/* Starts what may start, and sets the timer for the rest. */
void queue_kick(struct queue *q);
int64_t queue_now_s(void);

/* enqueue.c */
void queue_enqueue(struct queue *q, struct peer *front, const struct message *m);
/* The signatures of mail that is about to come. */
void queue_sign(const struct queue *q, struct peer *front, const struct ipc_sign *s);
/* Nobody waits for its answers any more. */
void queue_forget_front(struct queue *q, const struct peer *front);

/* batch.c, local.c: begins the batch; it ends by queue_batch_done. */
void queue_relay(struct queue *q, const struct batch *b);
void queue_deliver(struct queue *q, const struct batch *b);

/* What an attempt came to: on one line, and the server that it was made with, if any.  is_theirs: those are its words, else ours. */
struct said {
	struct bytes reply, server;
	bool is_theirs;
};

/* outcome.c: of an ACTIVE delivery, after an attempt. */
void queue_delivered(struct queue *q, struct delivery *d, const struct said *said);
/* The same; when the sender is to hear of it (told is not NULL) the delivery stays ACTIVE and is put at the end of *told, for
   queue_report_success. */
void queue_delivered_here(struct queue *q, struct delivery *d, const struct said *said, struct delivery **told);
void queue_deferred(struct queue *q, struct delivery *d, const struct said *said);
/* The same, and soon: others of its mail were taken instead. */
void queue_put_off(struct queue *q, struct delivery *d, const struct said *said);
/* Of deliveries of one message that are linked by next, after its body could not be opened: they wait, or, when it is gone (ENOENT), are
   held for the administrator, since no later attempt can do better.  The message is settled. */
void queue_unopened(struct queue *q, struct delivery *first, int error);
/* What its sender wants back rather than late, and is late now, fails; true: the batch is over. */
bool queue_return_late(struct queue *q, const struct batch *b);
/* What routes refuse fails, or waits, in their words; the batch is over. */
void queue_refuse(struct queue *q, const struct batch *b);
/* Why what was never tried is not there yet: what the last attempt of others to reach the same destination came to, or that nobody did.  Borrowed, until one hears more. */
struct bytes queue_words_of_others(const struct delivery *d);
/* The server that said them; empty: they are ours. */
struct bytes queue_server_of_others(const struct delivery *d);
/* For good: it stays ACTIVE until its sender's report is durable. */
void queue_failed(struct queue *q, struct delivery *d, const struct said *said);
/* The same without an attempt, in words of ours. */
void queue_returned(struct delivery *d, struct bytes reply);
/* Deliveries of a message had their outcome: the message goes when nothing is left of it, else its envelope is kept. */
void queue_settle(struct queue *q, struct queued *m);
/* Keeps the envelopes that changed. */
void queue_keep_changed(struct queue *q);
/* Now and then: what is older than `lifetime` fails, of what is older than `delay_notice` the sender is told; and so with the
   time that it set itself.  When there are as many reports as may be it stops, and goes on as they are done. */
void queue_sweep(struct queue *q);
/* Goes on with it. */
void queue_sweep_on(struct queue *q);

/* report.c */
/* Tells the sender that these deliveries of one message (linked by next, ACTIVE) failed, and is done with them then; when that can't be
   kept now they are tried again later. */
void queue_report_failed(struct queue *q, struct queued *m, struct delivery *first);
/* Tells the sender that these arrived, as `action` says, and is done with them, come what may: nobody gets a mail twice for the sake of
   a report. */
void queue_report_success(struct queue *q, struct queued *m, struct delivery *first, enum dsn_action action);
/* A mail of ours, from nobody to one address, which may be here; octets: all of it.  flags: beside those that this needs.  NULL: the address is too long.  Owned. */
struct queued *queue_own_mail(const struct mail_id *id, struct bytes to, struct bytes octets, uint32_t flags, int8_t priority);
/* Does the sender want to hear that it arrived (RFC 3461 4.1)? */
bool queue_wants_success(const struct delivery *d);
/* Is the sender to be told of this mail at all: it is somebody, and did not say NEVER? */
bool queue_may_be_told(const struct delivery *d);
/* The time that its sender set has passed, and it is to hear so once (RFC 2852 4.1). */
bool queue_is_to_tell_overdue(const struct queued *m);
/* Does it wait, and does the sender want to hear that it is late (RFC 3461 4.1), and has not yet, but for what is_overdue adds to it? */
bool queue_is_late_news(const struct delivery *d, bool is_overdue);
/* Tells the sender of those for whom that is news, once. */
void queue_report_delayed(struct queue *q, struct queued *m);

#endif
