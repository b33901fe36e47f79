#include "role/relay/tls_client.h"

#include "base/buf.h"
#include "sys/net.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>

enum { NAME_MAX_OCTETS = 256, PATH_MAX_OCTETS = 1024 };

static void
load_trusted(SSL_CTX *context, struct bytes path, struct fault *f)
{
	char text[PATH_MAX_OCTETS];

	*f = (struct fault){ .kind = FAULT_NONE };
	if (path.len == 0)
		return;
	(void)snprintf(text, sizeof text, "%.*s", BYTES_ARG(path));
	if (SSL_CTX_load_verify_file(context, text) != 1)
		(void)tls_set_fault(f, "certificates to trust", path);
	ERR_clear_error();
}

SSL_CTX *
tls_client_context(struct bytes ca_path, struct fault *f)
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
	SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
	(void)SSL_CTX_dane_enable(context);
	load_trusted(context, ca_path, f);
	return context;
}

/* RFC 6125 6.4; a name that begins with a dot is for all that is below it. */
static void
add_name(SSL *ssl, struct bytes name)
{
	char text[NAME_MAX_OCTETS];

	(void)snprintf(text, sizeof text, "%.*s", BYTES_ARG(name));
	(void)SSL_add1_host(ssl, text);
}

static void
add_domain(SSL *ssl, struct bytes domain)
{
	char below[NAME_MAX_OCTETS];
	struct net_address address;

	/* OpenSSL demands all of what it is told of addresses and names: nothing is below an address. */
	if (net_address_parse(domain, 0, &address, NULL) == 0) {
		add_name(ssl, domain);
		return;
	}
	(void)snprintf(below, sizeof below, ".%.*s", BYTES_ARG(domain));
	add_name(ssl, domain);
	add_name(ssl, bytes_text(below));
}

/* RFC 8461 4.2: a DNS-ID, which the subject's name is not. */
static void
demand_host(SSL *ssl, const struct tls_client_peer *peer)
{
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	add_name(ssl, bytes_text(peer->name));
}

static void
demand_names(SSL *ssl, const struct tls_client_peer *peer)
{
	SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	if (peer->cause == TLS_CAUSE_STS) {
		demand_host(ssl, peer);
		return;
	}
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (peer->name[0] && peer->cause == TLS_CAUSE_REQUIRETLS) {
		add_name(ssl, bytes_text(peer->name));
		return;
	}
	if (peer->names.count == 0)
		add_domain(ssl, peer->domain);
	for (size_t i = 0; i < peer->names.count; i++)
		add_name(ssl, peer->names.at[i]);
}

struct record {
	uint8_t usage, selector, matching;
	struct bytes octets;
};

static bool
take_record(struct bytes *in, struct record *r)
{
	uint16_t len;

	return take_u8(in, &r->usage) && take_u8(in, &r->selector) && take_u8(in, &r->matching) && take_u16(in, &len) &&
		take_octets(in, len, &r->octets);
}

/* RFC 7672 3.1: DANE-TA(2) and DANE-EE(3); the others make no sense for SMTP.  RFC 6698 2.1.2, 2.1.3. */
static bool
is_usable(const struct record *r)
{
	static const size_t digests[] = { 0, 32, 64 };

	if ((r->usage != 2 && r->usage != 3) || r->selector > 1 || r->matching > 2)
		return false;
	return r->matching == 0 ? r->octets.len > 0 : r->octets.len == digests[r->matching];
}

bool
tls_client_has_usable(struct bytes tlsa)
{
	struct record r;

	while (take_record(&tlsa, &r))
		if (is_usable(&r))
			return true;
	return false;
}

static void
demand_records(SSL *ssl, const struct tls_client_peer *peer)
{
	struct bytes rest = peer->tlsa;
	struct record r;

	SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	/* RFC 7672 3.2.2: with DANE-TA, the host's name or the domain's. */
	(void)SSL_dane_enable(ssl, peer->name);
	add_name(ssl, peer->domain);
	/* RFC 7672 3.1.1: with DANE-EE the name does not count. */
	(void)SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
	while (take_record(&rest, &r))
		if (is_usable(&r))
			(void)SSL_dane_tlsa_add(ssl, r.usage, r.selector, r.matching, r.octets.ptr, r.octets.len);
	ERR_clear_error();
}

struct tls *
tls_client_new(SSL_CTX *context, int fd, const struct tls_client_peer *peer)
{
	SSL *ssl = SSL_new(context);

	assert(ssl);
	SSL_set_connect_state(ssl);
	if (peer->name[0])
		(void)SSL_set_tlsext_host_name(ssl, peer->name);
	if (peer->level == TLS_CLIENT_VERIFY)
		demand_names(ssl, peer);
	else if (peer->level == TLS_CLIENT_DANE)
		demand_records(ssl, peer);
	else if (peer->is_tested)
		demand_host(ssl, peer);
	return tls_over(ssl, fd, NULL, NULL);
}

static enum tlsrpt_result
result_of(long verdict)
{
	switch (verdict) {
	case X509_V_OK:
		return TLSRPT_SUCCESS;
	/* RFC 7672: none of the records is of the certificate. */
	case X509_V_ERR_DANE_NO_MATCH:
		return TLSRPT_VALIDATION;
	case X509_V_ERR_HOSTNAME_MISMATCH:
		return TLSRPT_HOST_MISMATCH;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return TLSRPT_EXPIRED;
	default:
		return TLSRPT_NOT_TRUSTED;
	}
}

enum tlsrpt_result
tls_client_failure_of(const struct tls *t)
{
	enum tlsrpt_result result = result_of(t ? tls_verdict(t) : X509_V_OK);

	return result == TLSRPT_SUCCESS ? TLSRPT_VALIDATION : result;
}

static const char *
trouble_of(long verdict)
{
	return verdict == X509_V_OK ? "" : X509_verify_cert_error_string(verdict);
}

const char *
tls_client_trouble_of(const struct tls *t)
{
	return trouble_of(t ? tls_verdict(t) : X509_V_OK);
}

enum tlsrpt_result
tls_client_tested(const struct tls *t)
{
	return result_of(tls_unasked_verdict(t));
}

const char *
tls_client_tested_trouble(const struct tls *t)
{
	return trouble_of(tls_unasked_verdict(t));
}

const char *
tls_client_level_name(enum tls_client_level level)
{
	static const char *const names[] = { [TLS_CLIENT_NONE] = "none", [TLS_CLIENT_MAY] = "may", [TLS_CLIENT_ENCRYPT] = "encrypt",
		[TLS_CLIENT_VERIFY] = "verify", [TLS_CLIENT_DANE] = "dane" };

	return names[level];
}

const char *
tls_client_cause_name(enum tls_client_cause cause)
{
	static const char *const names[] = { [TLS_CAUSE_DEFAULT] = "default", [TLS_CAUSE_RULE] = "outgoing_tls",
		[TLS_CAUSE_LOGIN] = "outgoing_login", [TLS_CAUSE_REQUIRETLS] = "requiretls", [TLS_CAUSE_DANE] = "dane",
		[TLS_CAUSE_STS] = "mta-sts" };

	return names[cause];
}
