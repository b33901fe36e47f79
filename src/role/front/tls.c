#include "role/front/tls.h"

#include "base/memory.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct tls_server {
	SSL_CTX **contexts; /* one a certificate; the first is for clients without SNI */
	size_t count;
	size_t users; /* who holds it: the owner and each connection, whose handshake asks for names */
};

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
		return tls_set_fault(f, "certificate", c->chain_path);
	if (use_key(context, c->secret_key_pem) != 0)
		return tls_set_fault(f, "private key", c->key_path);
	if (SSL_CTX_check_private_key(context) != 1)
		return tls_set_fault(f, "the certificate does not belong to the private key", c->key_path);
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

static void
released(void *owner)
{
	struct tls_server *server = owner;

	tls_server_free(&server);
}

struct tls *
tls_new(struct tls_server *server, int fd)
{
	SSL *ssl = SSL_new(server->contexts[0]);

	assert(ssl);
	server->users++;
	SSL_set_accept_state(ssl);
	return tls_over(ssl, fd, released, server);
}
