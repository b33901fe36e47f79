#include "proto/sasl/sasl.h"

#include "proto/sasl/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* One step with `text` coded; NULL: nothing was sent. */
static enum sasl_status
step(struct sasl *s, const char *text, size_t len, struct buf *challenge)
{
	struct buf coded;
	enum sasl_status status;

	buf_init(&coded, 16384);
	if (text)
		sasl_put_base64(&coded, bytes_of(text, len));
	buf_reset(challenge);
	status = sasl_step(s, text != NULL, buf_bytes(&coded), challenge);
	buf_done(&coded);
	return status;
}

static void
assert_credentials(const struct sasl *s, const char *authorize_as, const char *name, const char *password)
{
	struct sasl_credentials c = sasl_credentials(s);

	assert_true(bytes_equal(c.authorize_as, bytes_text(authorize_as)));
	assert_true(bytes_equal(c.name, bytes_text(name)));
	assert_true(bytes_equal(c.secret_password, bytes_text(password)));
}

static void
mechanisms_are_found_without_regard_to_case_and_no_others(void **state)
{
	struct sasl *s;

	(void)state;
	assert_string_equal(sasl_mechanisms(), "PLAIN LOGIN");
	assert_non_null(s = sasl_new(BYTES("pLaIn")));
	assert_string_equal(sasl_name(s), "PLAIN");
	sasl_free(&s);
	assert_null(s);
	sasl_free(&s);
	assert_non_null(s = sasl_new(BYTES("login")));
	assert_string_equal(sasl_name(s), "LOGIN");
	sasl_free(&s);
	assert_null(sasl_new(BYTES("")));
	assert_null(sasl_new(BYTES("PLAINX")));
	assert_null(sasl_new(BYTES("PLAI")));
	assert_null(sasl_new(BYTES("ANONYMOUS")));
	assert_null(sasl_new(BYTES("EXTERNAL")));
	assert_null(sasl_new(BYTES("CRAM-MD5")));
}

#define PLAIN(literal) literal, sizeof(literal) - 1

static void
plain_messages_rfc4616_2(void **state)
{
	static const struct {
		const char *message;
		size_t len;
		enum sasl_status want;
		const char *authorize_as, *name, *password;
	} rows[] = {
		/* RFC 4616 4, both examples */
		{ PLAIN("\0tim\0tanstaaftanstaaf"), SASL_CHECK, "", "tim", "tanstaaftanstaaf" },
		{ PLAIN("Ursel\0Kurt\0xipj3plmq"), SASL_CHECK, "Ursel", "Kurt", "xipj3plmq" },
		{ PLAIN("\0j\xc3\xb6rg\0p\xc3\xa4ss"), SASL_CHECK, "", "j\xc3\xb6rg", "p\xc3\xa4ss" },
		/* as sent: RFC 4013 would make these "1/2" and "IX" */
		{ PLAIN("\0u\0\xc2\xbd"), SASL_CHECK, "", "u", "\xc2\xbd" },
		{ PLAIN("\0u\0\xe2\x85\xa8"), SASL_CHECK, "", "u", "\xe2\x85\xa8" },
		/* RFC 4013 forbids these, a directory may have them */
		{ PLAIN("\0u\0a\tb"), SASL_CHECK, "", "u", "a\tb" },
		{ PLAIN("\0u\0\xe9t\xe9"), SASL_CHECK, "", "u", "\xe9t\xe9" },
		{ PLAIN("\0u\0 "), SASL_CHECK, "", "u", " " },
		{ PLAIN(""), SASL_MALFORMED, 0, 0, 0 },
		{ PLAIN("u"), SASL_MALFORMED, 0, 0, 0 },
		{ PLAIN("\0"), SASL_MALFORMED, 0, 0, 0 },
		{ PLAIN("\0\0"), SASL_MALFORMED, 0, 0, 0 },
		{ PLAIN("\0\0p"), SASL_MALFORMED, 0, 0, 0 },
		{ PLAIN("z\0\0p"), SASL_MALFORMED, 0, 0, 0 },
		{ PLAIN("\0u"), SASL_MALFORMED, 0, 0, 0 },
		{ PLAIN("\0u\0"), SASL_MALFORMED, 0, 0, 0 },
		{ PLAIN("\0u\0p\0"), SASL_MALFORMED, 0, 0, 0 },
		{ PLAIN("\0u\0p\0q"), SASL_MALFORMED, 0, 0, 0 },
		{ PLAIN("\0u\nv\0p"), SASL_MALFORMED, 0, 0, 0 },
		{ PLAIN("\0u\xff\0p"), SASL_MALFORMED, 0, 0, 0 },
		{ PLAIN("z\xc0\x80\0u\0p"), SASL_MALFORMED, 0, 0, 0 },
	};
	struct buf challenge;

	(void)state;
	buf_init(&challenge, 1000);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		for (int has_initial = 0; has_initial < 2; has_initial++) {
			struct sasl *s = sasl_new(BYTES("PLAIN"));
			enum sasl_status status;

			if (!has_initial) {
				assert_int_equal(step(s, NULL, 0, &challenge), SASL_CONTINUE);
				assert_int_equal(challenge.len, 0);
			}
			status = step(s, rows[i].message, rows[i].len, &challenge);
			if (status != rows[i].want)
				fail_msg("row %zu: status %d", i, status);
			if (status == SASL_CHECK)
				assert_credentials(s, rows[i].authorize_as, rows[i].name, rows[i].password);
			sasl_free(&s);
		}
	}
	buf_done(&challenge);
}

static void
login_asks_for_the_name_then_for_the_password(void **state)
{
	struct sasl *s = sasl_new(BYTES("LOGIN"));
	struct buf challenge;

	(void)state;
	buf_init(&challenge, 100);
	assert_int_equal(step(s, NULL, 0, &challenge), SASL_CONTINUE);
	assert_true(bytes_equal(buf_bytes(&challenge), BYTES("VXNlcm5hbWU6")));
	assert_int_equal(step(s, "alice", 5, &challenge), SASL_CONTINUE);
	assert_true(bytes_equal(buf_bytes(&challenge), BYTES("UGFzc3dvcmQ6")));
	assert_int_equal(step(s, "wonder", 6, &challenge), SASL_CHECK);
	assert_int_equal(challenge.len, 0);
	assert_credentials(s, "", "alice", "wonder");
	sasl_free(&s);
	buf_done(&challenge);
}

static void
login_takes_the_name_as_initial_response(void **state)
{
	struct sasl *s = sasl_new(BYTES("LOGIN"));
	struct buf challenge;

	(void)state;
	buf_init(&challenge, 100);
	assert_int_equal(step(s, "alice", 5, &challenge), SASL_CONTINUE);
	assert_true(bytes_equal(buf_bytes(&challenge), BYTES("UGFzc3dvcmQ6")));
	assert_int_equal(step(s, "w\xc3\xb6nder", 7, &challenge), SASL_CHECK);
	assert_credentials(s, "", "alice", "w\xc3\xb6nder");
	sasl_free(&s);
	buf_done(&challenge);
}

static void
login_refuses_empty_parts_and_nuls(void **state)
{
	static const struct {
		const char *name;
		size_t name_len;
		const char *password;
		size_t password_len;
	} rows[] = {
		{ PLAIN(""), PLAIN("p") },
		{ PLAIN("u"), PLAIN("") },
		{ PLAIN("u\0v"), PLAIN("p") },
		{ PLAIN("u"), PLAIN("p\0q") },
		{ PLAIN("u\nv"), PLAIN("p") },
		{ PLAIN("u\xff"), PLAIN("p") },
	};
	struct buf challenge;

	(void)state;
	buf_init(&challenge, 100);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct sasl *s = sasl_new(BYTES("LOGIN"));
		enum sasl_status status;

		assert_int_equal(step(s, NULL, 0, &challenge), SASL_CONTINUE);
		status = step(s, rows[i].name, rows[i].name_len, &challenge);
		if (status == SASL_CONTINUE)
			status = step(s, rows[i].password, rows[i].password_len, &challenge);
		if (status != SASL_MALFORMED)
			fail_msg("row %zu: status %d", i, status);
		sasl_free(&s);
	}
	buf_done(&challenge);
}

static void
lengths_are_bounded(void **state)
{
	static const struct {
		size_t name, password;
		enum sasl_status want;
	} rows[] = {
		{ SASL_NAME_OCTETS_MAX, SASL_PASSWORD_OCTETS_MAX, SASL_CHECK },
		{ SASL_NAME_OCTETS_MAX + 1, 10, SASL_MALFORMED },
		{ 10, SASL_PASSWORD_OCTETS_MAX + 1, SASL_MALFORMED },
		{ 10, 8000, SASL_MALFORMED },
		{ 8000, 10, SASL_MALFORMED },
	};
	struct buf challenge;

	(void)state;
	buf_init(&challenge, 100);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char message[9000];
		struct sasl *s = sasl_new(BYTES("PLAIN"));
		size_t len = 2 + rows[i].name + rows[i].password;

		memset(message, 'x', sizeof message);
		message[0] = message[1 + rows[i].name] = 0;
		assert_int_equal(step(s, message, len, &challenge), rows[i].want);
		sasl_free(&s);
	}
	buf_done(&challenge);
}

static void
rfc4954_4_equals_sign_is_the_empty_initial_response(void **state)
{
	struct sasl *s = sasl_new(BYTES("PLAIN"));
	struct buf challenge;

	(void)state;
	buf_init(&challenge, 100);
	/* PLAIN has no empty message */
	assert_int_equal(sasl_step(s, true, BYTES("="), &challenge), SASL_MALFORMED);
	sasl_free(&s);
	s = sasl_new(BYTES("PLAIN"));
	assert_int_equal(sasl_step(s, false, BYTES_NONE, &challenge), SASL_CONTINUE);
	/* later it is not base 64 */
	assert_int_equal(sasl_step(s, true, BYTES("="), &challenge), SASL_MALFORMED);
	sasl_free(&s);
	buf_done(&challenge);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mechanisms_are_found_without_regard_to_case_and_no_others),
		cmocka_unit_test(plain_messages_rfc4616_2),
		cmocka_unit_test(login_asks_for_the_name_then_for_the_password),
		cmocka_unit_test(login_takes_the_name_as_initial_response),
		cmocka_unit_test(login_refuses_empty_parts_and_nuls),
		cmocka_unit_test(lengths_are_bounded),
		cmocka_unit_test(rfc4954_4_equals_sign_is_the_empty_initial_response),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
