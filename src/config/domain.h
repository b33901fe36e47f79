/* Domains as all compare them: as DNS writes them, in lower case, with A-labels (RFC 5890 2.3.2.1). */
#ifndef CONFIG_DOMAIN_H
#define CONFIG_DOMAIN_H

#include "base/bytes.h"

/* RFC 5321 4.5.3.1.2 */
#define DOMAIN_OCTETS_MAX 255

/* Exists only when domain_fold made it: of sound UTF-8, without control octets and "@". */
struct domain {
	uint16_t len;
	uint8_t octets[DOMAIN_OCTETS_MAX];
};

/* Folds a name.  ASCII is lowered.  With high octets, U-labels become A-labels (IDNA2008 with the mappings of UTS 46,
   nontransitional); what can't be a domain of DNS stays as it is, lowered.  Folding what is folded already changes
   nothing.  False: empty, too long, no UTF-8, control octets or "@". */
bool domain_fold(struct bytes in, struct domain *out) __attribute__((warn_unused_result));
/* Borrowed. */
struct bytes domain_bytes(const struct domain *d);
/* Do both mean one domain? */
bool domain_equal(struct bytes a, struct bytes b);

#endif
