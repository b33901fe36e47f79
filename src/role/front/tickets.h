/* The keys of TLS session tickets (RFC 5077 4, RFC 8446 4.6.1): the supervisor's, the same in every front, so that a
   session that began on one goes on with any, over reloads and restarts of fronts. */
#ifndef FRONT_TICKETS_H
#define FRONT_TICKETS_H

#include "ipc/ipc.h"

#include <openssl/ssl.h>

struct tickets;

/* With a key of its own, until the supervisor's come.  Owned; it must outlive the contexts that use it. */
struct tickets *tickets_new(void);
/* Wipes and frees; sets *t to NULL. */
void tickets_free(struct tickets **t);
/* From now on tickets are made with the current key; those of the previous one are taken, and renewed.  The keys
   before are wiped. */
void tickets_take(struct tickets *t, const struct ipc_ticket_keys *keys);
/* Connections of the context use these keys. */
void tickets_use(struct tickets *t, SSL_CTX *context);

#endif
