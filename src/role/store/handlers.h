/* What the engine does for each message: the first step of a request, on the strand.  Each one ends with the
   request being answered, now or later. */
#ifndef STORE_HANDLERS_H
#define STORE_HANDLERS_H

#include "role/store/request.h"

void handle_select(struct request *r);
void handle_deselect(struct request *r);
void handle_status(struct request *r);
void handle_check(struct request *r);
void handle_put_summary(struct request *r);
void handle_open_bodies(struct request *r);
void handle_set_flags(struct request *r);
void handle_expunge(struct request *r);
void handle_copy(struct request *r);
void handle_list(struct request *r);
void handle_mailbox_change(struct request *r);

/* The session has nothing selected any more. */
void handle_session_end(struct engine_session *s);
/* Pins the mailbox that r's session selected in r->mailbox.  False: answered already, there is none. */
bool handle_selected(struct request *r) __attribute__((warn_unused_result));

#endif
