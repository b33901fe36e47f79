/* Whose account a name is that somebody logs in with: its address, a further one, or what the directory calls it. */
#include "role/directory/accounts_internal.h"

bool
accounts_add_first_domain(const struct accounts *a, struct address *address)
{
	return a->config_domains.count
		&& address_make(address_bytes(address), a->config_domains.at[0], address);
}

bool
accounts_move_from_host(const struct accounts *a, struct address *address)
{
	struct bytes domain = address_domain(address);
	bool is_host = domain_equal(domain, a->hostname) || bytes_equal(domain, BYTES("localhost")) || bytes_equal(domain, BYTES("localhost.localdomain"));
	struct address moved;

	if (!is_host || a->config_domains.count == 0 || accounts_has_domain(a, domain) || onward_has_domain(a->onward, address_bytes(address), domain)
		|| !address_make(address_local(address), a->config_domains.at[0], &moved))
		return false;
	*address = moved;
	return true;
}

static bool
fold_name(const struct accounts *a, struct bytes asked, struct address *address)
{
	return address_fold(asked, address)
		&& (address->local_len < address->len || accounts_add_first_domain(a, address));
}

static const struct account *
find_login_name(const struct accounts *a, struct bytes asked)
{
	const struct account *account;
	struct address folded;
	uintptr_t place;

	if (!a->login_names || !address_fold(asked, &folded) || folded.local_len < folded.len)
		return NULL;
	place = (uintptr_t)map_get(a->login_names, address_bytes(&folded));
	if (!place)
		return NULL;
	account = accounts_by_number(a, a->number_base + place - 1);
	if (account)
		trace(a->trace, TRACE_LOGIN_NAME, TEXT("name", asked), TEXT("address", account_address(account)));
	return account;
}

/* The account that has the name as a further address.  NULL: none, or a group has; and what stands for a whole domain is nobody's name. */
static const struct account *
find_further(const struct accounts *a, const struct name *name)
{
	const struct name *account_name;
	struct bytes rest, target;
	struct address own;
	uint16_t len;

	if (!name || !name->alias || name->alias->rank != ALIAS_FURTHER || name->octets[0] == '@')
		return NULL;
	rest = bytes_of(name->alias->octets, name->alias->len);
	if (!take_u16(&rest, &len) || !take_octets(&rest, len, &target) || !address_fold(target, &own))
		return NULL;
	account_name = names_get(a->names, address_bytes(&own));
	if (!account_name || !account_name->account)
		return NULL;
	trace(a->trace, TRACE_FURTHER, TEXT("address", name_address(name)), INT("depth", 0),
		STR("source", name->alias->is_of_ldap ? "LDAP" : "embedded"), INT("targets", 1));
	return account_name->account;
}

const struct account *
accounts_find(const struct accounts *a, struct bytes asked)
{
	const struct account *account;
	struct address address;
	struct name *name;

	if (!fold_name(a, asked, &address)) {
		trace(a->trace, TRACE_MALFORMED, TEXT("address", asked));
		return NULL;
	}
	if (!bytes_equal(asked, address_bytes(&address)))
		trace(a->trace, bytes_find_char(asked, '@') < asked.len ? TRACE_COMPARED_AS : TRACE_FIRST_DOMAIN,
			TEXT("address", address_bytes(&address)));
	name = names_get(a->names, address_bytes(&address));
	account = name && name->account ? name->account : find_further(a, name);
	return account ? account : find_login_name(a, asked);
}

struct bytes
accounts_fold_name(const struct accounts *a, struct bytes name, struct address *space)
{
	return fold_name(a, name, space) ? address_bytes(space) : name;
}
