#include "role/front/tls.h"

#include "base/memory.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct tls_server {
	SSL_CTX **contexts; /* one a certificate; the first is for clients without SNI */
	size_t count;
	size_t users; /* who holds it: the owner and each connection, whose handshake asks for names */
};

struct tls {
	SSL *ssl;
	struct tls_server *server;
	bool wants_write;
	bool is_broken; /* after a fatal error OpenSSL must not be asked for close_notify */
};

static int
set_openssl_fault(struct fault *f, const char *what, struct bytes path)
{
	char reason[120] = "no reason given";
	unsigned long code = ERR_peek_last_error();

	if (code)
		ERR_error_string_n(code, reason, sizeof reason);
	ERR_clear_error();
	return fault_set(f, FAULT_PERM, "%s %.*s: %s", what, BYTES_ARG(path), reason);
}

static int
use_chain(SSL_CTX *context, struct bytes pem)
{
	BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	int result = -1;

	if (certificate && SSL_CTX_use_certificate(context, certificate) == 1)
		result = 0;
	X509_free(certificate);
	while (result == 0 && (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
		if (SSL_CTX_add0_chain_cert(context, certificate) != 1) {
			X509_free(certificate);
			result = -1;
		}
	BIO_free(bio);
	if (result == 0)
		ERR_clear_error(); /* the end of the file is not an error */
	return result;
}

static int
use_key(SSL_CTX *context, struct bytes secret_pem)
{
	BIO *bio = BIO_new_mem_buf(secret_pem.ptr, (int)secret_pem.len);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	int result = key && SSL_CTX_use_PrivateKey(context, key) == 1 ? 0 : -1;

	EVP_PKEY_free(key);
	BIO_free(bio);
	return result;
}

/* Certificates match a name as RFC 6125 6.4.3 has it: exactly, or by a wildcard label. */
static int
choose_certificate(SSL *ssl, int *alert, void *arg)
{
	const struct tls_server *server = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)alert;
	for (size_t i = 0; name && i < server->count; i++) {
		X509 *certificate = SSL_CTX_get0_certificate(server->contexts[i]);

		if (X509_check_host(certificate, name, 0, 0, NULL) != 1)
			continue;
		(void)SSL_set_SSL_CTX(ssl, server->contexts[i]);
		return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *
new_context(struct tls_server *server, struct tickets *tickets)
{
	static const uint8_t session_context[] = "mermoz";
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	assert(context);
	(void)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	(void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	(void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
		SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	/* RFC 9325 4.2: forward secrecy and AEAD, for TLS 1.2 too. */
	(void)SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");
	/* Tickets instead of a cache in memory; one ticket a handshake is enough for a mail client. */
	(void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_session_id_context(context, session_context, sizeof session_context - 1);
	(void)SSL_CTX_set_num_tickets(context, 1);
	tickets_use(tickets, context);
	SSL_CTX_set_tlsext_servername_callback(context, choose_certificate);
	SSL_CTX_set_tlsext_servername_arg(context, server);
	return context;
}

static int
add_certificate(struct tls_server *server, const struct config_certificate *c, struct tickets *tickets, struct fault *f)
{
	SSL_CTX *context = new_context(server, tickets);

	server->contexts[server->count++] = context;
	if (use_chain(context, c->chain_pem) != 0)
		return set_openssl_fault(f, "certificate", c->chain_path);
	if (use_key(context, c->secret_key_pem) != 0)
		return set_openssl_fault(f, "private key", c->key_path);
	if (SSL_CTX_check_private_key(context) != 1)
		return set_openssl_fault(f, "the certificate does not belong to the private key", c->key_path);
	return 0;
}

struct tls_server *
tls_server_new(const struct config *config, struct tickets *tickets, struct fault *f)
{
	struct tls_server *server;

	*f = (struct fault){ .kind = FAULT_NONE };
	if (config->certificate_count == 0)
		return NULL;
	server = NEW(struct tls_server);
	server->users = 1;
	server->contexts = memory_new_array(config->certificate_count, sizeof(SSL_CTX *));
	for (size_t i = 0; i < config->certificate_count; i++)
		if (add_certificate(server, &config->certificates[i], tickets, f) != 0) {
			tls_server_free(&server);
			return NULL;
		}
	return server;
}

void
tls_server_free(struct tls_server **server)
{
	struct tls_server *s = *server;

	*server = NULL;
	if (!s || --s->users > 0)
		return;
	for (size_t i = 0; i < s->count; i++)
		SSL_CTX_free(s->contexts[i]);
	memory_free(s->contexts);
	memory_free(s);
}

struct tls *
tls_new(struct tls_server *server, int fd)
{
	struct tls *t = NEW(struct tls);

	server->users++;
	t->server = server;
	t->ssl = SSL_new(server->contexts[0]);
	assert(t->ssl);
	(void)SSL_set_fd(t->ssl, fd);
	SSL_set_accept_state(t->ssl);
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
	tls_server_free(&(*t)->server);
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
		(void)set_openssl_fault(f, "TLS handshake", BYTES_NONE);
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
