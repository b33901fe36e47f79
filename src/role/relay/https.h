/* HTTPS requests (RFC 9110) over libcurl, on the loop: one answer each, from addresses that the caller looked up.  No redirects, no proxies,
   no cookies, nothing kept; TLS 1.2 and newer, and a certificate that is trusted and for the host. */
#ifndef RELAY_HTTPS_H
#define RELAY_HTTPS_H

#include "base/bytes.h"
#include "sys/loop.h"
#include "sys/net.h"

#include <openssl/x509.h>

struct https;
struct https_call;

struct https_request {
	struct bytes host, path; /* path: with its slash */
	uint16_t port;
	struct bytes type, body; /* what is POSTed, and of which media type; without a body it is a GET */
	const struct net_address *addresses; /* of the host */
	size_t address_count;
	size_t octets_max; /* of the answer's body; with more there is no answer */
	uint32_t within_ms;
};

struct https_answer {
	const char *error; /* why there is none, or NULL */
	bool is_untrusted; /* that is it: the server's certificate */
	long status;
	struct bytes type, body; /* type: of the media (RFC 9110 8.3), or empty */
};

/* Called once, never from in https_ask.  The answer is borrowed for the call. */
typedef void (*https_answered)(void *arg, const struct https_answer *answer);

/* Before the jail.  trusted: the certificates to trust; kept. Owned. */
struct https *https_new(X509_STORE *trusted);
/* On which loop. */
void https_start(struct https *h, struct loop *loop);
/* NULL: it can't be asked for (a host or a path that no URL has). */
struct https_call *https_ask(struct https *h, const struct https_request *r, https_answered answered, void *arg);
/* The answer is not wanted any more. */
void https_forget(struct https_call *c);
/* With all that is under way, which is not answered; sets *h to NULL, the memory goes with the loop's turn. */
void https_free(struct https **h);

#endif
