/* A message in the queue, as memory and disk hold it: who it is from, to whom it still has to go, and what came of that so
   far.  Recipients that are done with are gone. */
#ifndef QUEUE_MESSAGE_H
#define QUEUE_MESSAGE_H

#include "base/buf.h"
#include "base/id.h"
#include "ipc/ipc.h"

#include <sys/queue.h>

/* In octets: RFC 5321 4.5.3.1.3 with room for UTF-8; RFC 3461 4.2, 4.4. */
#define QUEUE_ADDRESS_MAX 320
#define QUEUE_PARAMETERS_MAX 1024
#define QUEUE_REPLY_MAX 512
#define QUEUE_WAY_MAX 320
#define QUEUE_RECIPIENTS_MAX 1000

/* Of an image, whatever becomes of its message: room for QUEUE_RECIPIENTS_MAX of all that ENQUEUE can name. */
#define QUEUE_IMAGE_MAX ((size_t)955 << 10)

enum delivery_state {
	DELIVERY_WAITING, /* until next_s */
	DELIVERY_READY, /* in a lane of its destination */
	DELIVERY_ACTIVE, /* somebody is at it */
	DELIVERY_HELD, /* by the administrator */
	DELIVERY_DONE,
};

struct queued;
struct destination;

/* Of flags. */
#define QUEUE_FLAGS 0xffffffu

/* What many deliveries have in common; counted. */
struct reply {
	uint32_t holds;
	/* of what the last attempt came to, of where the administrator sends it, and of the server whose words the first is; behind each other in octets */
	uint16_t len, way_len, server_len;
	uint8_t octets[];
};

/* What few messages have: times that their sender set, the id of the mail that they are a part of, and whom of those that a delivery stands
   for it reached. */
struct rare;

/* One recipient of a message.  There may be millions: what is kept of each costs memory. */
struct delivery {
	struct delivery *next; /* in its lane, or of what was taken together */
	union {
		struct delivery **back; /* READY: what points to it in its lane */
		size_t heap_at; /* WAITING: the schedule's */
	};
	struct destination *destination; /* the schedule's */
	struct reply *reply; /* NULL: there was no attempt, and it goes where its route leads */
	uint32_t next_s; /* not before; since 1970 */
	uint32_t tried_s; /* last, since 1970; 0: not yet */
	uint32_t text_at : 21; /* of address and parameters, behind the message's */
	uint32_t address_len : 9;
	uint32_t is_delay_told : 1;
	uint32_t is_postponed : 1; /* its message's release_s has not come, nor did the administrator release it */
	uint32_t parameters_len : 11;
	uint32_t index : 10; /* in its message */
	uint32_t attempts : 8; /* that many or more */
	uint32_t state : 3; /* enum delivery_state */
};

_Static_assert(sizeof(struct delivery) == 48, "a recipient that waits costs more memory");

/* Owned by the queue; freed when its last delivery is done. */
struct queued {
	LIST_ENTRY(queued) link;
	struct rare *rare; /* NULL: nothing of that */
	struct mail_id id; /* it is kept by; queued_told is for people */
	uint8_t kept_s; /* the last octet of the second that its envelope was kept in */
	uint32_t arrived_s;
	uint32_t size; /* RFC 1870 */
	uint32_t flags : 24; /* enum ipc_send_flag, and QUEUE_… */
	int32_t priority : 8; /* RFC 6710 */
	uint16_t sender_len, parameters_len;
	uint16_t count, open; /* deliveries, and those that are not done */
	struct delivery at[];
};

/* What a message is made of; all borrowed. */
struct envelope {
	struct mail_id id;
	struct mail_id told; /* what its sender was told, when this is a part of his mail; empty: id */
	struct bytes sender; /* empty: the null path */
	struct bytes parameters; /* of MAIL for DSN */
	struct bytes recipients; /* as in ENQUEUE: entries of u16 length, address, u16 length, parameters */
	uint64_t size;
	uint32_t flags;
	uint32_t arrived_s;
	uint32_t release_s; /* what is postponed is not sent before; 0: nothing is (RFC 4865) */
	int32_t by_s; /* with SEND_BY_…: after arrived_s it is late (RFC 2852) */
	int8_t priority;
};

/* NULL: a field is longer than it may be, or the recipients don't decode, or there are none, or the image could outgrow QUEUE_IMAGE_MAX. Owned. */
struct queued *queued_new(const struct envelope *e);
void queued_free(struct queued **m);
struct queued *delivery_message(const struct delivery *d);
/* Of the mail, which may be kept in several parts, each with an id of its own: what its sender was told, and reports and events say. */
const struct mail_id *queued_told(const struct queued *m);
/* The null path is empty. */
struct bytes queued_sender(const struct queued *m);
struct bytes queued_parameters(const struct queued *m);
struct bytes delivery_address(const struct delivery *d);
struct bytes delivery_parameters(const struct delivery *d);
/* Empty before the first attempt. */
struct bytes delivery_reply(const struct delivery *d);
/* Before that what is postponed is not sent; 0: nothing is. */
uint32_t queued_release_s(const struct queued *m);
/* Its postponement ends then; nothing happens to one that was not postponed. */
void queued_release(struct queued *m, uint32_t release_s);
/* When it was to be sent first: its age is counted from there. */
uint32_t queued_since_s(const struct queued *m);
/* When it is late, by its sender's word (RFC 2852); 0: never. */
int64_t queued_deadline_s(const struct queued *m);
/* Is it? */
bool queued_is_overdue(const struct queued *m, int64_t now_s);
/* The domain of the address; empty when it has none. */
struct bytes delivery_domain(const struct delivery *d);
/* "mx.example (192.0.2.1)": whose words the reply is; empty: ours. */
struct bytes delivery_server(const struct delivery *d);
struct bytes reply_text(const struct reply *r);
struct bytes reply_server(const struct reply *r);
/* What is told of it from now on; server: as in delivery_server.  Longer texts are cut. */
void delivery_set_reply(struct delivery *d, struct bytes text, struct bytes server);
/* A target of routes (config/route.h), or empty: it goes where its route leads. */
struct bytes delivery_way(const struct delivery *d);
/* Longer ones do not exist: QUEUE_WAY_MAX.  Empty: none any more. */
void delivery_set_way(struct delivery *d, struct bytes target);
/* Of many of which the same is known, one after the other, the text is kept once: *last is that of the one before, or NULL. */
void delivery_pool_reply(struct delivery *d, struct reply **last);
void reply_let_go(struct reply **r);
/* *at has that one from now on, too (NULL: none), and lets go what it had. */
void reply_share(struct reply **at, struct reply *shared);
/* It stands for several addresses (an alias), and reached that one: later attempts leave it out, over restarts too. */
void delivery_reached(struct delivery *d, struct bytes address);
bool delivery_has_reached(const struct delivery *d, struct bytes address);
/* Nobody is at it, and nobody holds it. */
bool delivery_is_idle(const struct delivery *d);
/* It is delivered, bounced or given up. */
void delivery_done(struct delivery *d);

/* The image that disk keeps: everything but the body.  Deliveries that are done are left out. */
void queued_put(struct buf *out, const struct queued *m);
/* NULL: damaged.  Owned. */
struct queued *queued_take(struct bytes image);

#endif
