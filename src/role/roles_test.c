#include "role/roles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
who_may_talk_is_symmetrical(void **state)
{
	(void)state;
	for (enum role a = 0; a < ROLE_COUNT; a++)
		for (enum role b = 0; b < ROLE_COUNT; b++)
			if (roles_row(a) && roles_row(b))
				assert_int_equal(roles_may_talk(a, b), roles_may_talk(b, a));
	assert_true(roles_may_talk(ROLE_FRONT, ROLE_STORE));
	assert_true(roles_may_talk(ROLE_DIRECTORY, ROLE_STORE));
	assert_false(roles_may_talk(ROLE_FRONT, ROLE_FRONT));
	assert_false(roles_may_talk(ROLE_SUPERVISOR, ROLE_FRONT));
}

static void
every_service_has_exactly_one_role(void **state)
{
	(void)state;
	for (enum ipc_service service = 0; service < SERVICE_COUNT; service++) {
		int roles = 0;

		for (enum role role = 0; role < ROLE_COUNT; role++)
			roles += roles_serves(role, service);
		assert_int_equal(roles, 1);
	}
	assert_true(roles_serves(ROLE_DIRECTORY, SERVICE_CONTROL));
	assert_true(roles_serves(ROLE_QUEUE, SERVICE_QUEUE_CONTROL));
	assert_true(roles_serves(ROLE_FRONT, SERVICE_IMAPS));
}

static void
there_are_as_many_fronts_as_configured_or_cores(void **state)
{
	struct config c = { .fronts = 3 };

	(void)state;
	assert_int_equal(roles_count(&c, ROLE_FRONT), 3);
	assert_int_equal(roles_count(&c, ROLE_STORE), 1);
	assert_int_equal(roles_count(&c, ROLE_SUPERVISOR), 0);
	c.fronts = 100000;
	assert_int_equal(roles_count(&c, ROLE_FRONT), IPC_GRANTEE_QUEUE);
	c.fronts = 0;
	assert_true(roles_count(&c, ROLE_FRONT) >= 1);
}

static void
paths_come_from_the_configuration(void **state)
{
	static const struct {
		const char *template, *file, *mailboxes, *embedded, *homes;
	} rows[] = {
		{ "/home/vmail/%d/%u/Maildir", "/var/db/accounts", "/home/vmail", "/var/db", NULL },
		{ "/home/%u", "/accounts", "/home", "/", NULL },
		{ "/%u", "", "/", NULL, NULL },
		{ "/var/mail/x%u/%d", "accounts", "/var/mail", NULL, NULL },
		{ "/var/mail/fixed", "/a/b", "/var/mail", "/a", NULL },
		{ "", "", NULL, NULL, NULL },
		{ "%h/Maildir", "", "/srv/homes", NULL, "/srv/homes" },
		{ "%h", "", NULL, NULL, NULL },
	};
	char path[ROLES_PATH_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct config c = { .state_directory = BYTES("/var/lib/mermoz"),
			.maildir_template = bytes_text(rows[i].template),
			.homes = bytes_text(rows[i].homes ? rows[i].homes : ""),
			.directory_embedded_file = bytes_text(rows[i].file) };

		assert_int_equal(roles_path(&c, ROLE_STORE, PLACE_STATE, path), 0);
		assert_string_equal(path, "/var/lib/mermoz/store");
		int result = roles_path(&c, ROLE_STORE, PLACE_MAILBOXES, path);
		assert_int_equal(result, rows[i].mailboxes ? 0 : -1);
		if (rows[i].mailboxes)
			assert_string_equal(path, rows[i].mailboxes);
		result = roles_path(&c, ROLE_DIRECTORY, PLACE_EMBEDDED, path);
		assert_int_equal(result, rows[i].embedded ? 0 : -1);
		if (rows[i].embedded)
			assert_string_equal(path, rows[i].embedded);
	}
}

static void
a_front_has_no_file_and_nobody_connects(void **state)
{
	struct config c = { .state_directory = BYTES("/s"), .maildir_template = BYTES("/m/%u") };
	struct roles_jail jail;

	(void)state;
	roles_jail(&c, ROLE_FRONT, BYTES("_mermoz"), &jail);
	assert_null(jail.profile.paths[0].path);
	assert_false(jail.profile.may_open || jail.profile.may_connect);
	assert_string_equal(jail.profile.user, "_mermoz");
	roles_jail(&c, ROLE_STORE, BYTES_NONE, &jail);
	assert_null(jail.profile.user);
	assert_string_equal(jail.profile.paths[0].path, "/s/store");
	assert_string_equal(jail.profile.paths[1].path, "/m");
	assert_null(jail.profile.paths[2].path);
	assert_true(jail.profile.may_open);
	assert_false(jail.profile.may_connect);
}

static void
a_resolver_connects_and_has_no_file(void **state)
{
	struct config c = { .state_directory = BYTES("/s"), .maildir_template = BYTES("/m/%u") };
	struct roles_jail jail;

	(void)state;
	roles_jail(&c, ROLE_RESOLVER, BYTES("_mermozn"), &jail);
	assert_null(jail.profile.paths[0].path);
	assert_false(jail.profile.may_open || jail.profile.may_listen_unix);
	assert_true(jail.profile.may_connect);
	assert_string_equal(jail.profile.user, "_mermozn");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_may_talk_is_symmetrical),
		cmocka_unit_test(every_service_has_exactly_one_role),
		cmocka_unit_test(there_are_as_many_fronts_as_configured_or_cores),
		cmocka_unit_test(paths_come_from_the_configuration),
		cmocka_unit_test(a_front_has_no_file_and_nobody_connects),
		cmocka_unit_test(a_resolver_connects_and_has_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
