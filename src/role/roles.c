#include "role/roles.h"

#include "config/name.h"
#include "role/role.h"
#include "sys/disk.h"
#include "sys/process.h"

#include <stdio.h>
#include <string.h>

#define BIT(n) (1U << (n))

static const struct roles_row rows[ROLE_COUNT] = {
	[ROLE_FRONT] = {
		.is_one_a_core = true,
		.talks_to = BIT(ROLE_DIRECTORY) | BIT(ROLE_STORE) | BIT(ROLE_QUEUE),
		.services = BIT(SERVICE_SMTP) | BIT(SERVICE_SUBMISSION) | BIT(SERVICE_SUBMISSIONS) |
			BIT(SERVICE_IMAP) | BIT(SERVICE_IMAPS) | BIT(SERVICE_AUTH) | BIT(SERVICE_LOCAL),
		.descriptors = 65536, /* views, bodies */
	},
	[ROLE_DIRECTORY] = {
		.places = { PLACE_STATE, PLACE_EMBEDDED },
		.may_resolve = true,
		.talks_to = BIT(ROLE_FRONT) | BIT(ROLE_STORE) | BIT(ROLE_QUEUE),
		/* Where mailboxes are is for who may know it, and fronts may not. */
		.services = BIT(SERVICE_CONTROL) | BIT(SERVICE_AUTH_USERDB),
		.descriptors = 4096,
	},
	[ROLE_STORE] = {
		.places = { PLACE_STATE, PLACE_MAILBOXES },
		.talks_to = BIT(ROLE_FRONT) | BIT(ROLE_DIRECTORY) | BIT(ROLE_QUEUE),
		.descriptors = 262144,
	},
	[ROLE_RESOLVER] = {
		.may_connect = true,
		.talks_to = BIT(ROLE_RELAY),
		.descriptors = 1024,
	},
	[ROLE_QUEUE] = {
		.places = { PLACE_STATE },
		.talks_to = BIT(ROLE_FRONT) | BIT(ROLE_DIRECTORY) | BIT(ROLE_STORE) | BIT(ROLE_RELAY),
		.services = BIT(SERVICE_QUEUE_CONTROL),
		.descriptors = 65536, /* bodies on their way to relays */
	},
	[ROLE_RELAY] = {
		.may_connect = true,
		.talks_to = BIT(ROLE_RESOLVER) | BIT(ROLE_QUEUE),
		.descriptors = 65536, /* a connection and a body for each mail on its way */
	},
};

const struct roles_row *
roles_row(enum role role)
{
	return role < ROLE_COUNT && rows[role].talks_to ? &rows[role] : NULL;
}

uint8_t
roles_count(const struct config *c, enum role role)
{
	const struct roles_row *row = roles_row(role);

	if (!row || !row->is_one_a_core)
		return row ? 1 : 0;
	uint64_t count = c->fronts ? c->fronts : (uint64_t)process_cores();
	return count < IPC_GRANTEE_QUEUE ? (uint8_t)count : IPC_GRANTEE_QUEUE;
}

struct bytes
roles_user(const struct config *c, enum role role)
{
	switch (role) {
	case ROLE_FRONT:
		return c->user_front;
	case ROLE_DIRECTORY:
		return c->user_directory;
	case ROLE_STORE:
		return c->user_store;
	case ROLE_RESOLVER:
		return c->user_resolver.len ? c->user_resolver : c->user_front;
	case ROLE_QUEUE:
		return c->user_queue.len ? c->user_queue : c->user_store;
	case ROLE_RELAY:
		return c->user_relay.len ? c->user_relay : c->user_front;
	case ROLE_SUPERVISOR:
	case ROLE_COUNT:
	case ROLE_ANY:
	case ROLE_MAILER:
		break;
	}
	return BYTES_NONE;
}

bool
roles_may_talk(enum role a, enum role b)
{
	const struct roles_row *row = roles_row(a);

	return row && (row->talks_to & BIT(b));
}

bool
roles_serves(enum role role, enum ipc_service service)
{
	const struct roles_row *row = roles_row(role);

	return row && (row->services & BIT(service));
}

/* Without the last component; "/" at least. */
static struct bytes
directory_of(struct bytes path)
{
	size_t slash = bytes_find_last_char(path, '/');

	if (slash == path.len)
		return BYTES_NONE;
	return bytes_sub(path, 0, slash > 0 ? slash : 1);
}

static struct bytes
before_variables(struct bytes template)
{
	return directory_of(bytes_sub(template, 0, bytes_find_char(template, '%')));
}

int
roles_path(const struct config *c, enum role role, enum roles_place place, char out[ROLES_PATH_MAX])
{
	struct bytes base = BYTES_NONE;
	const char *below = "";

	switch (place) {
	case PLACE_STATE:
		base = c->state_directory;
		below = ipc_role_name(role);
		break;
	case PLACE_EMBEDDED:
		base = directory_of(c->directory_embedded_file);
		break;
	case PLACE_MAILBOXES:
		base = name_template_has_home(c->maildir_template) ? c->homes : before_variables(c->maildir_template);
		break;
	case PLACE_NONE:
		break;
	}
	int len = snprintf(out, ROLES_PATH_MAX, "%.*s%s%s", BYTES_ARG(base), *below ? "/" : "", below);
	return base.len > 0 && len > 0 && len < ROLES_PATH_MAX ? 0 : -1;
}

/* What the C library reads to find a host, and OpenLDAP's library to trust it; those that are there. */
static const char *const resolver_files[] = { "/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/services",
	"/etc/gai.conf", "/etc/host.conf", "/etc/ssl/certs" };

static void
add_readable(struct roles_jail *out, size_t *count, struct bytes path)
{
	struct stat st;
	int len;

	if (path.len == 0 || *count == ROLES_PATHS_MAX)
		return;
	len = snprintf(out->paths[*count], ROLES_PATH_MAX, "%.*s", BYTES_ARG(path));
	if (len >= ROLES_PATH_MAX || disk->fstatat(AT_FDCWD, out->paths[*count], &st, 0) != 0)
		return;
	out->profile.paths[*count].path = out->paths[*count];
	out->profile.paths[*count].access = SANDBOX_READ;
	(*count)++;
}

void
roles_jail(const struct config *c, enum role role, struct bytes user, struct roles_jail *out)
{
	const struct roles_row *row = &rows[role];
	size_t count = 0;

	memset(out, 0, sizeof *out);
	(void)snprintf(out->user, sizeof out->user, "%.*s", BYTES_ARG(user));
	out->profile.user = out->user[0] ? out->user : NULL;
	out->profile.descriptors_max = row->descriptors + 2 * (uint64_t)c->connections_max;
	for (size_t i = 0; i < ROLES_PLACES_MAX && row->places[i]; i++)
		if (roles_path(c, role, row->places[i], out->paths[count]) == 0) {
			out->profile.paths[count].path = out->paths[count];
			out->profile.paths[count].access = SANDBOX_READ | SANDBOX_WRITE;
			count++;
		}
	out->profile.may_connect = row->may_connect;
	if (row->may_resolve && c->ldap_servers.count > 0) {
		out->profile.may_connect = true;
		add_readable(out, &count, c->ldap_ca_file);
		for (size_t i = 0; i < sizeof resolver_files / sizeof resolver_files[0]; i++)
			add_readable(out, &count, bytes_text(resolver_files[i]));
	}
	out->profile.may_open = count > 0;
}
