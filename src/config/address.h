/* Addresses as all compare them: without regard to case and to how DNS or people spell the domain. */
#ifndef CONFIG_ADDRESS_H
#define CONFIG_ADDRESS_H

#include "base/bytes.h"
#include "config/domain.h"

/* RFC 5321 4.5.3.1: 64 + "@" + 255. */
#define ADDRESS_OCTETS_MAX 320

/* Exists only when address_fold made it: lower case, of sound UTF-8, without control octets. */
struct address {
	uint16_t len;
	uint16_t local_len; /* "@" stands there, unless it is len */
	uint8_t octets[ADDRESS_OCTETS_MAX];
};

/* Folds "local@domain", "@domain" or "local" (the local part unquoted; split at the last "@").  The local part in
   ASCII is lowered; with high octets it is Unicode case folding and NFC.  The domain: domain_fold.  Folding what is
   folded already changes nothing.  False: empty, too long, no UTF-8, control octets, or no domain behind "@". */
bool address_fold(struct bytes in, struct address *out) __attribute__((warn_unused_result));
/* All of it; borrowed from a, as the two below. */
struct bytes address_bytes(const struct address *a);
struct bytes address_local(const struct address *a);
/* Empty when there is none. */
struct bytes address_domain(const struct address *a);
/* Do both mean one address? */
bool address_equal(struct bytes a, struct bytes b);
/* Can it be written to a server as it is (RFC 5321 4.1.2): its local part a dot-string or quoted, its domain without what is special? */
bool address_is_sound(struct bytes address);
/* "local@domain" from folded parts ("@domain" when local is empty).  False when that is too
   long. */
bool address_make(struct bytes local, struct bytes domain, struct address *out)
	__attribute__((warn_unused_result));

#endif
