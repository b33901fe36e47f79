#include "role/directory/ldap_range.h"

#include "role/directory/ldap_link_internal.h"

/* Of one attribute: more than any group's that leads to anybody. */
enum { PIECES_MAX = 1000, NAME_OCTETS_MAX = 256 };

/* range-option = "range=" low "-" high
   low = 1*DIGIT
   high = 1*DIGIT / "*" */
static bool
take_range(struct bytes *in, struct ldap_range *r)
{
	uint64_t first, last = 0;
	bool is_end;

	if (!take_text_nocase(in, BYTES("range=")) || !take_number(in, UINT32_MAX - 1, &first) || !take_char(in, '-'))
		return false;
	is_end = take_char(in, '*');
	if (!is_end && (!take_number(in, UINT32_MAX - 1, &last) || last < first))
		return false;
	*r = (struct ldap_range){ (uint32_t)first, (uint32_t)last, is_end };
	return true;
}

bool
ldap_range_parse(struct bytes description, struct bytes attribute, struct ldap_range *r)
{
	struct ldap_range found;

	if (!take_text_nocase(&description, attribute) || !take_char(&description, ';') || !take_range(&description, &found) || description.len)
		return false;
	*r = found;
	return true;
}

/* Appends the values of the entry's piece of the attribute.  False: there is none. */
static bool
take_piece(struct ldap_link *link, LDAPMessage *entry, const char *attribute, struct ldap_range *r, struct buf *members)
{
	BerElement *state = NULL;
	bool is_found = false;

	for (char *name = ldap_first_attribute(link->wire.ld, entry, &state); name; name = ldap_next_attribute(link->wire.ld, entry, state)) {
		if (!is_found && ldap_range_parse(bytes_text(name), bytes_text(attribute), r)) {
			is_found = true;
			ldap_entry_put_members(members, &link->mapping, link->wire.ld, entry, attribute, name);
		}
		ldap_memfree(name);
	}
	ber_free(state, 0);
	return is_found;
}

/* Asks for what stands from `first` on; a question of its own, with its own time. */
static int
ask_piece(struct ldap_link *link, const char *dn, const char *attribute, uint32_t first, LDAPMessage **result, struct fault *f)
{
	char name[NAME_OCTETS_MAX], *wanted[] = { name, NULL };
	struct timeval timeout = link->timeout;
	struct buf text;
	int code;

	buf_init_fixed(&text, name, sizeof name);
	put_format(&text, "%s;range=%u-*", attribute, first);
	put_char(&text, '\0');
	if (text.has_failed)
		return fault_set(f, FAULT_PERM, "the name of an attribute is too long");
	ldap_link_begin(link);
	code = ldap_search_ext_s(link->wire.ld, dn, LDAP_SCOPE_BASE, "(objectClass=*)", wanted, 0, NULL, NULL, &timeout, 1, result);
	return code == LDAP_SUCCESS ? 0 : ldap_link_failed(link, name, code, f);
}

/* The piece that follows *r, which it becomes. */
static int
read_piece(struct ldap_link *link, const char *dn, const char *attribute, struct ldap_range *r, struct buf *members, struct fault *f)
{
	LDAPMessage *result = NULL, *entry;
	uint32_t first = r->last + 1;
	int outcome = ask_piece(link, dn, attribute, first, &result, f);

	if (outcome == 0) {
		entry = ldap_first_entry(link->wire.ld, result);
		if (!entry || !take_piece(link, entry, attribute, r, members) || r->first != first)
			outcome = fault_set(f, FAULT_TEMP, "%s: the values of %s of %s do not go on at %u", link->servers[link->current], attribute,
				dn, first);
	}
	(void)ldap_msgfree(result);
	return outcome;
}

static int
read_attribute(struct ldap_link *link, LDAPMessage *entry, const char *attribute, struct buf *members, struct fault *f)
{
	struct ldap_range r;
	char *dn;
	int result = 0;

	if (!take_piece(link, entry, attribute, &r, members))
		return 0;
	dn = ldap_get_dn(link->wire.ld, entry);
	for (int i = 1; result == 0 && !r.is_end && dn; i++)
		result = i == PIECES_MAX ? fault_set(f, FAULT_LIMIT, "%s has more members than fit", dn)
			: read_piece(link, dn, attribute, &r, members, f);
	ldap_memfree(dn);
	return result;
}

int
ldap_range_read(struct ldap_link *link, LDAPMessage *entry, struct buf *members, struct fault *f)
{
	for (size_t i = 0; link->mapping.members[i]; i++)
		if (read_attribute(link, entry, link->mapping.members[i], members, f) != 0)
			return -1;
	return 0;
}
