/* CSN = time "#" count "#" replica "#" modification, each of a fixed width: RFC 4533 and draft-chu-ldap-csn.  A marker has
   one for each replica, "contextCSN=CSN " each. */
#include "role/directory/ldap_marker.h"

enum { CSN_OCTETS_MAX = 64 };

static struct bytes
replica_of(struct bytes csn)
{
	(void)take_until(&csn, '#');
	(void)take_until(&csn, '#');
	return take_until(&csn, '#');
}

/* The next CSN of a marker; other words are passed over. */
static bool
take_csn(struct bytes *marker, struct bytes *csn)
{
	while (marker->len) {
		*csn = take_until(marker, ' ');
		if (take_text(csn, BYTES("contextCSN=")))
			return true;
	}
	return false;
}

/* The CSN of that replica in a marker; empty: it has none. */
static struct bytes
csn_of(struct bytes marker, struct bytes replica)
{
	struct bytes csn;

	while (take_csn(&marker, &csn))
		if (bytes_equal(replica_of(csn), replica))
			return csn;
	return BYTES_NONE;
}

bool
ldap_marker_is_before(struct bytes marker, struct bytes csn)
{
	return bytes_compare(csn_of(marker, replica_of(csn)), csn) < 0;
}

bool
ldap_marker_is_behind(struct bytes now, struct bytes held)
{
	struct bytes csn;

	while (take_csn(&held, &csn))
		if (ldap_marker_is_before(now, csn))
			return true;
	return false;
}

bool
ldap_marker_has_csn(struct bytes marker)
{
	return ldap_marker_first(marker).len > 0;
}

struct bytes
ldap_marker_first(struct bytes marker)
{
	struct bytes first = BYTES_NONE, csn;

	while (take_csn(&marker, &csn))
		if (first.len == 0 || bytes_compare(csn, first) < 0)
			first = csn;
	return first;
}

static bool
is_csn(struct bytes csn)
{
	return csn.len > 0 && csn.len <= CSN_OCTETS_MAX && bytes_find_char(csn, ' ') == csn.len && replica_of(csn).len > 0;
}

static void
add_csn(struct buf *marker, struct bytes added)
{
	struct bytes rest = buf_bytes(marker), csn;
	struct buf out;

	if (!is_csn(added) || !ldap_marker_is_before(rest, added))
		return;
	buf_init(&out, marker->max);
	while (take_csn(&rest, &csn))
		if (!bytes_equal(replica_of(csn), replica_of(added)))
			put_format(&out, "contextCSN=%.*s ", BYTES_ARG(csn));
	put_format(&out, "contextCSN=%.*s ", BYTES_ARG(added));
	if (out.has_failed) {
		buf_done(&out);
		return;
	}
	buf_done(marker);
	*marker = out;
}

void
ldap_marker_add_cookie(struct buf *marker, struct bytes cookie)
{
	while (cookie.len) {
		struct bytes part = take_until(&cookie, ',');

		if (!take_text(&part, BYTES("csn=")))
			continue;
		while (part.len)
			add_csn(marker, take_until(&part, ';'));
	}
}

void
ldap_marker_put_cookie(struct buf *out, struct bytes marker)
{
	const char *before = "rid=000,csn=";
	struct bytes csn;

	for (; take_csn(&marker, &csn); before = ";") {
		put_text(out, before);
		put_bytes(out, csn);
	}
}
