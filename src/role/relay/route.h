/* Which hosts take the mail of a domain, and in which order (RFC 5321 5.1): from the resolver's answer, without asking
   anything itself. */
#ifndef RELAY_ROUTE_H
#define RELAY_ROUTE_H

#include "base/bytes.h"

/* More are not tried: a domain with so many names is not meant to be reached. */
#define ROUTE_HOSTS_MAX 16
#define ROUTE_NAME_MAX 255

struct route_host {
	uint32_t preference;
	char name[ROUTE_NAME_MAX + 1]; /* without a final dot; lower case */
};

struct route {
	size_t count;
	struct route_host hosts[ROUTE_HOSTS_MAX]; /* in the order in which they are tried */
};

enum route_verdict {
	ROUTE_FOUND,
	ROUTE_NULL, /* RFC 7505: the domain takes no mail */
	ROUTE_LOOP, /* we are the best of them ourselves */
	ROUTE_BAD, /* no entry makes sense */
};

/* records: entries of u16 preference, u16 length, name (LOOKED_UP).  own: our name; that host goes, and those of the same or
   a worse preference.  Hosts of one preference are shuffled; the seed says how.  What does not fit: the worst go. */
enum route_verdict route_by_mx(struct bytes records, struct bytes own, uint64_t seed, struct route *out);
/* The one host: an implicit MX, or the hop itself.  ROUTE_FOUND, _LOOP or _BAD. */
enum route_verdict route_to(struct bytes host, struct bytes own, struct route *out);

#endif
