#include "role/directory/ldap_filter.h"

#include "config/address.h"

/* A name with more delimiters than that in it is nobody's. */
enum { CUTS_MAX = 16 };

/* valueencoding = 0*(normal / escaped)      RFC 4515 3 */
void
ldap_filter_put_value(struct buf *out, struct bytes value)
{
	for (size_t i = 0; i < value.len; i++) {
		uint8_t c = value.ptr[i];

		if (c < ' ' || c > '~' || c == '*' || c == '(' || c == ')' || c == '\\')
			put_format(out, "\\%02x", c);
		else
			put_char(out, c);
	}
}

static void
put_equal(struct buf *out, const char *attribute, const char *kind, struct bytes local, struct bytes domain)
{
	put_format(out, "(%s=%s", attribute, kind);
	ldap_filter_put_value(out, local);
	put_char(out, '@');
	ldap_filter_put_value(out, domain);
	put_char(out, ')');
}

static void
put_name(struct buf *out, const char *attribute, const char *aliases, struct bytes local, struct bytes domain)
{
	put_equal(out, attribute, "", local, domain);
	if (!aliases)
		return;
	put_equal(out, aliases, "", local, domain);
	put_equal(out, aliases, "smtp:", local, domain);
}

void
ldap_filter_put_address(struct buf *out, const char *attribute, const char *aliases, struct bytes address, struct bytes delimiters)
{
	struct address folded;
	struct bytes local, domain;

	if (!address_fold(address, &folded) || folded.local_len == folded.len)
		return;
	local = address_local(&folded);
	domain = address_domain(&folded);
	put_name(out, attribute, aliases, local, domain);
	for (size_t at = 1, cuts = 0; at < local.len && cuts < CUTS_MAX; at++) {
		if (bytes_find_char(delimiters, local.ptr[at]) == delimiters.len)
			continue;
		put_name(out, attribute, aliases, bytes_sub(local, 0, at), domain);
		cuts++;
	}
}

/* (|(&USERS(|NAMES))(&GROUPS(|NAMES))) */
void
ldap_filter_put_search(struct buf *out, const char *users, const char *groups, struct bytes names)
{
	put_format(out, "(|(&%s(|%.*s))", users, BYTES_ARG(names));
	if (groups)
		put_format(out, "(&%s(|%.*s))", groups, BYTES_ARG(names));
	put_text(out, ")");
}
