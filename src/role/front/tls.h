/* TLS for clients, over OpenSSL: certificates chosen by SNI, 1.2 and newer, tickets. */
#ifndef FRONT_TLS_H
#define FRONT_TLS_H

#include "base/buf.h"
#include "base/fault.h"
#include "config/config.h"
#include "role/front/tickets.h"

#include <sys/types.h>

struct tls_server;
struct tls;

/* All certificates of the configuration.  NULL with *f when one can't be used (which, and why) or there is
   none (then *f is FAULT_NONE).  Owned; connections keep what they need of it alive, but for the tickets. */
struct tls_server *tls_server_new(const struct config *config, struct tickets *tickets, struct fault *f);
void tls_server_free(struct tls_server **server);

/* A connection's TLS over a non-blocking socket, which stays the caller's.  Owned. */
struct tls *tls_new(struct tls_server *server, int fd);
/* Sends close_notify if that goes without waiting, and frees; sets *t to NULL. */
void tls_free(struct tls **t);

enum tls_status { TLS_DONE, TLS_WANTS_READ, TLS_WANTS_WRITE, TLS_BROKEN };

/* One round of the handshake. TLS_BROKEN: *f says why. */
enum tls_status tls_handshake(struct tls *t, struct fault *f);
/* As net_read / net_write: -1 with errno EAGAIN when it has to wait, 0 at the end of input. */
ssize_t tls_read(struct tls *t, void *to, size_t count);
ssize_t tls_write(struct tls *t, struct bytes from);
/* Does it wait for the socket to become writable although we read (or the reverse)? */
bool tls_wants_write(const struct tls *t);
/* "TLSv1.3"; "TLS_AES_256_GCM_SHA384".  Borrowed until tls_free. */
const char *tls_version(const struct tls *t);
const char *tls_cipher(const struct tls *t);

#endif
