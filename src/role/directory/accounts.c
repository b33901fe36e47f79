#include "role/directory/accounts.h"

#include "base/memory.h"
#include "role/directory/accounts_internal.h"
#include "role/directory/password.h"
#include "role/directory/template.h"
#include "sys/random.h"

#include <assert.h>

enum { CONFIG_COPY_MAX = 16 * 1024 * 1024, DRAWS_MAX = 16 };

struct bytes
account_address(const struct account *account)
{
	return bytes_of(account->octets, account->address_len);
}

struct bytes
account_secret_password(const struct account *account)
{
	return bytes_of(account->octets + account->address_len, account->password_len);
}

struct bytes
account_path(const struct account *account)
{
	return bytes_of(account->octets + account->address_len + account->password_len, account->path_len);
}

struct bytes
account_bind_dn(const struct account *account)
{
	return bytes_of(account->octets + account->address_len + account->password_len + account->path_len, account->bind_dn_len);
}

bool
account_may_log_in(const struct account *account)
{
	return account->bind_dn_len > 0 || account->has_usable_password;
}

struct accounts *
accounts_new(const struct config *config, const struct accounts_handlers *handlers, void *arg)
{
	struct accounts *a = NEW(struct accounts);

	a->handlers = handlers;
	a->arg = arg;
	a->names = names_new();
	a->met = NEW(struct targets);
	a->domains = map_new();
	/* Below 2^63, so that no index carries over; never 0. */
	a->number_base = (random_number() >> 1) | 1;
	accounts_configure(a, config);
	accounts_begin(a);
	accounts_end(a);
	a->is_loaded = false;
	return a;
}

void
accounts_free_account(struct account *account)
{
	if (!account)
		return;
	memory_wipe(account->octets + account->address_len, account->password_len);
	memory_free(account);
}

void
accounts_free(struct accounts **at)
{
	struct accounts *a = *at;
	struct name *name;

	if (!a)
		return;
	for (size_t i = 0; (name = names_next(a->names, &i));) {
		accounts_free_account(name->account);
		memory_free(name->alias);
	}
	names_free(&a->names);
	map_free(&a->domains);
	map_free(&a->new_domains);
	map_free(&a->login_names);
	map_free(&a->new_login_names);
	memory_free(a->by_index);
	memory_free(a->met);
	arena_free(&a->arena);
	memory_free(a);
	*at = NULL;
}

static struct bytes
keep(struct arena *arena, struct bytes text)
{
	struct bytes copy;

	return arena_copy(arena, text, &copy) ? copy : BYTES_NONE;
}

/* Folded, as far as they are domains; without any, the host's own name is one, so that there is
   a place for postmaster. */
static struct config_texts
keep_domains(struct arena *arena, const struct config *config)
{
	struct bytes hostname = config->hostname;
	struct config_texts from = config->domains;
	struct config_texts to = { NULL, 0 };
	struct domain folded;

	if (from.count == 0)
		from = (struct config_texts){ &hostname, 1 };
	to.at = arena_take(arena, from.count * sizeof *to.at);
	for (size_t i = 0; to.at && i < from.count; i++)
		if (domain_fold(from.at[i], &folded))
			to.at[to.count++] = keep(arena, domain_bytes(&folded));
	return to;
}

static struct bytes
name_of_scheme(enum config_password_scheme scheme)
{
	static const char *const names[] = { "PLAIN", "CRYPT", "MD5", "SMD5", "SHA", "SSHA", "SHA256", "SSHA256", "SHA512",
		"SSHA512", "ARGON2", "PBKDF2", "PBKDF2-SHA256", "PBKDF2-SHA512", "SCRAM-SHA-1", "SCRAM-SHA-256" };

	return bytes_text(names[scheme]);
}

void
accounts_configure(struct accounts *a, const struct config *config)
{
	struct arena *arena = arena_new("directory configuration", CONFIG_COPY_MAX, ARENA_PLAIN);

	a->config_domains = keep_domains(arena, config);
	a->hostname = keep(arena, config->hostname);
	a->delimiters = keep(arena, config->recipient_delimiter);
	a->postmaster = keep(arena, config->postmaster);
	a->group_posting = config->ldap_group_posting;
	a->has_login_names = config->ldap_login_name == LDAP_LOGIN_NAME_ACCOUNT;
	a->may_send_as_group = config->ldap_group_sending == GROUP_SENDING_MEMBERS;
	a->default_scheme = name_of_scheme(config->default_password_scheme);
	a->onward = onward_new(arena, config);
	assert(a->onward); /* a configuration is a file of 1 MiB */
	a->template = (struct template){ keep(arena, config->maildir_template), keep(arena, config->homes) };
	a->quota = (struct quota){ .octets = config->quota_octets };
	arena_free(&a->arena);
	a->arena = arena;
}

void
accounts_watch(struct accounts *a, const struct trace *t)
{
	a->trace = t;
}

bool
accounts_are_loaded(const struct accounts *a)
{
	return a->is_loaded;
}

const struct account *
accounts_by_number(const struct accounts *a, uint64_t number)
{
	return number - a->number_base < a->index_count ? a->by_index[number - a->number_base] : NULL;
}

struct bytes
accounts_home(const struct accounts *a, const struct account *account)
{
	return template_home(a->template.text, account_path(account));
}

const struct account *
accounts_next(const struct accounts *a, size_t *at)
{
	while (*at < a->index_count) {
		const struct account *account = a->by_index[(*at)++];

		if (account && !account->is_made)
			return account;
	}
	return NULL;
}

/* As in linear hashing: an index that is not there yet is that of the next lower power of two, so that one
   that is added takes draws from one other only. */
static size_t
drawn_index(uint64_t draw, size_t count)
{
	size_t mask = 1;

	while (mask < count)
		mask *= 2;
	mask--;
	return (draw & mask) < count ? draw & mask : draw & (mask >> 1);
}

const struct account *
accounts_draw(const struct accounts *a, uint64_t draw)
{
	for (int i = 0; i < DRAWS_MAX && a->index_count; i++) {
		const struct account *account = a->by_index[drawn_index(draw, a->index_count)];

		if (account && account_may_log_in(account))
			return account;
		draw = draw >> 7 | draw << 57;
	}
	return NULL;
}

bool
accounts_has_domain(const struct accounts *a, struct bytes domain)
{
	return map_get(a->domains, domain) != NULL;
}

bool
accounts_has_name(const struct accounts *a, const struct address *address)
{
	return names_get(a->names, address_bytes(address)) != NULL;
}

struct accounts_counts
accounts_count(const struct accounts *a)
{
	return (struct accounts_counts){ a->account_count, a->alias_count, map_count(a->domains), a->bind_count };
}
