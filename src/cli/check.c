#include "cli/cli.h"

#include "cli/certificate.h"
#include "cli/relaying.h"
#include "cli/room.h"
#include "config/dkim_key.h"
#include "config/kind.h"
#include "role/roles.h"
#include "sys/net.h"
#include "sys/process.h"
#include "sys/time.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

enum { NAME_MAX_OCTETS = 64, TXT_OCTETS_MAX = 255, RECORD_OCTETS_MAX = 4096 };

static int
check_certificates(const struct config *c)
{
	int result = CLI_GOOD;

	for (size_t i = 0; i < c->certificate_count; i++) {
		const struct config_certificate *at = &c->certificates[i];
		struct fault f;

		if (!certificate_check(at->chain_pem, at->secret_key_pem, time_wall_us() / 1000000, &f))
			continue;
		(void)cli_failed("certificate %.*s: %s", BYTES_ARG(at->chain_path), f.text);
		result = CLI_FAILED;
	}
	return result;
}

static int
check_socket_owners(const struct config *c)
{
	struct net_unix_access ignored;
	struct fault f;
	int result = CLI_GOOD;

	for (size_t i = 0; i < c->listener_count; i++) {
		const struct config_listener *l = &c->listeners[i];

		if (net_unix_access_of(l->user, l->group, l->mode, &ignored, &f) == 0)
			continue;
		result = cli_failed("listen %s %.*s: %s", kind_service_name(l->service), BYTES_ARG(l->address), f.text);
	}
	return result;
}

/* Only root can become another user; others stay who they are. */
static int
check_users(const struct config *c)
{
	const struct bytes names[] = { c->user_front, c->user_directory, c->user_store, c->user_resolver, c->user_queue,
		c->user_relay };
	int result = check_socket_owners(c);

	for (size_t i = 0; process_is_root() && i < sizeof names / sizeof names[0]; i++) {
		char name[NAME_MAX_OCTETS];

		(void)snprintf(name, sizeof name, "%.*s", BYTES_ARG(names[i]));
		if (names[i].len == 0 || process_has_user(name))
			continue;
		result = cli_failed("there is no user \"%s\" on this system: adduser --system --group %s, or name another with "
				    "\"user\"", name, name);
	}
	return result;
}

static void
print_users(const struct config *c)
{
	if (process_is_root())
		printf("\nRoles run as %.*s (front, relay, resolver unless named), %.*s (directory), %.*s (store, queue unless named).\n",
			BYTES_ARG(c->user_front), BYTES_ARG(c->user_directory), BYTES_ARG(c->user_store));
	else
		printf("\nStarted by this user, all roles stay this user.\n");
}

static const char *
security_of(const struct config *c, enum ipc_service service)
{
	switch (service) {
	case SERVICE_SUBMISSIONS:
	case SERVICE_IMAPS:
		return "TLS from the start";
	case SERVICE_SMTP:
	case SERVICE_SUBMISSION:
	case SERVICE_IMAP:
		break;
	case SERVICE_AUTH:
	case SERVICE_AUTH_USERDB:
	case SERVICE_CONTROL:
	case SERVICE_QUEUE_CONTROL:
	case SERVICE_LOCAL:
		return "for programs of this machine";
	case SERVICE_COUNT:
		break;
	}
	return c->certificate_count > 0 ? "TLS by STARTTLS" : "no TLS: there is no certificate";
}

static void
print_listeners(const struct config *c)
{
	printf("\nListens:\n");
	for (size_t i = 0; i < c->listener_count; i++) {
		const struct config_listener *l = &c->listeners[i];

		printf("  %-12s %-28.*s %s\n", kind_service_name(l->service), BYTES_ARG(l->address),
			security_of(c, l->service));
	}
	if (c->plaintext_login != PLAINTEXT_LOGIN_NO)
		printf("  Passwords are taken without TLS %s (plaintext_login).\n",
			c->plaintext_login == PLAINTEXT_LOGIN_YES ? "from anywhere" : "from this machine");
}

/* A string of a TXT record has 255 octets at most (RFC 1035 3.3.14). */
static void
print_record(const struct config_dkim *d)
{
	struct bytes rest;
	struct fault f;
	struct buf record;
	EVP_PKEY *key = dkim_key_read(d->secret_key_pem, &f);

	buf_init(&record, RECORD_OCTETS_MAX);
	if (key)
		dkim_key_put_record(&record, key);
	printf("  %.*s._domainkey.%.*s. TXT", BYTES_ARG(d->selector), BYTES_ARG(d->domain));
	for (rest = buf_bytes(&record); rest.len; rest = bytes_sub(rest, TXT_OCTETS_MAX, rest.len))
		printf(" \"%.*s\"", BYTES_ARG(bytes_sub(rest, 0, TXT_OCTETS_MAX)));
	printf("\n");
	EVP_PKEY_free(key);
	buf_done(&record);
}

static void
print_dkim(const struct config *c)
{
	if (c->dkim_count)
		printf("\nWhat goes out is signed (dkim); DNS has to say:\n");
	for (size_t i = 0; i < c->dkim_count; i++)
		print_record(&c->dkim[i]);
}

static void
print_sandbox(const struct config *c)
{
	struct sandbox_report reports[ROLE_COUNT] = { 0 };

	printf("\nSandbox of each role, here and now:\n%-19s", "");
	for (enum role role = ROLE_FRONT; role < ROLE_COUNT; role++) {
		struct roles_jail jail;

		roles_jail(c, role, roles_user(c, role), &jail);
		sandbox_probe(&jail.profile, &reports[role]);
		printf("  %s", ipc_role_name(role));
	}
	for (unsigned int i = 0; i < SANDBOX_MEASURES; i++) {
		printf("\n  %-17s", sandbox_measure_name((enum sandbox_measure)i));
		for (enum role role = ROLE_FRONT; role < ROLE_COUNT; role++)
			printf("  %-*s", role + 1 < ROLE_COUNT ? (int)strlen(ipc_role_name(role)) : 0, reports[role].is_in_force[i] ? "yes" : "no");
	}
	printf("\n");
	if (reports[ROLE_FRONT].landlock_abi > 0)
		printf("  Landlock is of version %d.\n", reports[ROLE_FRONT].landlock_abi);
}

static int
check_relaying(const struct config *c, struct relaying *tried)
{
	struct relaying_rehearsal rehearsal;
	struct fault f;
	int result;

	relaying_rehearsal_init(&rehearsal, c);
	result = relaying_prove(c, relaying_rehearse, &rehearsal, tried, &f);
	relaying_rehearsal_done(&rehearsal);
	if (result == 0)
		return CLI_GOOD;
	if (!tried->opener)
		return cli_failed("open relay: %s", f.text);
	fprintf(stderr, "%.*s:%u:%u: open relay: %s\n", BYTES_ARG(tried->opener->file), tried->opener->line, tried->opener->column, f.text);
	return CLI_FAILED;
}

static void
print_onward(const struct config *c)
{
	for (size_t i = 0; i < c->relayed_count; i++) {
		struct bytes domain = c->relayed[i].domain;

		if (relaying_is_refused(c, domain))
			printf("  Refused, whoever sends it: %.*s (route).\n", BYTES_ARG(domain));
		else
			printf("  Sent on for everybody: %s %.*s (relay_for).\n", c->relayed[i].takes_any ? "all of" : "what the directory has of", BYTES_ARG(domain));
	}
	for (size_t i = 0; i < c->trusted_network_count; i++)
		printf("  Without a log-in to the world: %.*s (trusted_networks).\n", BYTES_ARG(c->trusted_networks[i].text));
}

static void
print_relaying(const struct config *c, const struct relaying *tried)
{
	printf("\nNo open relay: of %zu addresses that were tried, strangers reach %zu on other servers, all of domains named here;\n"
	       "  trusted networks %zu, who logged in %zu.\n", tried->tried, tried->leave[CLIENT_STRANGER], tried->leave[CLIENT_TRUSTED],
		tried->leave[CLIENT_ACCOUNT]);
	print_onward(c);
}

static void
warn_of_room(const struct config *c)
{
	struct fault f;

	if (room_check(c, &f) != 0)
		fprintf(stderr, "state_directory %.*s: warning: %s\n", BYTES_ARG(c->state_directory), f.text);
}

static int
run(int argc, char **argv)
{
	const char *path = CONFIG_DEFAULT_PATH;
	const struct cli_option options[] = { { "-c", &path, NULL }, { 0 } };
	struct relaying tried = { 0 };
	struct config *c;
	int operands = cli_take_options(argc, argv, options), result;

	if (operands < 0)
		return CLI_MISUSED;
	if (operands > 0)
		return cli_misused(argv[0], "the file stands behind -c");
	c = cli_load(path, true);
	if (!c)
		return CLI_FAILED;
	warn_of_room(c);
	result = check_certificates(c) | check_users(c) | check_relaying(c, &tried);
	if (result == CLI_GOOD) {
		printf("%s: no errors.\n", path);
		print_listeners(c);
		print_relaying(c, &tried);
		print_dkim(c);
		print_users(c);
		print_sandbox(c);
	}
	config_free(&c);
	return result;
}

const struct cli_command cli_check = {
	.name = "check",
	.summary = "check the configuration, say what would listen where",
	.usage = "check [-c FILE]\n"
		 "\n"
		 "Reads the configuration with all it includes and names, and prints every\n"
		 "error as FILE:LINE:COLUMN: what is wrong.  When there is none: what\n"
		 "listens where, who can send mail to others through this server (every\n"
		 "trick by which servers were talked into relaying is tried on the code\n"
		 "that decides), what DNS has to say of the keys of `dkim`, and what of the\n"
		 "sandbox this kernel, this user and the users of the roles allow each\n"
		 "role.  Nothing is started or changed.\n"
		 "\n"
		 "Keys and passwords in files that everybody on this machine can read get a\n"
		 "line as well, FILE:LINE:COLUMN: warning: what is wrong.  So does a state\n"
		 "directory without room for the journals, which are made at the start.\n"
		 "\n"
		 "  -c FILE   the configuration (/etc/mermoz/mermoz.conf)\n"
		 "\n"
		 "Exit code: 0 when it can be served, warnings or not, else 1.\n",
	.run = run,
};
