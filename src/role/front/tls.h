/* TLS for clients, over OpenSSL: certificates chosen by SNI, 1.2 and newer, tickets. */
#ifndef FRONT_TLS_H
#define FRONT_TLS_H

#include "base/buf.h"
#include "base/fault.h"
#include "config/config.h"
#include "role/front/tickets.h"
#include "role/tls.h"

struct tls_server;

/* All certificates of the configuration.  NULL with *f when one can't be used (which, and why) or there is
   none (then *f is FAULT_NONE).  Owned; connections keep what they need of it alive, but for the tickets. */
struct tls_server *tls_server_new(const struct config *config, struct tickets *tickets, struct fault *f);
void tls_server_free(struct tls_server **server);

/* A connection's TLS over a non-blocking socket, which stays the caller's.  Owned. */
struct tls *tls_new(struct tls_server *server, int fd);

#endif
