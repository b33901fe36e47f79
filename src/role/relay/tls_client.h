/* TLS towards other servers (RFC 3207): 1.2 and newer, SNI, and what is asked of the server's certificate. */
#ifndef RELAY_TLS_CLIENT_H
#define RELAY_TLS_CLIENT_H

#include "config/config.h"
#include "proto/tlsrpt/tlsrpt.h"
#include "role/tls.h"

enum tls_client_level {
	TLS_CLIENT_NONE, /* in the clear */
	TLS_CLIENT_MAY, /* when it works; nobody looks at the certificate (RFC 7435) */
	TLS_CLIENT_ENCRYPT, /* or not at all; nobody looks at the certificate */
	TLS_CLIENT_VERIFY, /* or not at all; the certificate is trusted, and for one of the names */
	TLS_CLIENT_DANE, /* or not at all; the certificate is what TLSA records say (RFC 7672) */
};

/* What the level was chosen by. */
enum tls_client_cause {
	TLS_CAUSE_DEFAULT, /* nothing else is said */
	TLS_CAUSE_RULE, /* outgoing_tls */
	TLS_CAUSE_LOGIN, /* outgoing_login */
	TLS_CAUSE_REQUIRETLS, /* of the mail's sender (RFC 8689) */
	TLS_CAUSE_DANE, /* TLSA records of the host (RFC 7672) */
	TLS_CAUSE_STS, /* the domain's MTA-STS policy (RFC 8461) */
};

/* Who is meant. */
struct tls_client_peer {
	enum tls_client_level level;
	const char *name; /* of the server, for SNI; "" for an address; DANE: that the TLSA records are of (RFC 7672 8.1) */
	struct bytes domain; /* that the mail is for, or the relay host */
	struct config_texts names; /* VERIFY: one of these; none: the domain and what is below it */
	enum tls_client_cause cause; /* VERIFY, by STS or REQUIRETLS: for the host's name and no other (RFC 8461 4.2, RFC 8689 4.2.1) */
	bool is_tested; /* MAY, ENCRYPT: what is found wrong with its certificate, as with VERIFY by STS, is only told (tls_client_tested) */
	struct bytes tlsa; /* DANE: entries of u8 usage, u8 selector, u8 matching, u16 length, octets (LOOKED_UP) */
};

/* Reads what OpenSSL reads of the system, and the certificates to trust: before the jail.  Owned.  *f says why they can't be read;
   FAULT_NONE: they were. */
SSL_CTX *tls_client_context(struct bytes ca_path, struct fault *f);
/* A connection's TLS over a non-blocking socket, which stays the caller's.  Owned; context outlives it. */
struct tls *tls_client_new(SSL_CTX *context, int fd, const struct tls_client_peer *peer);
/* RFC 7672 2.2, 3.1.3: is there a record that can be used?  If not, TLS is still asked for. */
bool tls_client_has_usable(struct bytes tlsa);
/* Why a handshake broke, as RFC 8460 4.3 tells failures apart; NULL: there was none. */
enum tlsrpt_result tls_client_failure_of(const struct tls *t);
/* The same in OpenSSL's words; "": nothing was wrong with the certificate. */
const char *tls_client_trouble_of(const struct tls *t);
/* Of a handshake that is done with a peer that is_tested: what would have been wrong, and in OpenSSL's words; TLSRPT_SUCCESS, "": nothing. */
enum tlsrpt_result tls_client_tested(const struct tls *t);
const char *tls_client_tested_trouble(const struct tls *t);
/* "may", "verify", …; "default", "outgoing_tls", "dane", …: for events. */
const char *tls_client_level_name(enum tls_client_level level);
const char *tls_client_cause_name(enum tls_client_cause cause);

#endif
