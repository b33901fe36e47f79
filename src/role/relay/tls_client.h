/* TLS towards other servers (RFC 3207): 1.2 and newer, SNI.  A server's certificate is not asked for yet: who takes the mail of
   a domain is what DNS says, unless it is signed. */
#ifndef RELAY_TLS_CLIENT_H
#define RELAY_TLS_CLIENT_H

#include "role/tls.h"

/* Reads what OpenSSL reads of the system; before the jail.  Owned. */
SSL_CTX *tls_client_context(void);
/* A connection's TLS over a non-blocking socket, which stays the caller's.  name: of the server, for SNI; empty for an address.
   Owned; context outlives it. */
struct tls *tls_client_new(SSL_CTX *context, int fd, const char *name);

#endif
