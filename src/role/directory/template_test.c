#include "role/directory/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct row {
	const char *template, *address, *team;
	const char *want; /* NULL: no path */
};

static void
a_template_gives_a_safe_path_or_none(void **state)
{
	static const struct row rows[] = {
		{ "/home/vmail/%d/%u/mailbox", "alice@x.org", "a", "/home/vmail/x.org/alice/mailbox" },
		{ "/m/%{team}/%u", "alice@x.org", "blue", "/m/blue/alice" },
		{ "/m/%{TEAM}/%u", "alice@x.org", "blue", "/m/blue/alice" },
		{ "/m/100%%/%u", "alice@x.org", "a", "/m/100%/alice" },
		{ "/m/plain", "alice@x.org", "a", "/m/plain" },
		{ "/m/%u", "a..b@x.org", "a", "/m/a..b" },
		{ "/m/%u", "../../etc@x.org", "a", NULL },
		{ "/m/%u", "..@x.org", "a", NULL },
		{ "/m/%u", ".@x.org", "a", NULL },
		{ "/m/%u", ".ssh@x.org", "a", NULL },
		{ "/m/%u", "a/b@x.org", "a", NULL },
		{ "/m/%d/x", "a@..", "a", NULL },
		{ "/m/%d/x", "a@x/y", "a", NULL },
		{ "/m/%{team}", "a@x.org", "", NULL },
		{ "/m/%{team}", "a@x.org", "a/../b", NULL },
		{ "/m/%{team}", "a@x.org", "..", NULL },
		{ "/m/%{team}", "a@x.org", "a\nb", NULL },
		{ "/m/%{none}", "a@x.org", "a", NULL },
		{ "/m/%{team", "a@x.org", "a", NULL },
		{ "/m/%x", "a@x.org", "a", NULL },
		{ "/m/%", "a@x.org", "a", NULL },
		{ "/0123456789012345678901234567890123456789/%u", "alice@x.org", "a", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct record_attribute team = { BYTES("team"), bytes_text(rows[i].team) };
		uint8_t space[40];
		struct buf out;
		struct address address;
		struct fault f;
		int result;

		assert_true(address_fold(bytes_text(rows[i].address), &address));
		buf_init_fixed(&out, space, sizeof space);
		result = template_put_path(&out, &(struct template){ bytes_text(rows[i].template), BYTES_NONE }, &address, &team, 1, &f);
		assert_int_equal(result, rows[i].want ? 0 : -1);
		if (rows[i].want)
			assert_true(bytes_equal(buf_bytes(&out), bytes_text(rows[i].want)));
	}
}

static void
a_nul_never_gets_into_a_path(void **state)
{
	struct record_attribute team = { BYTES("team"), bytes_of("a\0b", 3) };
	uint8_t space[40];
	struct buf out;
	struct address address;
	struct fault f;

	(void)state;
	assert_true(address_fold(BYTES("a@x.org"), &address));
	buf_init_fixed(&out, space, sizeof space);
	assert_int_equal(template_put_path(&out, &(struct template){ BYTES("/m/%{team}"), BYTES_NONE }, &address, &team, 1, &f), -1);
}

static void
a_home_lies_below_homes_or_is_not_used(void **state)
{
	static const struct {
		const char *template, *homes, *home;
		const char *want; /* NULL: no path */
	} rows[] = {
		{ "%h", "/home", "/home/alice", "/home/alice" },
		{ "%h/Maildir", "/home", "/home/alice", "/home/alice/Maildir" },
		{ "%h/Maildir", "/home/", "/home/alice/", "/home/alice/Maildir" },
		{ "%h/Maildir", "/home", "/home/staff//alice", "/home/staff/alice/Maildir" },
		{ "%h", "/var/qmail", "x.org/alice/Maildir/", "/var/qmail/x.org/alice/Maildir" },
		{ "%h/%u", "/home", "/home/x", "/home/x/alice" },
		{ "%h", "/home", "/home2/alice", NULL },
		{ "%h", "/home", "/homes", NULL },
		{ "%h", "/home", "/etc/passwd", NULL },
		{ "%h", "/home", "//home/alice", NULL },
		{ "%h", "/home", "/home", NULL },
		{ "%h", "/home", "/home//", NULL },
		{ "%h", "/home", "", NULL },
		{ "%h", "/home", "/", NULL },
		{ "%h", "/home", "..", NULL },
		{ "%h", "/home", "/home/../etc", NULL },
		{ "%h", "/home", "/home/alice/..", NULL },
		{ "%h", "/home", "/home/./alice", NULL },
		{ "%h", "/home", "/home/alice/.Sent", NULL },
		{ "%h", "/home", "/home/al\nice", NULL },
		{ "%h", "", "/home/alice", NULL },
		{ "%h/Maildir", "/home", "/home/0123456789012345678901234567890", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct record_attribute home = { BYTES(RECORD_HOME), bytes_text(rows[i].home) };
		struct template template = { bytes_text(rows[i].template), bytes_text(rows[i].homes) };
		uint8_t space[40];
		struct buf out;
		struct address address;
		struct fault f;
		int result;

		assert_true(address_fold(BYTES("alice@x.org"), &address));
		buf_init_fixed(&out, space, sizeof space);
		result = template_put_path(&out, &template, &address, &home, 1, &f);
		if (result != (rows[i].want ? 0 : -1))
			print_error("row %zu: %s\n", i, rows[i].home);
		assert_int_equal(result, rows[i].want ? 0 : -1);
		if (rows[i].want)
			assert_true(bytes_equal(buf_bytes(&out), bytes_text(rows[i].want)));
		buf_reset(&out);
		assert_int_equal(template_put_path(&out, &template, &address, &home, 0, &f), -1);
	}
}

/* RFC 5321 4.5.1: a postmaster's mail has a place whatever the template. */
static void
an_account_that_is_made_has_its_local_part_for_each_attribute(void **state)
{
	static const struct {
		const char *template, *homes, *want;
	} rows[] = {
		{ "/home/vmail/%d/%{uid}/mailbox", "", "/home/vmail/x.org/postmaster/mailbox" },
		{ "%h/Maildir", "/home", "/home/postmaster/Maildir" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct template template = { bytes_text(rows[i].template), bytes_text(rows[i].homes) };
		uint8_t space[64];
		struct buf out;
		struct address address;
		struct fault f;

		assert_true(address_fold(BYTES("postmaster@x.org"), &address));
		buf_init_fixed(&out, space, sizeof space);
		assert_int_equal(template_put_made_path(&out, &template, &address, &f), 0);
		assert_true(bytes_equal(buf_bytes(&out), bytes_text(rows[i].want)));
	}
}

static void
a_home_is_what_belongs_to_one_account(void **state)
{
	static const struct {
		const char *template, *path, *want;
	} rows[] = {
		{ "/home/vmail/%d/%u/mailbox", "/home/vmail/x.org/alice/mailbox", "/home/vmail/x.org/alice" },
		{ "/m/%d/%u", "/m/x.org/alice", "/m/x.org/alice" },
		{ "/m/%d/%u/", "/m/x.org/alice/", "/m/x.org/alice" },
		{ "/m/%u/%d/a/b%%c", "/m/alice/x.org/a/b%c", "/m/alice/x.org" },
		{ "/m/%{team}.d/Maildir", "/m/blue.d/Maildir", "/m/blue.d" },
		{ "/m/100%%/%u", "/m/100%/alice", "/m/100%/alice" },
		{ "/m/plain", "/m/plain", "/m/plain" },
		{ "%h", "/home/alice", "/home/alice" },
		{ "%h/Maildir", "/home/alice/Maildir", "/home/alice" },
		{ "%h/mail/%u", "/home/alice/mail/alice", "/home/alice" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_true(bytes_equal(template_home(bytes_text(rows[i].template), bytes_text(rows[i].path)),
			bytes_text(rows[i].want)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_template_gives_a_safe_path_or_none),
		cmocka_unit_test(a_nul_never_gets_into_a_path),
		cmocka_unit_test(a_home_lies_below_homes_or_is_not_used),
		cmocka_unit_test(an_account_that_is_made_has_its_local_part_for_each_attribute),
		cmocka_unit_test(a_home_is_what_belongs_to_one_account),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
