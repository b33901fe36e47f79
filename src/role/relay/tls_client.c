#include "role/relay/tls_client.h"

#include <assert.h>

SSL_CTX *
tls_client_context(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	assert(context);
	(void)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	(void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	(void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	/* A record's head and body with one read. */
	SSL_CTX_set_read_ahead(context, 1);
	(void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	/* RFC 7435: without a certificate that is checked, TLS is still better than none. */
	SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
	return context;
}

struct tls *
tls_client_new(SSL_CTX *context, int fd, const char *name)
{
	SSL *ssl = SSL_new(context);

	assert(ssl);
	SSL_set_connect_state(ssl);
	if (name[0])
		(void)SSL_set_tlsext_host_name(ssl, name);
	return tls_over(ssl, fd, NULL, NULL);
}
