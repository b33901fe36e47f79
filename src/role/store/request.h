/* The life of a request: it waits for its turn on the account's strand, works, logs what it wants in the
   journal, and does it when that is durable.  commit.c holds the second half. */
#ifndef STORE_REQUEST_H
#define STORE_REQUEST_H

#include "role/store/engine_internal.h"

/* A request with a copy of m; holds the session and the body.  Nothing runs until request_start. */
struct request *request_new(struct engine_account *a, struct engine_session *s,
	struct engine_body *body, struct engine_outlet *o, const struct message *m);
/* What it takes of memory until it is answered. */
uint64_t request_octets(const struct engine_body *body, const struct message *m);
/* One that nobody waits for. */
struct request *request_new_internal(struct engine_account *a);
/* Runs `work` on the strand when its turn has come. */
void request_start(struct request *r, void (*work)(struct request *r));
/* Runs `work` in a later job of the account's strand. */
void request_continue(struct request *r, void (*work)(struct request *r));
/* Runs `work` on another thread of the pool, beside the strand: nothing of the account may be touched. */
void request_beside(struct request *r, void (*work)(struct request *r));
/* The message that answers r, with its number and outcome. */
struct message request_reply(const struct request *r, enum ipc_outcome outcome);
struct message request_refusal(const struct message *m, enum ipc_outcome outcome);
void request_send(struct request *r, const struct message *reply);
/* Ends the request, on the strand: lets go of everything, the next may begin. */
void request_done(struct request *r);
/* Answers with the outcome alone and ends the request. */
void request_answer(struct request *r, enum ipc_outcome outcome);
/* As request_answer, for a call that failed with errno `error`: says so in the log. */
void request_fail(struct request *r, const char *what, int error);

/* The record to add entries about the mailbox to (RECORD_MAILBOX stands in it already). */
struct buf *request_log(struct request *r, const struct mailbox *m);
/* Octets that follow the last entry put. */
void request_log_body(struct request *r, struct bytes prefix, struct bytes octets);
/* Logs what was put and calls finish on the strand when it is durable (IPC_OK), or is not going to be: IPC_LIMIT says that it is more
   than the journal can hold.  Requests of an account finish in the order in which they commit.  Lets go of what was committed before. */
void request_commit(struct request *r, void (*finish)(struct request *r, enum ipc_outcome outcome));

/* What was committed counts as applied, or as given up. */
void request_let_go(struct request *r);
/* The same, and what was not committed goes. */
void request_log_done(struct request *r);

/* Sends m unless the outlet was renewed since `epoch`. */
void outlet_send(struct engine_outlet *o, uint64_t epoch, const struct message *m);
uint64_t outlet_epoch(struct engine_outlet *o);
void session_release(struct engine_session *s);

#endif
