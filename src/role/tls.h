/* TLS over a non-blocking socket, whichever side we are, over OpenSSL: handshake, octets in and out.  Who makes an SSL
   says what it offers and trusts (front/tls.h, relay/tls_client.h). */
#ifndef ROLE_TLS_H
#define ROLE_TLS_H

#include "base/bytes.h"
#include "base/fault.h"

#include <openssl/ssl.h>
#include <sys/types.h>

struct tls;

/* Takes ssl over, whose state (accept or connect) is set; the socket stays the caller's.  `released` (or NULL) is called
   with `owner` when it is freed.  Owned. */
struct tls *tls_over(SSL *ssl, int fd, void (*released)(void *owner), void *owner);
/* Sends close_notify if that goes without waiting, and frees; sets *t to NULL. */
void tls_free(struct tls **t);

enum tls_status { TLS_DONE, TLS_WANTS_READ, TLS_WANTS_WRITE, TLS_BROKEN };

/* One round of the handshake. TLS_BROKEN: *f says why. */
enum tls_status tls_handshake(struct tls *t, struct fault *f);
/* As net_read / net_write: -1 with errno EAGAIN when it has to wait, 0 at the end of input. */
ssize_t tls_read(struct tls *t, void *to, size_t count);
ssize_t tls_write(struct tls *t, struct bytes from);
/* What was found wrong with the other side's certificate (X509_V_ERR_...); X509_V_OK: nothing, nobody looked, or it never came. */
long tls_verdict(const struct tls *t);
/* The same, whether it counted or not. */
long tls_unasked_verdict(const struct tls *t);
/* Does it wait for the socket to become writable although we read (or the reverse)? */
bool tls_wants_write(const struct tls *t);
/* "TLSv1.3"; "TLS_AES_256_GCM_SHA384".  Borrowed until tls_free. */
const char *tls_version(const struct tls *t);
const char *tls_cipher(const struct tls *t);
/* Sets *f to what OpenSSL's last error was, and returns -1. */
int tls_set_fault(struct fault *f, const char *what, struct bytes path);

#endif
