/* The other end of a channel as a role sees it: typed messages, requests with a deadline. */
#ifndef IPC_PEER_H
#define IPC_PEER_H

#include "ipc/ipc.h"
#include "sys/channel.h"

struct peer;

/* An answer, or NULL when the deadline passed or the channel went away.  m is borrowed and of the
   type that answers the request; the descriptors in it are the callee's. */
typedef void (*peer_answered)(void *arg, const struct message *m);

struct peer_handlers {
	/* A message that is no answer to a request of ours.  Its descriptors are the handler's. */
	void (*message)(void *arg, struct peer *p, const struct message *m);
	/* The other role went away or broke the rules (already logged); every pending request was
	   answered with NULL before.  The peer stays, without a channel, until peer_connect. */
	void (*lost)(void *arg, struct peer *p);
};

/* A peer without a channel yet.  self: the role that we are. other/index: who is there. Owned. */
struct peer *peer_new(struct loop *loop, enum role self, enum role other, uint8_t index,
	const struct peer_handlers *handlers, void *arg);
/* Nothing is called any more. */
void peer_free(struct peer **p);
/* A new channel over fd (taken over).  An old one is lost first: what had arrived on it is handed
   out, what was pending is answered with NULL, `lost` is called. */
void peer_connect(struct peer *p, int fd);
/* The other side may go away from now on, and no event says so: for an orderly stop. */
void peer_let_go(struct peer *p);
bool peer_is_connected(const struct peer *p);
enum role peer_role(const struct peer *p);
uint8_t peer_index(const struct peer *p);
/* -1: no channel, or it is full (then it is lost). From any thread. Descriptors stay the caller's. */
int peer_send(struct peer *p, const struct message *m) __attribute__((warn_unused_result));
/* As peer_send, but delivered at once or not at all (channel_send_now). */
int peer_send_now(struct peer *p, const struct message *m) __attribute__((warn_unused_result));
/* A number for the `request` field of the next peer_request. */
uint64_t peer_request_id(struct peer *p);
/* Sends m, whose `request` is that number; `answered` is called exactly once, never from in
   here: on the answer, after within_ms, or when the channel is lost (or is not there).  On the loop's
   thread. */
void peer_request(struct peer *p, const struct message *m, uint64_t request, uint32_t within_ms,
	peer_answered answered, void *arg);
/* The answer to that request is not wanted any more: its callback is not called, descriptors of a late
   answer are closed. */
void peer_forget(struct peer *p, uint64_t request);
/* What of our messages the other side has not taken yet (channel_untaken_octets); without a channel 0. */
size_t peer_untaken_octets(struct peer *p);
/* Takes what has arrived so far (channel_poll). */
void peer_poll(struct peer *p);

#endif
