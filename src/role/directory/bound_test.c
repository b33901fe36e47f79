/* Whose password is tried by a bind, and what of such an account counts as a change. */
#include "role/directory/accounts.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static int changes[ACCOUNT_EDITED + 1]; /* by enum account_change */
static struct accounts *accounts;

static void
on_changed(void *arg, const struct account *account, enum account_change change)
{
	(void)arg, (void)account;
	changes[change]++;
}

static int
set_up(void **state)
{
	static const struct accounts_handlers handlers = { .changed = on_changed };
	static struct bytes domains[] = { BYTES_INIT("a.iut") };
	const struct config config = { .hostname = BYTES("mail.a.iut"), .domains = { domains, 1 },
		.maildir_template = BYTES("/mail/%d/%u") };

	(void)state;
	memset(changes, 0, sizeof changes);
	accounts = accounts_new(&config, &handlers, NULL);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	accounts_free(&accounts);
	return 0;
}

/* A load of that one; its DN to bind as. */
static struct bytes
load(const char *entry, const char *password, const char *stamp)
{
	accounts_begin(accounts);
	accounts_put_user(accounts, &(struct user_record){ .address = BYTES("y@a.iut"), .entry = bytes_text(entry), .is_enabled = true,
		.secret_password = bytes_text(password), .password_stamp = bytes_text(stamp) });
	accounts_end(accounts);
	return account_bind_dn(accounts_find(accounts, BYTES("y@a.iut")));
}

static void
an_account_is_bound_whose_entry_shows_nothing_that_can_be_compared(void **state)
{
	static const struct {
		const char *password;
		bool is_bound;
	} rows[] = { { "", true }, { "x", false }, { "{PLAIN}x", false }, { "{SASL}x@elsewhere", true }, { "{CRYPT}*", true },
		{ "{SHA}no digest", true } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bytes dn = load("uid=y", rows[i].password, "");

		assert_int_equal(dn.len > 0, rows[i].is_bound);
		assert_int_equal(accounts_count(accounts).by_bind, rows[i].is_bound);
		assert_true(account_may_log_in(accounts_find(accounts, BYTES("y"))));
		assert_non_null(accounts_draw(accounts, 0));
		if (rows[i].is_bound)
			assert_true(bytes_equal(dn, BYTES("uid=y")));
	}
	accounts_begin(accounts);
	accounts_end(accounts);
	assert_int_equal(accounts_count(accounts).by_bind, 0);
}

static void
nobody_is_bound_without_an_entry_or_with_one_whose_name_may_be_cut(void **state)
{
	char entry[RECORD_ENTRY_MAX + 1];

	(void)state;
	assert_int_equal(load("", "", "").len, 0);
	assert_false(account_may_log_in(accounts_find(accounts, BYTES("y"))));
	memset(entry, 'x', sizeof entry);
	entry[RECORD_ENTRY_MAX] = '\0';
	assert_int_equal(load(entry, "", "").len, 0);
	entry[RECORD_ENTRY_MAX - 1] = '\0';
	assert_int_equal(load(entry, "", "").len, RECORD_ENTRY_MAX - 1);
}

static void
another_stamp_is_another_password_and_another_name_is_not(void **state)
{
	(void)state;
	load("uid=y", "", "1");
	load("uid=y", "", "1");
	load("uid=y,ou=moved", "", "1");
	assert_int_equal(changes[ACCOUNT_PASSWORD], 0);
	assert_true(bytes_equal(load("uid=y,ou=moved", "", "1"), BYTES("uid=y,ou=moved")));
	load("uid=y", "", "2");
	assert_int_equal(changes[ACCOUNT_PASSWORD], 1);
	load("uid=y", "", "");
	assert_int_equal(changes[ACCOUNT_PASSWORD], 2);
	load("uid=y", "x", "2");
	assert_int_equal(changes[ACCOUNT_PASSWORD], 3);
	load("uid=y", "x", "3");
	assert_int_equal(changes[ACCOUNT_PASSWORD], 3);
	assert_int_equal(changes[ACCOUNT_MOVED] + changes[ACCOUNT_DISABLED] + changes[ACCOUNT_REMOVED], 0);
}

/* As load, of an entry that tells when it was edited and not when the password was. */
static void
load_edited(const char *edit_stamp)
{
	accounts_begin(accounts);
	accounts_put_user(accounts, &(struct user_record){ .address = BYTES("y@a.iut"), .entry = BYTES("uid=y"), .is_enabled = true,
		.edit_stamp = bytes_text(edit_stamp) });
	accounts_end(accounts);
}

static void
an_edit_is_told_once_and_what_is_no_edit_is_not(void **state)
{
	(void)state;
	load_edited("1");
	load_edited("1");
	load_edited("");
	load_edited("1");
	assert_int_equal(changes[ACCOUNT_EDITED], 0);
	load_edited("2");
	assert_int_equal(changes[ACCOUNT_EDITED], 1);
	load_edited("");
	load_edited("3");
	assert_int_equal(changes[ACCOUNT_EDITED], 2);
	assert_int_equal(changes[ACCOUNT_PASSWORD], 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(an_account_is_bound_whose_entry_shows_nothing_that_can_be_compared),
		TEST(nobody_is_bound_without_an_entry_or_with_one_whose_name_may_be_cut),
		TEST(another_stamp_is_another_password_and_another_name_is_not),
		TEST(an_edit_is_told_once_and_what_is_no_edit_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
