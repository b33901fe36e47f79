/* What a client hears of what the directory says: in one place, for the fronts that say it and for `mermoz explain`. */
#ifndef ROLE_ANSWERS_H
#define ROLE_ANSWERS_H

#include "config/admission.h"
#include "proto/imap/session.h"
#include "proto/smtp/session.h"

/* RCPT, as far as it is decided by who asks for whom: the queue has to be there for places elsewhere.  A route that refuses has words of its own. */
enum smtp_answer answer_to_recipient(enum admission admission);
/* The route that refuses mail from a sender for a place elsewhere that an address leads to, or NULL: of those that the front has to ask for at
   RCPT, when all of them are refused, and else the queue, which tells the sender. */
const struct config_route *answer_refusal(const struct config *c, struct bytes sender, struct bytes address);
/* MAIL by somebody who logged in. */
enum smtp_answer answer_to_sender(enum ipc_outcome outcome);
/* A log-in.  refusal counts with IPC_DENIED alone: absent, disabled, wrong - who doesn't know the password hears the same. */
enum smtp_answer answer_to_smtp_login(enum ipc_outcome outcome, enum ipc_refusal refusal);
enum imap_outcome answer_to_imap_login(enum ipc_outcome outcome, enum ipc_refusal refusal);

#endif
