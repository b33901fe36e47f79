/* The seam between the role and what keeps the mail: requests in, answers and a change feed out.  This
   engine keeps Maildirs; nothing on this side of the header knows that there are files.

   The loop's thread opens accounts and sessions and submits requests; answers are sent from other threads,
   through the outlet they came with. */
#ifndef STORE_ENGINE_H
#define STORE_ENGINE_H

#include "base/fault.h"
#include "ipc/ipc.h"
#include "sys/loop.h"

struct engine;
struct engine_account;
struct engine_session;
struct engine_body;

struct engine_settings {
	const char *state_directory; /* for the journal; made when missing */
	const char *mailboxes; /* the place below which all accounts' mail lies; links there and above are the administrator's */
	struct bytes hostname; /* copied; stands in file names */
	struct loop *loop; /* to watch for other programs' changes; NULL: found when a mailbox is opened only */
	uint32_t threads;
	uint32_t mailboxes_max; /* kept open without being selected */
	uint64_t journal_octets_max;
	uint64_t requests_octets_max; /* of one outlet that are not answered yet: what is beyond hears IPC_LATER */
	uint64_t reserve_octets; /* free space below which nothing new is taken in */
};

/* Recovers what a crash left (EV_STORE_RECOVERED), makes the threads.  -1: *f says why. */
int engine_open(const struct engine_settings *settings, struct engine **out, struct fault *f)
	__attribute__((warn_unused_result));
/* Finishes what was submitted, makes everything durable; *e becomes NULL. */
void engine_close(struct engine **e);

/* Where answers go: to one process.  A new process in its place gets a new epoch; what was asked by the one
   before is not answered to it.  send: from any thread, one call at a time.  Lives as long as the engine. */
struct engine_outlet;
struct engine_outlet *engine_outlet_new(struct engine *e);
/* This is how to send to it from now on. */
void engine_outlet_connect(struct engine_outlet *o, void (*send)(void *arg, const struct message *m), void *arg);
/* Who was there is gone: nothing more is sent for what it asked. */
void engine_outlet_renew(struct engine_outlet *o);
/* Sends what no request of the engine asked for. */
void engine_send(struct engine_outlet *o, const struct message *m);

/* The account whose mail lies at path (absolute, checked); the same for the same path, and the engine's. */
struct engine_account *engine_account(struct engine *e, struct bytes path);

/* From now on the account whose mail lies there, if engine_account told of it, may take so much (RFC822.SIZE, messages; 0: there is
   no limit): DELIVER, APPEND and COPY of more are answered by IPC_OVER_QUOTA. */
void engine_set_quota(struct engine *e, struct bytes path, uint64_t octets, uint64_t messages);

/* Somebody logged in: the folders that clients look for are made, the first time. */
void engine_welcome(struct engine_account *a);

/* A client's session with the account.  What it has selected is told to the outlet (CHANGED).  Owned by the
   caller until engine_session_end; after that what was submitted before is still done. */
struct engine_session *engine_session_new(struct engine_account *a, struct engine_outlet *o);
void engine_session_end(struct engine_session **s);

/* A body that messages are made of, held by counts.  octets are copied; fd (-1: none) is taken over and read
   when it is needed. */
struct engine_body *engine_body_new(struct bytes octets, int fd);
struct engine_body *engine_body_hold(struct engine_body *b);
void engine_body_release(struct engine_body **b);

/* Does what m asks and answers it, later, through o: DELIVER (to the account, with body and without session),
   MAY_DELIVER and ASK_USE (to the account, without a session),
   APPEND (with body and session), everything else of a session (account NULL).  m is copied. */
void engine_submit(struct engine_account *a, struct engine_session *s, struct engine_body *body,
	struct engine_outlet *o, const struct message *m);
/* Answers m through o with an outcome alone, without asking the engine. */
void engine_refuse(struct engine_outlet *o, const struct message *m, enum ipc_outcome outcome);
/* Is there room for mail?  Looks at the disk once a second at most. */
bool engine_has_room(struct engine *e);
/* Can changes be made durable?  Not when the disk failed in a way that only starting anew mends. */
bool engine_is_sound(struct engine *e);
/* An unlinked file for a body of so many octets: a descriptor, or -1 with *outcome. */
int engine_new_file(struct engine *e, uint64_t octets, enum ipc_outcome *outcome);

#endif
