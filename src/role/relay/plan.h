/* PLAN: what the relay would do with a mail for that hop, and why, without doing it.

   A mail without envelope goes its way (sending_way.c) as every mail does, up to where a connection would be made: there the host is told
   of in place of it.  Lines, as role/control_line.h has them:

     source address=…                     of `source_address`, one or two; none: the system chooses
     login host=… name=…                  with that name we log in there
     host name=… preference=… addresses=… tls=… cause=… rule=… authentic=… trouble=…
                                          in the order in which they are tried.  name: empty for a literal address; preference: -1 when it is of no MX record;
                                          addresses: with commas; tls: the level; rule: of the directive that the level is of; authentic:
                                          all that leads there is signed (RFC 7672 2.2); trouble: why it could not be tried now
     trouble outcome=later|never reply=…  what the mail would get, if no host is left

   At most PLANS_MAX at a time; what is not known after PLAN_MS is told as late. */
#ifndef RELAY_PLAN_H
#define RELAY_PLAN_H

#include "role/relay/relay_internal.h"

/* Takes a PLAN and answers PLANNED, at once or later. */
void plan_new(struct relay *relay, const struct ipc_plan *m);
/* The addresses of the host whose turn it is would be tried now. */
void plan_host(struct sending *s);
/* It is over, for that reason, which may be empty. */
void plan_end(struct sending *s, enum smtp_client_outcome outcome, const char *text);
/* Nobody waits for any of them. */
void plan_abort_all(struct relay *relay);

#endif
