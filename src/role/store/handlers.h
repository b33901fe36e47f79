/* What the engine does for each message: the first step of a request, on the strand.  Each one ends with the
   request being answered, now or later. */
#ifndef STORE_HANDLERS_H
#define STORE_HANDLERS_H

#include "role/store/request.h"

/* SELECT, EXAMINE: answers with descriptors of the view and the summaries. */
void handle_select(struct request *r);
/* The session is told of no more changes. */
void handle_deselect(struct request *r);
/* What the session was told of is \Recent to no later one (RFC 3501 2.3.2). */
void handle_told(struct request *r);
/* Counts of a mailbox that need not be selected. */
void handle_status(struct request *r);
/* Looks for what other programs did to the selected mailbox. */
void handle_check(struct request *r);
/* Keeps what a front found out about a message that came without a summary. */
void handle_put_summary(struct request *r);
/* Descriptors of message files, as many as a frame carries. */
void handle_open_bodies(struct request *r);
/* STORE: answered when durable. */
void handle_set_flags(struct request *r);
/* EXPUNGE and UID EXPUNGE: answered when durable. */
void handle_expunge(struct request *r);
/* COPY and MOVE: all of the messages or none, answered when durable (RFC 3501 6.4.7, RFC 6851 3.3). */
void handle_copy(struct request *r);
/* A page of the account's mailboxes with their attributes. */
void handle_list(struct request *r);
/* Whether the account's quota has room for a message. */
void handle_may_deliver(struct request *r);
/* What the account's mail takes and may take. */
void handle_get_quota(struct request *r);
/* What an account's mail takes, whether it has a quota or not. */
void handle_ask_use(struct request *r);
/* CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE: answered when durable. */
void handle_mailbox_change(struct request *r);

/* The session has nothing selected any more. */
void handle_session_end(struct engine_session *s);
/* Pins the mailbox that r's session selected in r->mailbox.  False: answered already, there is none. */
bool handle_selected(struct request *r) __attribute__((warn_unused_result));

#endif
