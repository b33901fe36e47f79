#include "role/directory/ldap_marker.h"

/* The CSN of that replica in a marker; empty: it has none. */
static struct bytes
csn_of(struct bytes marker, struct bytes replica)
{
	while (marker.len) {
		struct bytes csn = take_until(&marker, ' '), rest = csn;

		(void)take_until(&rest, '#');
		(void)take_until(&rest, '#');
		if (bytes_equal(take_until(&rest, '#'), replica))
			return csn;
	}
	return BYTES_NONE;
}

/* CSN = time "#" count "#" replica "#" modification, each of a fixed width: RFC 4533 and draft-chu-ldap-csn. */
bool
ldap_marker_is_behind(struct bytes now, struct bytes held)
{
	while (held.len) {
		struct bytes csn = take_until(&held, ' '), rest = csn;

		if (!bytes_starts(csn, BYTES("contextCSN=")))
			continue;
		(void)take_until(&rest, '#');
		(void)take_until(&rest, '#');
		if (bytes_compare(csn_of(now, take_until(&rest, '#')), csn) < 0)
			return true;
	}
	return false;
}
