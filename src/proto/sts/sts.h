/* MTA-STS (RFC 8461): what a domain says in DNS and over HTTPS of how its mail is protected. */
#ifndef PROTO_STS_STS_H
#define PROTO_STS_STS_H

#include "base/bytes.h"

/* RFC 8461 3.3: what is longer is not read. */
#define STS_POLICY_OCTETS_MAX 65536
/* RFC 8461 3.1 */
#define STS_ID_OCTETS_MAX 32
/* mta-sts.DOMAIN has to be a name of DNS. */
#define STS_DOMAIN_OCTETS_MAX 245
/* RFC 8461 3.2: about a year. */
#define STS_AGE_MAX_S 31557600

enum sts_mode { STS_NONE, STS_TESTING, STS_ENFORCE };

/* Exists only when sts_policy_parse made it; lasts as long as its text. */
struct sts_policy {
	enum sts_mode mode;
	uint32_t max_age_s; /* STS_AGE_MAX_S at most */
	struct bytes text;
};

/* Can a domain have a policy?  It stands in names of DNS, in a URL, and as the name of a file. */
bool sts_domain_is_possible(struct bytes domain);
/* The id of a domain's policy, by the TXT records of _mta-sts.DOMAIN in the form of dns_read_answer: exactly one begins as such a record does, and it
   makes sense (RFC 8461 3.1).  *id is borrowed; false: it has no policy. */
bool sts_find_id(struct bytes records, struct bytes *id) __attribute__((warn_unused_result));
/* Reads a policy (RFC 8461 3.2).  False: it is none. */
bool sts_policy_parse(struct bytes text, struct sts_policy *policy) __attribute__((warn_unused_result));
/* Is the host among its mx patterns (RFC 8461 4.1)?  host: A-labels, without a final dot. */
bool sts_policy_names(const struct sts_policy *policy, struct bytes host);
/* "none", "testing", "enforce" */
const char *sts_mode_name(enum sts_mode mode);

#endif
