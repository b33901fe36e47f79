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
	assert_true(password_is_hash(bytes_text(encoded)));
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
		"$argon2id$v=16$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
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
		assert_false(password_is_hash(bytes_text(rows[i])));
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
	assert_true(password_is_hash(password_dummy()));
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
		cmocka_unit_test(trying_nobodys_password_costs_as_much_as_anybodys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
