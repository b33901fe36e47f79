#include "role/directory/password.h"
#include "sys/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void
a_hash_tells_its_password_from_others(void **state)
{
	struct password_scratch scratch = { NULL, 0 };
	char encoded[PASSWORD_ENCODED_MAX], again[PASSWORD_ENCODED_MAX];
	struct fault f;

	(void)state;
	assert_int_equal(password_hash(BYTES("correct horse"), encoded, &f), 0);
	assert_int_equal(password_hash(BYTES("correct horse"), again, &f), 0);
	assert_string_not_equal(encoded, again);
	assert_int_equal(password_cost(bytes_text(encoded)), PASSWORD_DEAR);
	assert_true(password_is_right(bytes_text(encoded), BYTES("correct horse"), NULL));
	assert_true(password_is_right(bytes_text(encoded), BYTES("correct horse"), &scratch));
	assert_false(password_is_right(bytes_text(encoded), BYTES("correct hors"), &scratch));
	assert_false(password_is_right(bytes_text(encoded), BYTES("Correct horse"), &scratch));
	assert_false(password_is_right(bytes_text(encoded), BYTES_NONE, &scratch));
	password_scratch_done(&scratch);
}

/* The vector of the reference implementation's own tests. */
static void
rfc9106_other_programs_hashes_are_read(void **state)
{
	(void)state;
	assert_true(password_is_right(
		BYTES("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"),
		BYTES("password"), NULL));
	assert_true(password_is_right(
		BYTES("$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"),
		BYTES("password"), NULL));
}

static void
what_is_no_hash_is_never_right(void **state)
{
	static const char *const rows[] = {
		"",
		"password",
		"$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=18$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=99999999,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=256,t=99,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=256,t=0,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=4,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=256,t=2,p=1$c29t$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$",
		"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ",
		"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4!",
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(password_cost(bytes_text(rows[i])), PASSWORD_USELESS);
		assert_false(password_is_right(bytes_text(rows[i]), BYTES("password"), NULL));
	}
}

static void
empty_and_huge_passwords_are_not_hashed(void **state)
{
	uint8_t huge[PASSWORD_OCTETS_MAX + 1];
	char encoded[PASSWORD_ENCODED_MAX];
	struct fault f;

	(void)state;
	memset(huge, 'x', sizeof huge);
	assert_int_equal(password_hash(BYTES_NONE, encoded, &f), -1);
	assert_int_equal(f.kind, FAULT_PERM);
	assert_int_equal(password_hash(bytes_of(huge, sizeof huge), encoded, &f), -1);
	assert_int_equal(f.kind, FAULT_LIMIT);
	assert_int_equal(password_hash(bytes_of(huge, sizeof huge - 1), encoded, &f), 0);
	assert_true(password_is_right(bytes_text(encoded), bytes_of(huge, sizeof huge - 1), NULL));
	assert_false(password_is_right(bytes_text(encoded), bytes_of(huge, sizeof huge), NULL));
}

#define SSHA "{SSHA}Z2Z0TknuLZbDuIGngYVvNyBC/q6FoJ8r"
#define CRYPT "{CRYPT}$1$saltsalt$NuzA7WTAelpl95xgBGWN60"

static void
any_of_several_values_may_match(void **state)
{
	static const struct bytes stored = BYTES_INIT("{PLAIN}one\0{KERBEROS}two\0" SSHA);

	(void)state;
	assert_true(password_is_right(stored, BYTES("one"), NULL));
	assert_true(password_is_right(stored, BYTES("correct horse"), NULL));
	assert_false(password_is_right(stored, BYTES("two"), NULL));
	assert_false(password_is_right(stored, BYTES("onetwo"), NULL));
	assert_int_equal(password_cost(stored), PASSWORD_CHEAP);
	assert_int_equal(password_cost(BYTES("{PLAIN}one\0" CRYPT)), PASSWORD_DEAR);
	assert_int_equal(password_cost(BYTES("{A}one\0{B}x")), PASSWORD_USELESS);
	assert_int_equal(password_cost(BYTES_NONE), PASSWORD_USELESS);
}

static void
more_values_than_the_bound_are_not_looked_at(void **state)
{
	static const struct bytes stored =
		BYTES_INIT("{PLAIN}1\0{PLAIN}2\0{PLAIN}3\0{PLAIN}4\0{PLAIN}5\0{PLAIN}6\0{PLAIN}7\0{PLAIN}8\0{PLAIN}9");

	(void)state;
	assert_true(password_is_right(stored, BYTES("8"), NULL));
	assert_false(password_is_right(stored, BYTES("9"), NULL));
}

static void
trouble_names_the_scheme_and_never_the_value(void **state)
{
	static const struct {
		struct bytes stored;
		const char *scheme, *reason;
	} rows[] = {
		{ BYTES_INIT("{KERBEROS}hidden"), "KERBEROS", "the scheme is unknown" },
		{ BYTES_INIT("{PLAIN}x\0{SSHA}hidden"), "SSHA", "the value is malformed" },
		{ BYTES_INIT("hidden"), "", "the scheme is unknown" },
		{ BYTES_INIT("{hid den}"), "", "the scheme is unknown" },
		{ BYTES_INIT("{hidden-hidden-hidden-hidden}"), "", "the scheme is unknown" },
		{ BYTES_INIT("{BLF-CRYPT}$2b$31$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2"), "BLF-CRYPT",
			"the value asks for more time or memory than is given" },
	};
	struct password_trouble trouble;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_true(password_trouble(rows[i].stored, &trouble));
		assert_true(bytes_equal(trouble.scheme, bytes_text(rows[i].scheme)));
		assert_string_equal(trouble.reason, rows[i].reason);
	}
	assert_false(password_trouble(BYTES("{PLAIN}x"), &trouble));
	assert_false(password_trouble(BYTES_NONE, &trouble));
}

static void
values_without_a_scheme_get_the_default(void **state)
{
	static const struct {
		struct bytes value;
		bool is_put;
		const char *stored;
	} rows[] = {
		{ BYTES_INIT("secret"), true, "{PLAIN}secret" },
		{ BYTES_INIT("{SHA}x"), true, "{SHA}x" },
		{ BYTES_INIT("{secret"), true, "{PLAIN}{secret" },
		{ BYTES_INIT("{}secret"), true, "{PLAIN}{}secret" },
		{ BYTES_INIT("$argon2id$x"), true, "$argon2id$x" },
		{ BYTES_INIT("$6$x"), true, "{PLAIN}$6$x" },
		{ BYTES_INIT(""), false, "" },
		{ BYTES_INIT("one\0two"), false, "" },
	};
	uint8_t space[PASSWORD_STORED_MAX];
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		buf_init_fixed(&b, space, sizeof space);
		assert_int_equal(password_put_value(&b, rows[i].value, BYTES("PLAIN")), rows[i].is_put);
		assert_true(bytes_equal(buf_bytes(&b), bytes_text(rows[i].stored)));
	}
	buf_init_fixed(&b, space, sizeof space);
	assert_true(password_put_value(&b, BYTES("one"), BYTES("PLAIN")));
	assert_true(password_put_value(&b, BYTES(SSHA), BYTES("PLAIN")));
	assert_true(bytes_equal(buf_bytes(&b), BYTES("{PLAIN}one\0" SSHA)));
}

/* What was put before stays when there is no room for more. */
static void
values_that_do_not_fit_are_left_out(void **state)
{
	uint8_t space[PASSWORD_STORED_MAX], value[PASSWORD_STORED_MAX + 1];
	struct buf b;

	(void)state;
	memset(value, 'x', sizeof value);
	buf_init_fixed(&b, space, sizeof space);
	assert_false(password_put_value(&b, bytes_of(value, sizeof value), BYTES("PLAIN")));
	assert_true(password_put_value(&b, BYTES("one"), BYTES("PLAIN")));
	assert_false(password_put_value(&b, bytes_of(value, sizeof value - 17), BYTES("PLAIN")));
	assert_true(bytes_equal(buf_bytes(&b), BYTES("{PLAIN}one")));
	assert_true(password_put_value(&b, bytes_of(value, sizeof value - 19), BYTES("PLAIN")));
	assert_int_equal(b.len, sizeof space);
}

/* "$argon2id$v=19$m=…,t=…,p=…$" */
static struct bytes
costs_of(struct bytes encoded)
{
	struct bytes rest = encoded;

	for (int i = 0; i < 4; i++)
		take_until(&rest, '$');
	return bytes_between(encoded, rest);
}

static void
trying_nobodys_password_costs_as_much_as_anybodys(void **state)
{
	char encoded[PASSWORD_ENCODED_MAX];
	struct fault f;

	(void)state;
	assert_int_equal(password_hash(BYTES("x"), encoded, &f), 0);
	assert_int_equal(password_cost(password_dummy()), PASSWORD_DEAR);
	assert_true(bytes_equal(costs_of(bytes_text(encoded)), costs_of(password_dummy())));
	assert_int_equal(password_dummy().len, strlen(encoded));
	assert_false(password_is_right(password_dummy(), BYTES("x"), NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hash_tells_its_password_from_others),
		cmocka_unit_test(rfc9106_other_programs_hashes_are_read),
		cmocka_unit_test(what_is_no_hash_is_never_right),
		cmocka_unit_test(empty_and_huge_passwords_are_not_hashed),
		cmocka_unit_test(any_of_several_values_may_match),
		cmocka_unit_test(more_values_than_the_bound_are_not_looked_at),
		cmocka_unit_test(trouble_names_the_scheme_and_never_the_value),
		cmocka_unit_test(values_without_a_scheme_get_the_default),
		cmocka_unit_test(values_that_do_not_fit_are_left_out),
		cmocka_unit_test(trying_nobodys_password_costs_as_much_as_anybodys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
