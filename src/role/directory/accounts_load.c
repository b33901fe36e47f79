/* Loading.  A load marks what it meets with a new generation and sweeps what keeps an old one, so that
   an unchanged account costs a comparison and what changed is known on the way. */
#include "role/directory/accounts.h"

#include "base/memory.h"
#include "role/directory/accounts_internal.h"
#include "role/directory/password.h"
#include "role/directory/template.h"

#include <string.h>

enum { WITHDRAWN_OCTETS_MAX = 16 * 1024 * 1024 };

void
accounts_begin(struct accounts *a)
{
	a->generation++;
	map_free(&a->new_domains);
	a->new_domains = map_new();
	map_free(&a->new_login_names);
	a->new_login_names = map_new();
	a->has_taken_login_names = false;
	for (size_t i = 0; i < a->config_domains.count; i++)
		accounts_put_domain(a, a->config_domains.at[i]);
}

void
accounts_put_domain(struct accounts *a, struct bytes name)
{
	struct domain folded;

	if (domain_fold(name, &folded))
		map_put(a->new_domains, domain_bytes(&folded), a);
	else
		event(NULL, EV_DIRECTORY_ROW, TEXT("domain", name), STR("reason", "malformed"));
}

static struct name *
name_of(struct accounts *a, const struct address *address)
{
	return names_make(a->names, address_bytes(address));
}

static uint64_t
next_number(struct accounts *a)
{
	if (a->index_count == a->index_size) {
		a->index_size = a->index_size ? a->index_size * 2 : 64;
		a->by_index = memory_resize(a->by_index, a->index_size, sizeof *a->by_index);
	}
	a->by_index[a->index_count] = NULL;
	return a->number_base + a->index_count++;
}

/* Empty when the template gives none. */
static struct bytes
make_path(struct accounts *a, const struct address *address, const struct user_record *record, bool is_made,
	struct buf *path)
{
	struct fault f;
	int result = is_made ? template_put_made_path(path, &a->template, address, &f)
			     : template_put_path(path, &a->template, address, record->attributes, record->attribute_count, &f);

	if (result == 0)
		return buf_bytes(path);
	event(NULL, EV_ACCOUNT_UNUSABLE, TEXT("account", address_bytes(address)), STR("reason", f.text));
	return BYTES_NONE;
}

/* What can't be read is told of, and counts as nothing said. */
static struct quota
make_quota(const struct accounts *a, const struct address *address, const struct user_record *record)
{
	struct quota quota = a->quota;

	for (size_t i = 0; i < record->attribute_count; i++)
		if (bytes_equal_nocase(record->attributes[i].name, BYTES(RECORD_QUOTA)) && !quota_parse(record->attributes[i].value, &quota))
			event(NULL, EV_QUOTA_UNUSABLE, TEXT("account", address_bytes(address)), TEXT("quota", record->attributes[i].value));
	return quota;
}

static uint8_t *
add(uint8_t *at, struct bytes what)
{
	if (what.len)
		memcpy(at, what.ptr, what.len);
	return at + what.len;
}

static struct account *
make_account(const struct address *address, struct bytes secret_password, struct bytes path, struct bytes bind_dn)
{
	struct account *account =
		memory_new(sizeof *account + address->len + secret_password.len + path.len + bind_dn.len);

	account->address_len = address->len;
	account->password_len = (uint16_t)secret_password.len;
	account->path_len = (uint16_t)path.len;
	account->bind_dn_len = (uint16_t)bind_dn.len;
	account->has_usable_password = password_cost(secret_password) != PASSWORD_USELESS;
	add(add(add(add(account->octets, address_bytes(address)), secret_password), path), bind_dn);
	return account;
}

static void
report(struct accounts *a, const struct account *account, enum account_change change)
{
	if (a->handlers->changed)
		a->handlers->changed(a->arg, account, change);
}

/* An entry that was only renamed has the same one. */
static bool
has_same_password(const struct account *x, const struct account *y)
{
	return bytes_equal(account_secret_password(x), account_secret_password(y)) && x->password_stamp == y->password_stamp
		&& (x->bind_dn_len > 0) == (y->bind_dn_len > 0);
}

static bool
is_same_quota(const struct account *x, const struct account *y)
{
	return x->quota.octets == y->quota.octets && x->quota.messages == y->quota.messages;
}

/* What the sessions of `before` must hear; what is weaker is in what is stronger. */
static void
report_difference(struct accounts *a, const struct account *before, const struct account *now)
{
	if (before->is_enabled && !now->is_enabled)
		report(a, now, ACCOUNT_DISABLED);
	else if (!has_same_password(before, now))
		report(a, now, ACCOUNT_PASSWORD);
	else if (!bytes_equal(account_path(before), account_path(now)))
		report(a, now, ACCOUNT_MOVED);
	else if (before->edit_stamp != now->edit_stamp)
		report(a, now, ACCOUNT_EDITED);
	/* Beside what was said of the rest. */
	if (!is_same_quota(before, now))
		report(a, now, ACCOUNT_QUOTA);
}

static bool
is_same(const struct account *x, const struct account *y)
{
	return x->is_enabled == y->is_enabled && x->is_made == y->is_made && x->is_of_ldap == y->is_of_ldap
		&& bytes_equal(account_path(x), account_path(y))
		&& bytes_equal(account_bind_dn(x), account_bind_dn(y)) && has_same_password(x, y)
		&& x->entry == y->entry && x->edit_stamp == y->edit_stamp && is_same_quota(x, y);
}

/* Every value with its scheme.  One that has no place is told of, and left out. */
static void
make_stored(struct accounts *a, const struct address *address, struct bytes values, struct buf *secret_stored)
{
	while (values.len) {
		struct bytes value = take_until(&values, '\0');

		if (!password_put_value(secret_stored, value, a->default_scheme))
			event(NULL, EV_PASSWORD_UNUSABLE, TEXT("account", address_bytes(address)),
				STR("reason", "the value is empty, or there are too many and too long ones"));
	}
}

/* Whom to bind as; empty: the password is compared, or nobody can log in.  What can't be read here, or is none of our schemes
   ({SASL}), is for the server to try. */
static struct bytes
dn_to_bind(const struct user_record *record, struct bytes secret_stored)
{
	bool may_be_cut = record->entry.len >= RECORD_ENTRY_MAX;

	return may_be_cut || password_cost(secret_stored) != PASSWORD_USELESS ? BYTES_NONE : record->entry;
}

static uint32_t
stamp_of(struct bytes text)
{
	return text.len ? (uint32_t)map_hash(text) : 0;
}

/* Without an edit time, there was no edit that counts since the one that is known. */
static void
set_stamps(struct account *account, const struct user_record *record, const struct account *before)
{
	if (account->bind_dn_len == 0)
		return;
	account->password_stamp = stamp_of(record->password_stamp);
	account->edit_stamp = stamp_of(record->edit_stamp);
	if (account->edit_stamp == 0 && before)
		account->edit_stamp = before->edit_stamp;
}

/* The account of folded `address` with a path made of the template; replaces what was there and says
   what changed. */
static void
set_account(struct accounts *a, const struct address *address, const struct user_record *record,
	bool is_made)
{
	uint8_t space[ACCOUNT_PATH_MAX], secret_space[PASSWORD_STORED_MAX];
	struct buf path, secret_stored;
	struct name *name = name_of(a, address);
	struct account *before = name->account, *now;

	buf_init_fixed(&path, space, sizeof space);
	buf_init_fixed(&secret_stored, secret_space, sizeof secret_space);
	make_stored(a, address, record->secret_password, &secret_stored);
	now = make_account(address, buf_bytes(&secret_stored), make_path(a, address, record, is_made, &path),
		dn_to_bind(record, buf_bytes(&secret_stored)));
	memory_wipe(secret_space, secret_stored.len);
	set_stamps(now, record, before);
	if (!is_made) /* RFC 5321 4.5.1: a postmaster's mail is not refused for it */
		now->quota = make_quota(a, address, record);
	now->is_enabled = record->is_enabled;
	now->is_made = is_made;
	now->is_of_ldap = record->entry.len > 0;
	now->entry = map_hash(record->entry);
	if (before && is_same(before, now)) {
		before->generation = a->generation;
		accounts_free_account(now);
		return;
	}
	now->number = before ? before->number : next_number(a);
	now->generation = a->generation;
	name->account = now;
	a->by_index[now->number - a->number_base] = now;
	a->account_count += !is_made;
	a->bind_count += now->bind_dn_len > 0;
	if (before) {
		a->account_count -= !before->is_made;
		a->bind_count -= before->bind_dn_len > 0;
		report_difference(a, before, now);
	}
	accounts_free_account(before);
}

void
accounts_make(struct accounts *a, struct bytes folded)
{
	struct user_record record = { .address = folded, .is_enabled = false };
	struct address address;

	if (address_fold(folded, &address))
		set_account(a, &address, &record, true);
}

static struct alias *
make_alias(const struct alias_record *record)
{
	size_t len = 0;
	struct alias *alias;
	uint8_t *at;

	for (size_t i = 0; i < record->target_count; i++)
		len += 2 + record->targets[i].len;
	alias = memory_new(sizeof *alias + len);
	alias->len = (uint32_t)len;
	alias->target_count = (uint16_t)record->target_count;
	alias->rank = (uint8_t)record->rank;
	alias->is_of_ldap = record->entry.len > 0;
	at = alias->octets;
	for (size_t i = 0; i < record->target_count; i++) {
		struct bytes target = record->targets[i];

		*at++ = (uint8_t)target.len;
		*at++ = (uint8_t)(target.len >> 8);
		at = add(at, target);
	}
	return alias;
}

static void
set_alias(struct accounts *a, struct name *name, const struct alias_record *record)
{
	if (!name->alias)
		a->alias_count++;
	memory_free(name->alias);
	name->alias = make_alias(record);
	name->alias->generation = a->generation;
}

static bool
is_sound_alias(const struct alias_record *record, struct address *address)
{
	struct address target;

	if (!address_fold(record->address, address) || address->local_len == address->len)
		return false;
	if ((record->target_count == 0 && record->rank != ALIAS_GROUP) || record->target_count > RECORD_TARGETS_MAX)
		return false;
	for (size_t i = 0; i < record->target_count; i++)
		if (!address_fold(record->targets[i], &target) || target.local_len == 0
			|| target.local_len == target.len)
			return false;
	return true;
}

/* Of one source's entries claims.h decides; here two sources have the same. */
static void
report_taken(const struct address *address, struct bytes entry)
{
	event(NULL, EV_ADDRESS_TAKEN, TEXT("address", address_bytes(address)), STR("kept", "of the source that is read first"),
		TEXT("left_out", entry));
}

/* From this load. */
static bool
has_meaning(const struct accounts *a, const struct name *name)
{
	return (name->alias && name->alias->generation == a->generation)
		|| (name->account && name->account->generation == a->generation && !name->account->is_made);
}

void
accounts_put_alias(struct accounts *a, const struct alias_record *record)
{
	struct address address;
	struct name *name;

	if (!is_sound_alias(record, &address)) {
		event(NULL, EV_DIRECTORY_ROW, TEXT("alias", record->address), STR("reason", "malformed"));
		return;
	}
	name = name_of(a, &address);
	if (record->rank != ALIAS_MADE && has_meaning(a, name)) {
		report_taken(&address, record->entry);
		return;
	}
	if (name->alias && name->alias->generation == a->generation && name->alias->rank == ALIAS_LISTED)
		event(NULL, EV_ADDRESS_TAKEN, TEXT("address", address_bytes(&address)), STR("kept", "of the embedded directory"),
			STR("left_out", "of the file of aliases"));
	set_alias(a, name, record);
}

/* What an administrator made of the address counts before. */
static void
set_forward(struct accounts *a, const struct address *address, const struct user_record *record)
{
	struct name *name = name_of(a, address);
	struct alias_record forward = { address_bytes(address), record->forwards, record->forward_count, ALIAS_FORWARD,
		record->entry };
	struct address folded;

	if (name->alias && name->alias->generation == a->generation)
		return;
	if (is_sound_alias(&forward, &folded))
		set_alias(a, name, &forward);
	else
		event(NULL, EV_DIRECTORY_ROW, TEXT("alias", forward.address), STR("reason", "a forward is malformed"));
}

/* The first account of a name has it.  In a change a name that is another's stays so, when it was several accounts' before; else a load has to tell. */
static void
put_login_name(struct accounts *a, const struct address *address, const struct user_record *record)
{
	const struct name *name = names_get(a->names, address_bytes(address));
	struct map *names = a->new_login_names ? a->new_login_names : a->login_names;
	struct address folded;
	uintptr_t own, has;

	if (!name || !address_fold(record->account_name, &folded) || folded.local_len < folded.len)
		return;
	own = (uintptr_t)(name->account->number - a->number_base + 1);
	has = (uintptr_t)map_get(names, address_bytes(&folded));
	if (!has)
		(void)map_put(names, address_bytes(&folded), (void *)own);
	if (!has || has == own)
		return;
	a->is_unsettled |= !a->has_taken_login_names;
	a->has_taken_login_names = true;
	if (a->new_login_names)
		event(NULL, EV_ADDRESS_TAKEN, TEXT("account_name", address_bytes(&folded)), STR("kept", "of the entry that is read first"),
			TEXT("left_out", record->entry));
}

void
accounts_put_user(struct accounts *a, const struct user_record *record)
{
	struct address address;
	struct name *name;

	if (!address_fold(record->address, &address) || address.local_len == 0
		|| address.local_len == address.len) {
		event(NULL, EV_DIRECTORY_ROW, TEXT("account", record->address), STR("reason", "malformed"));
		return;
	}
	name = names_get(a->names, address_bytes(&address));
	if (name && name->account && name->account->generation == a->generation && !name->account->is_made) {
		report_taken(&address, record->entry);
		return;
	}
	set_account(a, &address, record, false);
	if (a->has_login_names)
		put_login_name(a, &address, record);
	if (record->forward_count)
		set_forward(a, &address, record);
}

void
accounts_update_user(struct accounts *a, const struct user_record *record)
{
	struct address address;
	const struct name *name = address_fold(record->address, &address) ? names_get(a->names, address_bytes(&address)) : NULL;
	const struct account *account = name ? name->account : NULL;

	if (account && !account->is_made && account->is_of_ldap && account->entry == map_hash(record->entry))
		set_account(a, &address, record, false);
}

static void
remove_account(struct accounts *a, struct name *name)
{
	a->by_index[name->account->number - a->number_base] = NULL;
	a->account_count -= !name->account->is_made;
	a->bind_count -= name->account->bind_dn_len > 0;
	report(a, name->account, ACCOUNT_REMOVED);
	accounts_free_account(name->account);
	name->account = NULL;
}

/* Forgets what the load did not meet.  A made account stays until its domain goes (nothing else
   knows of it), but the template may have changed. */
static void
sweep_name(struct accounts *a, struct name *name)
{
	struct bytes key = name_address(name), domain = bytes_sub(key, bytes_find_last_char(key, '@') + 1, key.len);

	if (name->alias && name->alias->generation != a->generation) {
		memory_free(name->alias);
		name->alias = NULL;
		a->alias_count--;
	}
	if (!name->account || name->account->generation == a->generation)
		return;
	if (name->account->is_made && accounts_has_domain(a, domain))
		accounts_make(a, key);
	else
		remove_account(a, name);
}

static void
sweep(struct accounts *a)
{
	struct name *name;

	for (size_t i = 0; (name = names_next(a->names, &i));)
		sweep_name(a, name);
	names_sweep(a->names);
}

void
accounts_end(struct accounts *a)
{
	map_free(&a->domains);
	a->domains = a->new_domains;
	a->new_domains = NULL;
	map_free(&a->login_names);
	a->login_names = a->new_login_names;
	a->new_login_names = NULL;
	sweep(a);
	a->is_loaded = true;
}

/* What stays is as what was put: a change has to tell it from what it withdraws. */
void
accounts_abandon(struct accounts *a)
{
	struct name *name;

	map_free(&a->new_domains);
	map_free(&a->new_login_names);
	for (size_t i = 0; (name = names_next(a->names, &i));) {
		if (name->account)
			name->account->generation = a->generation;
		if (name->alias)
			name->alias->generation = a->generation;
	}
}

/* ---- a change between loads */

void
accounts_begin_change(struct accounts *a)
{
	a->is_unsettled = false;
	buf_init(&a->withdrawn, WITHDRAWN_OCTETS_MAX);
}

static void
withdraw_login_name(struct accounts *a, const struct address *folded)
{
	if (a->login_names)
		(void)map_remove(a->login_names, address_bytes(folded));
}

/* As if a load had not met what LDAP made of it. */
void
accounts_withdraw(struct accounts *a, struct bytes text)
{
	struct address folded;
	struct name *name;

	if (!address_fold(text, &folded))
		return;
	if (folded.local_len == folded.len) {
		withdraw_login_name(a, &folded);
		return;
	}
	name = names_get(a->names, address_bytes(&folded));
	if (!name)
		return;
	if (name->account && name->account->is_of_ldap)
		name->account->generation = a->generation - 1;
	if (name->alias && name->alias->is_of_ldap)
		name->alias->generation = a->generation - 1;
	put_u16(&a->withdrawn, folded.len);
	put_bytes(&a->withdrawn, address_bytes(&folded));
}

bool
accounts_end_change(struct accounts *a)
{
	struct bytes rest = buf_bytes(&a->withdrawn), address;
	bool is_whole = !a->withdrawn.has_failed && !a->is_unsettled;
	struct name *name;
	uint16_t len;

	while (take_u16(&rest, &len) && take_octets(&rest, len, &address)) {
		name = names_get(a->names, address);
		if (!name)
			continue;
		sweep_name(a, name);
		names_drop(a->names, name);
	}
	buf_done(&a->withdrawn);
	return is_whole;
}
