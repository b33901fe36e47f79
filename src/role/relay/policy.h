/* The MTA-STS policies of domains (RFC 8461): found in DNS, fetched over HTTPS, kept for as long as they hold. */
#ifndef RELAY_POLICY_H
#define RELAY_POLICY_H

#include "config/config.h"
#include "ipc/peer.h"
#include "proto/sts/sts.h"
#include "proto/tlsrpt/tlsrpt.h"
#include "sys/loop.h"

#include <openssl/x509.h>
#include <sys/queue.h>

/* Domains of which something is known, and the octets of their policies: what was looked at longest ago goes. */
#define POLICY_DOMAINS_MAX 10000
#define POLICY_OCTETS_MAX (4 * 1024 * 1024)
/* Fetched at the same time; the rest waits. */
#define POLICY_FETCHES_MAX 200

struct policies;
struct policy_entry;

/* A question; embed it.  It lives until it is answered, or forgotten. */
struct policy_question {
	LIST_ENTRY(policy_question) link; /* while a fetch is waited for */
	struct policies *policies;
	struct policy_entry *entry;
	const char *domain; /* the caller's */
	uint64_t request; /* to the resolver; 0: none */
	bool is_waiting;
	enum tlsrpt_result failure; /* of the last fetch, or TLSRPT_SUCCESS */
	bool is_sure; /* of the answer: no other one was to be found out that could not be now */
	/* policy: the one in force (lasts for the call), or NULL: none. */
	void (*answered)(struct policy_question *q, const struct sts_policy *policy);
};

/* Before the jail.  trusted: the certificates to trust (of the policies' servers).  Owned. */
struct policies *policies_new(X509_STORE *trusted);
void policies_start(struct policies *p, struct loop *loop, const struct config *config);
/* Another configuration is in force; kept until the next one is. */
void policies_set_config(struct policies *p, const struct config *config);
/* Who looks names up, and who keeps what is fetched; NULL: nobody yet. */
void policies_set_peers(struct policies *p, struct peer *resolver, struct peer *queue);
/* What its timer does each minute: a few of those that were not looked at for a day are fetched anew or, when they hold no more, forgotten. */
void policies_look(struct policies *p);
/* Instead of 443: for tests. */
void policies_set_port(struct policies *p, uint16_t port);
/* Asks for the policy of a domain that can have one (lower case, A-labels); q->answered is called once, never from in here. */
void policy_ask(struct policies *p, struct policy_question *q, const char *domain);
/* The answer is not wanted any more; nothing when it was given, or never asked for. */
void policy_forget(struct policy_question *q);
/* One that was kept over a restart.  What is known already is not replaced. */
void policies_restore(struct policies *p, const struct ipc_policy *m);
/* Nobody is answered any more; sets *p to NULL, the memory goes with the loop's turn. */
void policies_free(struct policies **p);

#endif
