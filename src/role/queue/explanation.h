/* `mermoz explain`: where mail for an address would go from here, now, and what stands in its way.

   A question of the control socket, as role/control_line.h has lines:

     explain recipient=ADDRESS

   Answer, of mail that goes to another host:

     route pattern=… target=…            the route that counts; pattern empty: none does.  target: as the configuration writes it
     destination name=… waiting=… sending=… failures=… rests_until_s=… limit=…
                                         as `mermoz queue` calls it: recipients that wait for it, mails on their way there, how often in a
                                         row nobody answered, until when it rests (0: it does not), mails that may go at a time
     …                                   what the relay says (relay/plan.h), or: relay_away
     end

   The schedule is looked at and not changed. */
#ifndef QUEUE_EXPLANATION_H
#define QUEUE_EXPLANATION_H

#include "role/control.h"

struct queue;

/* Is that line a question for us? */
bool explanation_takes(struct bytes line);
/* For control_handlers; arg: the struct queue. */
void explanation_ask(void *arg, struct control_question *question, struct bytes line);
/* Nobody is answered any more. */
void explanation_end_all(struct queue *q);

#endif
