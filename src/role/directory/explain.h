/* `mermoz explain`: what would become of a mail, a log-in or a sender, and why.

   A question of the control socket is answered by the very functions that serve fronts (directory_resolve.c,
   directory_login.c, accounts_resolve.c), which tell a trace what they meet; nothing is granted to anybody, nor
   remembered.  Question, as control_line.h has lines:

     explain recipient=ADDRESS [sender=ADDRESS] [as=NAME] [client=IP]
     explain sender=ADDRESS as=NAME
     explain login=NAME

   client: where somebody who did not log in connects from.  A sender that an account has stands for that account's log-in when neither
   `as` nor `client` is said.

   Answer: the steps of trace.def, of each address elsewhere that mail would be queued for `handed_on`, then where all that is from, and last a line `decision`. */
#ifndef ROLE_DIRECTORY_EXPLAIN_H
#define ROLE_DIRECTORY_EXPLAIN_H

#include "ipc/ipc.h"
#include "role/directory/accounts.h"
#include "role/control.h"

/* A question that is not answered yet. */
struct explaining;

/* For control_handlers; arg: the struct directory. */
void explain(void *arg, struct control_question *question, struct bytes line);
/* NULL for NULL. */
const struct trace *explain_trace(const struct explaining *why);
/* Answers a question for a recipient; it is gone.  sender: of what goes on elsewhere. */
void explain_resolved(struct explaining *why, enum ipc_outcome outcome, struct bytes sender, const struct targets *targets);
/* Nobody is answered any more; NULL is fine. */
void explain_free(struct explaining **why);
struct directory;
/* The same for all that are left. */
void explain_free_all(struct directory *d);

#endif
