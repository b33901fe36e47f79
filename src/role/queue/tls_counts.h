/* Sessions with other servers, counted by what became of TLS (RFC 8460 4.2, 4.3), for a day or a part of one.  Pure.

   Names and texts come from a relay that may be somebody else's: their lengths are those of TLS_SESSION, their number has limits here, and what is
   beyond is counted in sum. */
#ifndef QUEUE_TLS_COUNTS_H
#define QUEUE_TLS_COUNTS_H

#include "base/map.h"
#include "ipc/ipc.h"
#include "proto/tlsrpt/tlsrpt.h"

#include <sys/queue.h>

/* More domains are not told apart, nor more policies of one in a period (its policy changes, or its hosts have records of their own), nor more
   failures of a policy. */
#define TLS_DOMAINS_MAX 10000
#define TLS_POLICIES_MAX 8
#define TLS_FAILURES_MAX 50
/* Of the names and texts of a period. */
#define TLS_OCTETS_MAX (16 << 20)
/* Of its image. */
#define TLS_IMAGE_OCTETS_MAX (TLS_OCTETS_MAX + TLS_DOMAINS_MAX * 512)

/* Of failures that are alike.  key: result, texts. */
struct tls_failure {
	SLIST_ENTRY(tls_failure) link;
	uint64_t count;
	size_t len;
	uint8_t key[];
};

/* key: type, domain, text. */
struct tls_policy {
	SLIST_ENTRY(tls_policy) link;
	SLIST_HEAD(, tls_failure) failures;
	size_t failure_count;
	uint64_t successes, failed; /* sessions; those whose failure is not in the list, too */
	size_t len;
	uint8_t key[];
};

struct tls_domain {
	SLIST_HEAD(, tls_policy) policies;
	size_t policy_count;
	uint64_t left_out; /* sessions of policies that are not in the list */
	/* of its report, when the period has ended */
	int64_t due_s, until_s; /* it is tried next, and given up */
	uint8_t attempts;
	uint8_t done_count; /* targets that are done with */
	uint64_t done[TLSRPT_TARGETS_MAX]; /* a lasting hash of each */
	bool is_busy;
	size_t len;
	uint8_t name[];
};

struct tls_period {
	TAILQ_ENTRY(tls_period) link;
	int64_t number; /* its own, and its file's */
	int64_t begin_s, end_s; /* end_s: 0 while it goes on */
	struct map *domains; /* name → struct tls_domain */
	uint64_t left_out; /* sessions of domains that are not in the map */
	size_t octets;
	bool is_changed; /* since its image was made */
};

/* Owned. */
struct tls_period *tls_period_new(int64_t number, int64_t begin_s);
void tls_period_free(struct tls_period **p);
/* One session more. */
void tls_period_count(struct tls_period *p, const struct ipc_tls_session *m);
/* Its report is done with. */
void tls_period_forget(struct tls_period *p, struct tls_domain *d);
/* All sessions and failures of a domain. */
void tls_domain_sum(const struct tls_domain *d, uint64_t *successes, uint64_t *failed);
/* How a report shows them; borrowed, without the details of the policy. */
struct tlsrpt_policy tls_policy_view(const struct tls_policy *p);
struct tlsrpt_failure tls_failure_view(const struct tls_failure *f);

/* The image that the disk keeps, into an empty buffer: 6 ms of CPU for 10,000 domains with a failure each.  Its checksum is tls_image_seal's, on a thread. */
void tls_period_put(struct buf *out, const struct tls_period *p);
void tls_image_seal(struct buf *image);
/* NULL: damaged.  Owned. */
struct tls_period *tls_period_take(struct bytes image, int64_t number);

#endif
