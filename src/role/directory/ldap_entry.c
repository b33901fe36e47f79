#include "role/directory/ldap_entry.h"

#include "base/event.h"
#include "base/map.h"
#include "base/memory.h"
#include "config/address.h"
#include "config/name.h"
#include "role/directory/image.h"
#include "role/directory/password.h"

#include <string.h>

/* Those of the template and those that have a name of ours. */
enum { LDAP_ATTRIBUTES_MAX = LDAP_WANTED_MAX + 2, QUOTA_TEXT_MAX = 2 * LDAP_VALUE_MAX + 8 };

_Static_assert(LDAP_ATTRIBUTES_MAX <= RECORD_ATTRIBUTES_MAX, "a record has room for them");

/* [MS-ADTS] 2.2.16: ADS_UF_ACCOUNTDISABLE */
#define ACCOUNT_DISABLE 2

/* "20260101120000" of a generalized time: RFC 4517 3.3.13 */
enum { SECOND_LEN = 14 };

static const struct {
	const char *address, *aliases, *forward, *delivery_mode, *password, *name, *state, *account_name, *stamp, *home;
	const char *quota, *quota_octets, *quota_messages;
} schemas[] = {
	/* A policy's lock (draft-behera-ldap-password-policy) is the one way in which such an entry is disabled. */
	[SCHEMA_INETORGPERSON] = { "mail", NULL, NULL, NULL, "userPassword", "cn", "pwdAccountLockedTime", "uid",
		"pwdChangedTime", "homeDirectory", NULL, NULL, NULL },
	/* inetLocalMailRecipient (draft-lachman-laser-ldap-mail-routing), as OpenLDAP's misc.schema has it */
	[SCHEMA_OPENLDAP] = { "mail", "mailLocalAddress", NULL, NULL, "userPassword", "cn", "pwdAccountLockedTime", "uid",
		"pwdChangedTime", "homeDirectory", NULL, NULL, NULL },
	[SCHEMA_POSIX] = { "mail", NULL, NULL, NULL, "userPassword", "gecos", "pwdAccountLockedTime", "uid",
		"pwdChangedTime", "homeDirectory", NULL, NULL, NULL },
	[SCHEMA_ACTIVE_DIRECTORY] = { "mail", "proxyAddresses", NULL, NULL, NULL, "displayName", "userAccountControl",
		"sAMAccountName", "pwdLastSet", "unixHomeDirectory", NULL, NULL, NULL },
	[SCHEMA_QMAIL] = { "mail", "mailAlternateAddress", "mailForwardingAddress", "deliveryMode", "userPassword", "cn",
		"accountStatus", "uid", "pwdChangedTime", "mailMessageStore", "mailQuota", "mailQuotaSize", "mailQuotaCount" },
};

static const char *
choose(struct bytes directive, const char *of_schema, struct arena *arena)
{
	char *copy;

	if (directive.len == 0)
		return of_schema;
	copy = arena_take(arena, directive.len + 1);
	if (!copy)
		return of_schema;
	memcpy(copy, directive.ptr, directive.len);
	copy[directive.len] = '\0';
	return copy;
}

/* The names in %{…}. */
static void
add_template(struct ldap_mapping *m, struct bytes template, struct arena *arena)
{
	while (template.len && m->attribute_count < LDAP_WANTED_MAX) {
		(void)take_until(&template, '%');
		if (!take_char(&template, '{')) {
			(void)take_char(&template, '%');
			continue;
		}
		m->attributes[m->attribute_count] = choose(take_until(&template, '}'), NULL, arena);
		m->attribute_count += m->attributes[m->attribute_count] != NULL;
	}
}

static void
want(const char **wanted, size_t *count, const char *name)
{
	for (size_t i = 0; name && i < *count; i++)
		if (strcasecmp(wanted[i], name) == 0)
			return;
	if (name)
		wanted[(*count)++] = name;
}

/* RFC 4519 2.17, 2.40; RFC 2307 3; Netscape's mail groups; sendmail's. */
static const char *const known_members[] = { "member", "uniqueMember", "memberUid", "mgrpRFC822MailMember",
	"rfc822MailMember" };

static void
init_groups(struct ldap_mapping *m, const struct config *c, struct arena *arena)
{
	size_t count = 0;

	if (c->ldap_members.len)
		m->members[0] = choose(c->ldap_members, NULL, arena);
	else
		memcpy(m->members, known_members, sizeof known_members);
	want(m->group_wanted, &count, m->address);
	want(m->group_wanted, &count, m->aliases);
	for (size_t i = 0; m->members[i]; i++)
		want(m->group_wanted, &count, m->members[i]);
}

/* What servers write into an entry when somebody logs in, or fails to: times, with which that of the entry changes.
   draft-behera-ldap-password-policy-10 5.3, and the overlay lastbind of OpenLDAP. */
static const char *const notes[] = { "pwdFailureTime", "pwdLastSuccess", "authTimestamp" };

/* RFC 4512 3.4.4 */
static void
want_edit_time(struct ldap_mapping *m, size_t *count, const struct config *c)
{
	if (c->ldap_remember_login_s == 0)
		return;
	m->edited = "modifyTimestamp";
	want(m->wanted, count, m->edited);
	for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
		want(m->wanted, count, notes[i]);
}

void
ldap_mapping_init(struct ldap_mapping *m, const struct config *c, struct arena *arena)
{
	size_t count = 0;

	m->schema = c->ldap_schema;
	m->has_catch_all = c->ldap_catch_all == LDAP_CATCH_ALL_YES;
	m->told = arena_take(arena, sizeof *m->told);
	m->address = choose(c->ldap_address, schemas[m->schema].address, arena);
	m->aliases = choose(c->ldap_aliases, schemas[m->schema].aliases, arena);
	if (c->ldap_login == LDAP_LOGIN_AUTO)
		m->password = choose(c->ldap_password, schemas[m->schema].password, arena);
	m->stamp = schemas[m->schema].stamp;
	m->name = choose(c->ldap_name, schemas[m->schema].name, arena);
	m->forward = choose(c->ldap_forward, schemas[m->schema].forward, arena);
	m->delivery_mode = schemas[m->schema].delivery_mode;
	m->enabled = choose(c->ldap_enabled, NULL, arena);
	m->disabled = choose(c->ldap_disabled, NULL, arena);
	m->state = m->enabled || m->disabled ? NULL : schemas[m->schema].state;
	if (name_template_has_home(c->maildir_template))
		m->home = choose(c->ldap_home, schemas[m->schema].home, arena);
	m->quota = choose(c->ldap_quota, schemas[m->schema].quota, arena);
	if (c->ldap_quota.len == 0) {
		m->quota_octets = schemas[m->schema].quota_octets;
		m->quota_messages = schemas[m->schema].quota_messages;
	}
	add_template(m, c->maildir_template, arena);
	want(m->wanted, &count, m->address);
	want(m->wanted, &count, m->aliases);
	want(m->wanted, &count, m->password);
	want(m->wanted, &count, m->stamp);
	want_edit_time(m, &count, c);
	want(m->wanted, &count, m->name);
	if (c->ldap_groups.len || c->ldap_login_name == LDAP_LOGIN_NAME_ACCOUNT)
		m->account_name = choose(c->ldap_account_name, schemas[m->schema].account_name, arena);
	want(m->wanted, &count, m->account_name);
	want(m->wanted, &count, m->forward);
	want(m->wanted, &count, m->delivery_mode);
	want(m->wanted, &count, m->state);
	want(m->wanted, &count, m->enabled);
	want(m->wanted, &count, m->disabled);
	want(m->wanted, &count, m->home);
	want(m->wanted, &count, m->quota);
	want(m->wanted, &count, m->quota_octets);
	want(m->wanted, &count, m->quota_messages);
	for (size_t i = 0; i < m->attribute_count; i++)
		want(m->wanted, &count, m->attributes[i]);
	m->wanted[count] = NULL;
	init_groups(m, c, arena);
}

void
ldap_mapping_put_state(const struct ldap_mapping *m, struct buf *out)
{
	const char *const names[] = { m->state, m->enabled, m->disabled };
	size_t before = out->len;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i])
			put_format(out, "%s%s", out->len > before ? " or " : "", names[i]);
}

static struct bytes
of_value(const struct berval *value)
{
	return bytes_of(value->bv_val, value->bv_len);
}

static struct berval **
values_of(LDAP *ld, LDAPMessage *entry, const char *name)
{
	return name ? ldap_get_values_len(ld, entry, name) : NULL;
}

/* False: the administrator has heard of it before, or of too many. */
static bool
is_news(struct ldap_told *told, uint64_t value)
{
	for (size_t i = 0; i < told->count; i++)
		if (told->values[i] == value)
			return false;
	if (told->count == LDAP_TOLD_MAX)
		return false;
	told->values[told->count++] = value;
	return true;
}

static void
report_value(const struct ldap_mapping *m, struct bytes entry, const char *attribute, const char *reason)
{
	if (m->told && is_news(m->told, map_hash(entry) ^ map_hash(bytes_text(attribute))))
		event(NULL, EV_ENTRY_VALUE, TEXT("entry", entry), STR("attribute", attribute), STR("reason", reason));
}

/* Is one of the values of that second? */
static bool
has_second(struct berval **values, struct bytes time)
{
	for (size_t i = 0; values && values[i]; i++)
		if (values[i]->bv_len >= SECOND_LEN && bytes_equal(bytes_sub(of_value(values[i]), 0, SECOND_LEN), bytes_sub(time, 0, SECOND_LEN)))
			return true;
	return false;
}

/* When the entry was edited; nothing when that was no more than the note of a log-in. */
static struct bytes
edit_time(LDAP *ld, LDAPMessage *entry, struct berval **times)
{
	struct bytes time = times && times[0] ? of_value(times[0]) : BYTES_NONE;
	bool is_note = time.len < SECOND_LEN || time.len > LDAP_VALUE_MAX;

	for (size_t i = 0; !is_note && i < sizeof notes / sizeof *notes; i++) {
		struct berval **values = values_of(ld, entry, notes[i]);

		is_note = has_second(values, time);
		ldap_value_free_len(values);
	}
	return is_note ? BYTES_NONE : time;
}

/* The first value, or none. */
static struct bytes
first_of(const struct ldap_mapping *m, struct bytes entry, const char *attribute, struct berval **values)
{
	struct bytes value = values && values[0] ? of_value(values[0]) : BYTES_NONE;

	if (value.len <= LDAP_VALUE_MAX)
		return value;
	report_value(m, entry, attribute, "it is too long");
	return BYTES_NONE;
}

/* What does not fit is left out: then no password, or another one, is right (RFC 4519 2.41). */
static void
put_passwords(struct buf *out, struct berval **values)
{
	for (size_t i = 0; values && values[i]; i++)
		if (!password_put_value(out, of_value(values[i]), BYTES_NONE))
			event(NULL, EV_DIRECTORY_ROW, STR("account", "an entry"), STR("reason", "a password that can't be one"));
}

/* A value of the attribute is one of the words, which stand between "|". */
static bool
is_one_of(LDAP *ld, LDAPMessage *entry, const char *attribute, const char *words, bool when_absent)
{
	struct berval **values = values_of(ld, entry, attribute);
	bool is_one = values && values[0] ? false : when_absent;

	for (size_t i = 0; values && values[i]; i++)
		for (struct bytes rest = bytes_text(words); rest.len && values[i]->bv_len;)
			is_one |= bytes_equal_nocase(take_until(&rest, '|'), of_value(values[i]));
	ldap_value_free_len(values);
	return is_one;
}

static bool
is_enabled_by_schema(enum config_ldap_schema schema, struct berval **values)
{
	struct bytes value = values && values[0] ? of_value(values[0]) : BYTES_NONE;
	uint64_t bits;

	switch (schema) {
	case SCHEMA_INETORGPERSON:
	case SCHEMA_OPENLDAP:
	case SCHEMA_POSIX:
		/* 000001010000Z: locked by an administrator; other times pass by themselves. */
		return !bytes_equal(value, BYTES("000001010000Z"));
	case SCHEMA_ACTIVE_DIRECTORY:
		return !take_number(&value, UINT32_MAX, &bits) || !(bits & ACCOUNT_DISABLE);
	case SCHEMA_QMAIL:
		return value.len == 0 || bytes_equal_nocase(value, BYTES("active"));
	}
	return false;
}

static bool
is_enabled(const struct ldap_mapping *m, LDAP *ld, LDAPMessage *entry)
{
	struct berval **states = values_of(ld, entry, m->state);
	bool is_so = is_enabled_by_schema(m->schema, states);

	ldap_value_free_len(states);
	return is_so && is_one_of(ld, entry, m->enabled, "TRUE|yes|active|enabled|1", true)
		&& !is_one_of(ld, entry, m->disabled, "TRUE|yes|disabled|locked|1", false);
}

/* "smtp:" address, as proxyAddresses has it among other kinds; a bare address elsewhere. */
static bool
take_alias(struct bytes *value)
{
	(void)take_text_nocase(value, BYTES("smtp:"));
	return bytes_find_char(*value, ':') == value->len;
}

/* "@domain" would be all addresses of the domain: that has to be wanted (catch_all). */
static bool
is_address(struct bytes value)
{
	size_t at = bytes_find_char(value, '@');

	return at > 0 && at < value.len && value.len <= LDAP_VALUE_MAX;
}

static bool
is_rest_of_domain(struct bytes value)
{
	return value.len > 1 && value.len <= LDAP_VALUE_MAX && bytes_find_last_char(value, '@') == 0;
}

static void
put_aliases(struct buf *records, const struct ldap_mapping *m, struct bytes entry, struct bytes account, const char *attribute, struct berval **values,
	size_t from)
{
	for (size_t i = from; values && values[0] && values[i]; i++) {
		struct bytes address = of_value(values[i]);

		if (!take_alias(&address) || bytes_equal_nocase(address, account))
			continue;
		if (is_address(address) || (m->has_catch_all && is_rest_of_domain(address)))
			image_put_alias(records, &(struct alias_record){ address, &account, 1, ALIAS_FURTHER, entry });
		else
			report_value(m, entry, attribute, "it is no address, or too long");
	}
}

/* The addresses among the values. */
static size_t
take_forwards(const struct ldap_mapping *m, struct bytes entry_name, struct berval **values, struct bytes out[RECORD_FORWARDS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; values && values[i]; i++) {
		struct bytes address = of_value(values[i]);
		struct address folded;

		if (take_alias(&address) && is_address(address) && address_fold(address, &folded)
			&& count < RECORD_FORWARDS_MAX)
			out[count++] = address;
		else
			report_value(m, entry_name, m->forward, "it is no address, or one too many");
	}
	return count;
}

/* qmail-ldap: mail is kept and sent on, unless deliveryMode says otherwise. */
static size_t
find_forwards(const struct ldap_mapping *m, LDAP *ld, LDAPMessage *entry, struct berval **values, struct bytes account,
	struct bytes entry_name, struct bytes out[RECORD_FORWARDS_MAX])
{
	size_t count;

	if (is_one_of(ld, entry, m->delivery_mode, "noforward", false))
		return 0;
	count = take_forwards(m, entry_name, values, out);
	if (m->delivery_mode && !is_one_of(ld, entry, m->delivery_mode, "nolocal", false) && count && count < RECORD_FORWARDS_MAX)
		out[count++] = account;
	return count;
}

/* Attributes of an entry under the names that they have here. */
struct attributes {
	struct record_attribute at[LDAP_ATTRIBUTES_MAX];
	struct berval **held[LDAP_ATTRIBUTES_MAX]; /* NULL: it is in `quota` */
	size_t count;
	uint8_t quota[QUOTA_TEXT_MAX];
};

/* attribute: NULL when there is none. */
static void
add_attribute(struct attributes *out, const struct ldap_mapping *m, LDAP *ld, LDAPMessage *entry, struct bytes entry_name, const char *name,
	const char *attribute)
{
	struct berval **values = values_of(ld, entry, attribute);

	if (!values || !values[0]) {
		ldap_value_free_len(values);
		return;
	}
	out->held[out->count] = values;
	out->at[out->count++] = (struct record_attribute){ bytes_text(name), first_of(m, entry_name, attribute, values) };
}

static void
put_number_of(struct buf *out, const struct ldap_mapping *m, LDAP *ld, LDAPMessage *entry, struct bytes entry_name, const char *attribute,
	const char *unit)
{
	struct berval **values = values_of(ld, entry, attribute);
	struct bytes value = first_of(m, entry_name, attribute, values);

	if (value.len)
		put_format(out, "%s%.*s%s", out->len ? "," : "", BYTES_ARG(value), unit);
	ldap_value_free_len(values);
}

/* As mailQuota says it in one, of an entry that says octets and messages apart. */
static void
add_quota(struct attributes *out, const struct ldap_mapping *m, LDAP *ld, LDAPMessage *entry, struct bytes entry_name)
{
	size_t before = out->count;
	struct buf text;

	add_attribute(out, m, ld, entry, entry_name, RECORD_QUOTA, m->quota);
	if (out->count > before)
		return;
	buf_init_fixed(&text, out->quota, sizeof out->quota);
	put_number_of(&text, m, ld, entry, entry_name, m->quota_octets, "S");
	put_number_of(&text, m, ld, entry, entry_name, m->quota_messages, "C");
	if (text.len == 0)
		return;
	out->held[out->count] = NULL;
	out->at[out->count++] = (struct record_attribute){ BYTES(RECORD_QUOTA), buf_bytes(&text) };
}

static void
put_attributes(struct attributes *out, const struct ldap_mapping *m, LDAP *ld, LDAPMessage *entry, struct bytes entry_name)
{
	out->count = 0;
	add_attribute(out, m, ld, entry, entry_name, RECORD_HOME, m->home);
	add_quota(out, m, ld, entry, entry_name);
	for (size_t i = 0; i < m->attribute_count; i++)
		add_attribute(out, m, ld, entry, entry_name, m->attributes[i], m->attributes[i]);
}

static void
free_attributes(struct attributes *a)
{
	for (size_t i = 0; i < a->count; i++)
		ldap_value_free_len(a->held[i]);
}

static void
put_account(struct buf *records, const struct ldap_mapping *m, LDAP *ld, LDAPMessage *entry, struct bytes entry_name,
	struct bytes address)
{
	struct berval **passwords = values_of(ld, entry, m->password);
	struct attributes attributes;
	struct berval **names = values_of(ld, entry, m->name), **account_names = values_of(ld, entry, m->account_name);
	struct berval **forwarded = values_of(ld, entry, m->forward), **stamps = values_of(ld, entry, m->stamp);
	struct berval **edited = values_of(ld, entry, m->edited);
	struct bytes forwards[RECORD_FORWARDS_MAX];
	uint8_t space[PASSWORD_STORED_MAX];
	size_t forward_count;
	struct buf password;

	buf_init_fixed(&password, space, sizeof space);
	put_passwords(&password, passwords);
	forward_count = find_forwards(m, ld, entry, forwarded, address, entry_name, forwards);
	put_attributes(&attributes, m, ld, entry, entry_name);
	image_put_user(records, &(struct user_record){
		.address = address,
		.name = first_of(m, entry_name, m->name, names),
		.secret_password = buf_bytes(&password),
		.password_stamp = first_of(m, entry_name, m->stamp, stamps),
		/* A server that tells when the password changed may change the entry at each log-in. */
		.edit_stamp = stamps && stamps[0] ? BYTES_NONE : edit_time(ld, entry, edited),
		.is_enabled = is_enabled(m, ld, entry),
		.attributes = attributes.at,
		.attribute_count = attributes.count,
		.entry = entry_name,
		.forwards = forwards,
		.forward_count = forward_count,
		.account_name = first_of(m, entry_name, m->account_name, account_names),
	});
	for (size_t i = 0; passwords && passwords[i]; i++)
		memory_wipe(passwords[i]->bv_val, passwords[i]->bv_len);
	memory_wipe(space, sizeof space);
	free_attributes(&attributes);
	ldap_value_free_len(passwords);
	ldap_value_free_len(names);
	ldap_value_free_len(account_names);
	ldap_value_free_len(forwarded);
	ldap_value_free_len(stamps);
	ldap_value_free_len(edited);
}

void
ldap_entry_put(struct buf *records, const struct ldap_mapping *m, LDAP *ld, LDAPMessage *entry)
{
	struct berval **addresses = values_of(ld, entry, m->address), **aliases = values_of(ld, entry, m->aliases);
	char *dn = ldap_get_dn(ld, entry);
	struct bytes name = bytes_sub(bytes_text(dn), 0, RECORD_ENTRY_MAX);
	struct bytes address = first_of(m, name, m->address, addresses);

	if (address.len) {
		put_account(records, m, ld, entry, name, address);
		put_aliases(records, m, name, address, m->address, addresses, 1);
		put_aliases(records, m, name, address, m->aliases, aliases, 0);
	}
	ldap_memfree(dn);
	ldap_value_free_len(addresses);
	ldap_value_free_len(aliases);
}

static void
put_members(struct buf *members, const struct ldap_mapping *m, struct bytes entry, const char *attribute, struct berval **values)
{
	for (size_t i = 0; values && values[i]; i++)
		if (values[i]->bv_len <= LDAP_VALUE_MAX)
			image_put_member(members, of_value(values[i]));
		else
			report_value(m, entry, attribute, "it is too long");
}

void
ldap_entry_put_members(struct buf *members, const struct ldap_mapping *m, LDAP *ld, LDAPMessage *entry, const char *attribute,
	const char *description)
{
	struct berval **values = values_of(ld, entry, description);
	char *dn = ldap_get_dn(ld, entry);

	put_members(members, m, bytes_sub(bytes_text(dn), 0, RECORD_ENTRY_MAX), attribute, values);
	ldap_memfree(dn);
	ldap_value_free_len(values);
}

void
ldap_entry_put_group(struct buf *records, const struct ldap_mapping *m, LDAP *ld, LDAPMessage *entry, struct buf *members)
{
	struct berval **addresses = values_of(ld, entry, m->address), **aliases = values_of(ld, entry, m->aliases);
	char *dn = ldap_get_dn(ld, entry);
	struct bytes name = bytes_sub(bytes_text(dn), 0, RECORD_ENTRY_MAX);
	struct bytes address = first_of(m, name, m->address, addresses);

	for (size_t i = 0; m->members[i]; i++)
		ldap_entry_put_members(members, m, ld, entry, m->members[i], m->members[i]);
	records->has_failed |= members->has_failed;
	image_put_group(records, &(struct group_record){ is_address(address) ? address : BYTES_NONE, name, buf_bytes(members) });
	if (is_address(address)) {
		put_aliases(records, m, name, address, m->address, addresses, 1);
		put_aliases(records, m, name, address, m->aliases, aliases, 0);
	}
	ldap_memfree(dn);
	ldap_value_free_len(addresses);
	ldap_value_free_len(aliases);
}
