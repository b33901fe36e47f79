/* Reports on TLS (RFC 8460), as far as the network goes: what became of sessions is told to the queue, where reports go is looked up, and those over
   HTTPS are handed over. */
#ifndef RELAY_TLS_REPORT_H
#define RELAY_TLS_REPORT_H

#include "base/buf.h"
#include "ipc/ipc.h"
#include "proto/sts/sts.h"
#include "proto/tlsrpt/tlsrpt.h"

#include <openssl/x509.h>

/* Of a policy; what is longer is cut behind a whole line. */
#define TLS_FINDING_OCTETS_MAX 4096
/* Questions and reports of the queue at a time; it waits with more. */
#define TLS_CALLS_MAX 32

struct loop;
struct relay;
struct relay_target;
struct sending;
struct tls_calls;

/* What a host's sessions are measured by. */
struct tls_finding {
	bool is_wanted; /* they are counted */
	enum tlsrpt_policy_type type;
	struct buf policy; /* its lines */
	enum tlsrpt_result failure; /* found before any session, all of which fail so; TLSRPT_SUCCESS: none */
	const char *reason; /* of that; "" */
};

/* The level of TLS with the next host is set: nothing was found yet. */
void tls_report_begin(struct sending *s);
/* TLSA records (as in LOOKED_UP) that count, or none that could be looked up. */
void tls_report_found_records(struct sending *s, struct bytes records, enum tlsrpt_result failure);
/* The MTA-STS policy that is in force, or NULL; failure: of the last attempt to fetch one.  Where TLSA records count it does not. */
void tls_report_found_policy(struct sending *s, const struct sts_policy *policy, bool is_named, enum tlsrpt_result failure);
/* Nobody could look for a policy: nothing is said of the host. */
void tls_report_found_nothing(struct sending *s);
/* There is no session, because of what was found. */
void tls_report_no_session(const struct sending *s);
/* What became of TLS in a session over fd. */
void tls_report_tell(const struct sending *s, const struct relay_target *target, int fd, struct bytes helo, enum tlsrpt_result result, struct bytes reason);

/* Before the jail.  trusted: the certificates of HTTPS servers.  Owned. */
struct tls_calls *tls_calls_new(X509_STORE *trusted);
void tls_calls_start(struct tls_calls *t, struct relay *relay);
/* FIND_TARGETS, POST_REPORT: each is answered once, as long as the queue is there. */
void tls_calls_find(struct tls_calls *t, const struct ipc_find_targets *m);
void tls_calls_post(struct tls_calls *t, const struct ipc_post_report *m);
/* Nobody waits for answers any more. */
void tls_calls_abort(struct tls_calls *t);
/* Sets *t to NULL. */
void tls_calls_free(struct tls_calls **t);

#endif
