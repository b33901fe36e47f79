#include "role/tls.h"

#include "base/memory.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>

struct tls {
	SSL *ssl;
	void (*released)(void *owner);
	void *owner;
	bool wants_write;
	bool is_broken; /* after a fatal error OpenSSL must not be asked for close_notify */
};

int
tls_set_fault(struct fault *f, const char *what, struct bytes path)
{
	char reason[120] = "no reason given";
	unsigned long code = ERR_peek_last_error();

	if (code)
		ERR_error_string_n(code, reason, sizeof reason);
	ERR_clear_error();
	return fault_set(f, FAULT_PERM, "%s %.*s: %s", what, BYTES_ARG(path), reason);
}

struct tls *
tls_over(SSL *ssl, int fd, void (*released)(void *owner), void *owner)
{
	struct tls *t = NEW(struct tls);

	t->ssl = ssl;
	t->released = released;
	t->owner = owner;
	(void)SSL_set_fd(ssl, fd);
	return t;
}

void
tls_free(struct tls **t)
{
	if (!*t)
		return;
	if (!(*t)->is_broken && SSL_is_init_finished((*t)->ssl))
		(void)SSL_shutdown((*t)->ssl);
	ERR_clear_error();
	SSL_free((*t)->ssl);
	if ((*t)->released)
		(*t)->released((*t)->owner);
	memory_free(*t);
	*t = NULL;
}

/* What SSL_get_error means for the driver. */
static enum tls_status
status_of(struct tls *t, int result)
{
	int error = SSL_get_error(t->ssl, result);

	t->wants_write = error == SSL_ERROR_WANT_WRITE;
	if (error == SSL_ERROR_WANT_READ)
		return TLS_WANTS_READ;
	if (error == SSL_ERROR_WANT_WRITE)
		return TLS_WANTS_WRITE;
	if (error != SSL_ERROR_ZERO_RETURN)
		t->is_broken = true;
	return TLS_BROKEN;
}

long
tls_verdict(const struct tls *t)
{
	return SSL_get_verify_mode(t->ssl) == SSL_VERIFY_NONE ? X509_V_OK : SSL_get_verify_result(t->ssl);
}

long
tls_unasked_verdict(const struct tls *t)
{
	return SSL_get_verify_result(t->ssl);
}

/* A certificate that is not trusted: OpenSSL's error says only that it is not. */
static void
set_handshake_fault(const struct tls *t, struct fault *f)
{
	long verdict = tls_verdict(t);

	if (verdict == X509_V_OK) {
		(void)tls_set_fault(f, "TLS handshake", BYTES_NONE);
		return;
	}
	ERR_clear_error();
	(void)fault_set(f, FAULT_PERM, "the certificate is not trusted: %s", X509_verify_cert_error_string(verdict));
}

enum tls_status
tls_handshake(struct tls *t, struct fault *f)
{
	enum tls_status status;
	int result;

	ERR_clear_error();
	result = SSL_do_handshake(t->ssl);
	if (result == 1) {
		t->wants_write = false;
		return TLS_DONE;
	}
	status = status_of(t, result);
	if (status == TLS_BROKEN)
		set_handshake_fault(t, f);
	return status;
}

ssize_t
tls_read(struct tls *t, void *to, size_t count)
{
	int result;

	ERR_clear_error();
	result = SSL_read(t->ssl, to, count > INT_MAX ? INT_MAX : (int)count);
	if (result > 0) {
		t->wants_write = false;
		return result;
	}
	if (status_of(t, result) != TLS_BROKEN) {
		errno = EAGAIN;
		return -1;
	}
	return 0;
}

ssize_t
tls_write(struct tls *t, struct bytes from)
{
	int result;

	ERR_clear_error();
	result = SSL_write(t->ssl, from.ptr, from.len > INT_MAX ? INT_MAX : (int)from.len);
	if (result > 0) {
		t->wants_write = false;
		return result;
	}
	errno = status_of(t, result) == TLS_BROKEN ? EPIPE : EAGAIN;
	return -1;
}

bool
tls_wants_write(const struct tls *t)
{
	return t->wants_write;
}

const char *
tls_version(const struct tls *t)
{
	return SSL_get_version(t->ssl);
}

const char *
tls_cipher(const struct tls *t)
{
	return SSL_get_cipher_name(t->ssl);
}
