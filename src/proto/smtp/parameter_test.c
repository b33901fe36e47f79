#include "proto/smtp/parameter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct bytes keyword;

static const struct smtp_offer plain;

static void
parameters_of_mail(void **state)
{
	static const struct {
		const char *in;
		enum smtp_reply want;
		uint64_t size;
		bool is_8bit, is_utf8;
	} rows[] = {
		{ "", REPLY_OK, 0, false, false },
		/* RFC 1870 4 */
		{ " SIZE=0", REPLY_OK, 0, false, false },
		{ " SIZE=1000000", REPLY_OK, 1000000, false, false },
		{ " size=18446744073709551615", REPLY_OK, UINT64_MAX, false, false },
		{ " SIZE=18446744073709551616", REPLY_OK, UINT64_MAX, false, false },
		{ " SIZE=99999999999999999999", REPLY_OK, UINT64_MAX, false, false },
		{ " SIZE=100000000000000000000", REPLY_BAD_PARAMETER, 0, false, false },
		{ " SIZE=00000000000000000001", REPLY_OK, 1, false, false },
		{ " SIZE=0x10", REPLY_BAD_PARAMETER, 0, false, false },
		{ " SIZE=+1", REPLY_BAD_PARAMETER, 0, false, false },
		/* RFC 6152 2 */
		{ " BODY=7BIT", REPLY_OK, 0, false, false },
		{ " body=8bitmime", REPLY_OK, 0, true, false },
		{ " BODY=BINARYMIME", REPLY_BAD_PARAMETER, 0, false, false },
		/* RFC 6531 3.4 */
		{ " SMTPUTF8", REPLY_OK, 0, false, true },
		{ " SMTPUTF8=", REPLY_BAD_PARAMETER, 0, false, false },
		{ " SMTPUTF8=x", REPLY_BAD_PARAMETER, 0, false, false },
		/* RFC 4954 5 */
		{ " AUTH=<>", REPLY_OK, 0, false, false },
		{ " AUTH=e+3Dmc2@example.com", REPLY_OK, 0, false, false },
		{ " AUTH=a+2b", REPLY_BAD_PARAMETER, 0, false, false },
		{ " AUTH=a+", REPLY_BAD_PARAMETER, 0, false, false },
		{ " AUTH=a+2", REPLY_BAD_PARAMETER, 0, false, false },
		{ " AUTH=\xc3\xb6", REPLY_BAD_PARAMETER, 0, false, false },
		{ " AUTH", REPLY_BAD_PARAMETER, 0, false, false },
		/* together, in any order, with more than one space */
		{ " SMTPUTF8  BODY=8BITMIME\tSIZE=5 AUTH=<>", REPLY_OK, 5, true, true },
		{ " SIZE=1 BODY=7BIT SIZE=1", REPLY_BAD_PARAMETER, 0, false, false },
		{ " SMTPUTF8 smtputf8", REPLY_BAD_PARAMETER, 0, false, false },
		/* RFC 5321 4.1.1.11 */
		{ " X", REPLY_UNKNOWN_PARAMETER, 0, false, false },
		{ " X-Y=z", REPLY_UNKNOWN_PARAMETER, 0, false, false },
		{ " SIZE=1 NOTIFY=NEVER", REPLY_UNKNOWN_PARAMETER, 0, false, false },
		{ " SIZ=1", REPLY_UNKNOWN_PARAMETER, 0, false, false },
		{ " SIZED=1", REPLY_UNKNOWN_PARAMETER, 0, false, false },
		{ " -X=1", REPLY_BAD_PARAMETER, 0, false, false },
		{ " SIZE=1=2", REPLY_BAD_PARAMETER, 0, false, false },
		{ " SIZE=1\x01", REPLY_BAD_PARAMETER, 0, false, false },
		{ " X=", REPLY_BAD_PARAMETER, 0, false, false },
		{ " X=a=b", REPLY_UNKNOWN_PARAMETER, 0, false, false },
		{ " X=a\x01", REPLY_UNKNOWN_PARAMETER, 0, false, false },
		{ " X=a\x7f", REPLY_UNKNOWN_PARAMETER, 0, false, false },
		{ " =", REPLY_BAD_PARAMETER, 0, false, false },
		{ " ", REPLY_BAD_PARAMETER, 0, false, false },
		{ "SIZE=1", REPLY_BAD_PARAMETER, 0, false, false },
		{ ",SIZE=1", REPLY_BAD_PARAMETER, 0, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct smtp_mail mail = { .size = 0 };
		enum smtp_reply got = smtp_mail_parameters(bytes_text(rows[i].in), &plain, &mail, &keyword);

		if (got != rows[i].want)
			fail_msg("\"%s\": %d", rows[i].in, got);
		if (got != REPLY_OK)
			continue;
		assert_int_equal(mail.size, rows[i].size);
		assert_int_equal(mail.is_8bit, rows[i].is_8bit);
		assert_int_equal(mail.is_utf8, rows[i].is_utf8);
	}
}

static void
rfc3461_4_1_4_2_parameters_of_recipients(void **state)
{
	static const struct {
		const char *in;
		enum smtp_reply want;
		unsigned int notify;
		const char *original;
		bool may_utf8;
	} rows[] = {
		{ "", REPLY_OK, 0, "", false },
		{ " NOTIFY=NEVER", REPLY_OK, DSN_NOTIFY_NEVER, "", false },
		{ " notify=success,Delay", REPLY_OK, DSN_NOTIFY_SUCCESS | DSN_NOTIFY_DELAY, "", false },
		{ " NOTIFY=FAILURE ORCPT=rfc822;a+2Bb@c.example", REPLY_OK, DSN_NOTIFY_FAILURE, "rfc822;a+2Bb@c.example", false },
		{ " ORCPT=utf-8;\\x{E9}@c.example", REPLY_OK, 0, "utf-8;\\x{E9}@c.example", false },
		{ " ORCPT=utf-8;\xc3\xa9@c.example", REPLY_OK, 0, "utf-8;\xc3\xa9@c.example", true },
		{ " ORCPT=utf-8;\xc3\xa9@c.example", REPLY_BAD_PARAMETER, 0, "", false },
		{ " NOTIFY=NEVER,SUCCESS", REPLY_BAD_PARAMETER, 0, "", false },
		{ " NOTIFY=SUCCESS,NEVER", REPLY_BAD_PARAMETER, 0, "", false },
		{ " NOTIFY=SUCCESS,", REPLY_BAD_PARAMETER, 0, "", false },
		{ " NOTIFY=ALWAYS", REPLY_BAD_PARAMETER, 0, "", false },
		{ " NOTIFY=", REPLY_BAD_PARAMETER, 0, "", false },
		{ " NOTIFY", REPLY_BAD_PARAMETER, 0, "", false },
		{ " NOTIFY=DELAY NOTIFY=DELAY", REPLY_BAD_PARAMETER, 0, "", false },
		{ " ORCPT=rfc822;a@b ORCPT=rfc822;a@b", REPLY_BAD_PARAMETER, 0, "", false },
		{ " ORCPT=a@b", REPLY_BAD_PARAMETER, 0, "", false },
		{ " ORCPT=rfc822;a+b@c", REPLY_BAD_PARAMETER, 0, "", false },
		{ " ENVID=x", REPLY_UNKNOWN_PARAMETER, 0, "", false },
		{ " SIZE=1", REPLY_UNKNOWN_PARAMETER, 0, "", false },
		{ "x", REPLY_BAD_PARAMETER, 0, "", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct dsn_rcpt wishes = { .notify = 0 };
		enum smtp_reply got = smtp_recipient_parameters(bytes_text(rows[i].in), rows[i].may_utf8, &wishes, &keyword);

		if (got != rows[i].want)
			fail_msg("\"%s\": %d", rows[i].in, got);
		if (got != REPLY_OK)
			continue;
		assert_int_equal(wishes.notify, rows[i].notify);
		assert_true(bytes_equal(wishes.original, bytes_text(rows[i].original)));
	}
}

static void
rfc3461_4_3_4_4_parameters_of_mail(void **state)
{
	struct smtp_mail mail = { .size = 0 };

	(void)state;
	assert_int_equal(smtp_mail_parameters(BYTES(" ENVID=QQ+2B1 SIZE=3 ret=hdrs"), &plain, &mail, &keyword), REPLY_OK);
	assert_int_equal(mail.dsn.returns, DSN_RETURN_HEADERS);
	assert_true(bytes_equal(mail.dsn.envelope_id, BYTES("QQ+2B1")));
	assert_int_equal(mail.size, 3);
	assert_int_equal(smtp_mail_parameters(BYTES(" RET=FULL RET=FULL"), &plain, &mail, &keyword), REPLY_BAD_PARAMETER);
	assert_int_equal(smtp_mail_parameters(BYTES(" RET=BODY"), &plain, &mail, &keyword), REPLY_BAD_PARAMETER);
	assert_int_equal(smtp_mail_parameters(BYTES(" RET"), &plain, &mail, &keyword), REPLY_BAD_PARAMETER);
	assert_int_equal(smtp_mail_parameters(BYTES(" ENVID=a ENVID=b"), &plain, &mail, &keyword), REPLY_BAD_PARAMETER);
	assert_int_equal(smtp_mail_parameters(BYTES(" ENVID=a+0A"), &plain, &mail, &keyword), REPLY_BAD_PARAMETER);
	assert_int_equal(smtp_mail_parameters(BYTES(" ENVID="), &plain, &mail, &keyword), REPLY_BAD_PARAMETER);
}

/* 2026-11-29T12:00:00Z */
#define NOW INT64_C(1795953600)

static void
rfc4865_4_hold_parameters(void **state)
{
	static const struct {
		const char *in;
		enum smtp_reply want;
		int64_t release_s;
	} rows[] = {
		{ " HOLDFOR=1", REPLY_OK, NOW + 1 },
		{ " holdfor=999999999", REPLY_OK, NOW + 999999999 },
		{ " HOLDFOR=0", REPLY_BAD_PARAMETER, 0 },
		{ " HOLDFOR=01", REPLY_BAD_PARAMETER, 0 },
		{ " HOLDFOR=1000000000", REPLY_BAD_PARAMETER, 0 },
		{ " HOLDFOR=-1", REPLY_BAD_PARAMETER, 0 },
		{ " HOLDFOR", REPLY_BAD_PARAMETER, 0 },
		{ " HOLDUNTIL=2026-11-29T12:00:01Z", REPLY_OK, NOW + 1 },
		{ " HOLDUNTIL=2026-11-29T14:00:01.5+01:30", REPLY_OK, NOW + 1801 },
		{ " HOLDUNTIL=2026-11-29t12:00:00z", REPLY_OK, 0 },
		{ " HOLDUNTIL=1999-01-01T00:00:00Z", REPLY_OK, 0 },
		{ " HOLDUNTIL=2026-11-29T12:00:01", REPLY_BAD_PARAMETER, 0 },
		{ " HOLDUNTIL=2026-11-29T12:00:01Zx", REPLY_BAD_PARAMETER, 0 },
		{ " HOLDUNTIL=1795953601", REPLY_BAD_PARAMETER, 0 },
		/* one or the other */
		{ " HOLDFOR=1 HOLDFOR=1", REPLY_BAD_PARAMETER, 0 },
		{ " HOLDUNTIL=1999-01-01T00:00:00Z HOLDFOR=5", REPLY_BAD_PARAMETER, 0 },
	};
	const struct smtp_offer offer = { .offered = SMTP_OFFERED_FUTURERELEASE, .now_s = NOW, .hold_most_s = 60 };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct smtp_mail mail = { .size = 0 };
		enum smtp_reply got = smtp_mail_parameters(bytes_text(rows[i].in), &offer, &mail, &keyword);

		if (got != rows[i].want || (got == REPLY_OK && mail.release_s != rows[i].release_s))
			fail_msg("\"%s\": %d, %lld", rows[i].in, got, (long long)mail.release_s);
		assert_int_equal(smtp_mail_parameters(bytes_text(rows[i].in), &plain, &mail, &keyword), REPLY_UNKNOWN_PARAMETER);
	}
}

static void
rfc6710_3_priorities(void **state)
{
	static const struct {
		const char *in;
		enum smtp_reply want;
		int priority;
	} rows[] = {
		{ " MT-PRIORITY=0", REPLY_OK, 0 },
		{ " MT-PRIORITY=9", REPLY_OK, 9 },
		{ " mt-priority=-9", REPLY_OK, -9 },
		{ " MT-PRIORITY=-0", REPLY_BAD_PARAMETER, 0 },
		{ " MT-PRIORITY=+1", REPLY_BAD_PARAMETER, 0 },
		{ " MT-PRIORITY=10", REPLY_BAD_PARAMETER, 0 },
		{ " MT-PRIORITY=01", REPLY_BAD_PARAMETER, 0 },
		{ " MT-PRIORITY=-", REPLY_BAD_PARAMETER, 0 },
		{ " MT-PRIORITY", REPLY_BAD_PARAMETER, 0 },
		{ " MT-PRIORITY=1 MT-PRIORITY=1", REPLY_BAD_PARAMETER, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct smtp_mail mail = { .size = 0 };
		enum smtp_reply got = smtp_mail_parameters(bytes_text(rows[i].in), &plain, &mail, &keyword);

		if (got != rows[i].want || (got == REPLY_OK && mail.priority != rows[i].priority))
			fail_msg("\"%s\": %d, %d", rows[i].in, got, mail.priority);
	}
}

static void
rfc2852_4_8689_2_parameters_that_are_taken(void **state)
{
	const struct smtp_offer offer = { .offered = SMTP_OFFERED_REQUIRETLS };
	struct smtp_mail mail = { .size = 0 };

	(void)state;
	assert_int_equal(smtp_mail_parameters(BYTES(" by=-3;NT requiretls"), &offer, &mail, &keyword), REPLY_OK);
	assert_true(mail.requires_tls && mail.by.mode == SMTP_BY_NOTIFY && mail.by.has_trace && mail.by.within_s == -3);
	assert_int_equal(smtp_mail_parameters(BYTES(" BY=0;R"), &offer, &mail, &keyword), REPLY_BAD_PARAMETER);
	assert_int_equal(smtp_mail_parameters(BYTES(" BY=1;N BY=1;N"), &offer, &mail, &keyword), REPLY_BAD_PARAMETER);
	assert_int_equal(smtp_mail_parameters(BYTES(" REQUIRETLS=1"), &offer, &mail, &keyword), REPLY_BAD_PARAMETER);
	assert_int_equal(smtp_mail_parameters(BYTES(" REQUIRETLS"), &plain, &mail, &keyword), REPLY_UNKNOWN_PARAMETER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameters_of_mail),
		cmocka_unit_test(rfc3461_4_1_4_2_parameters_of_recipients),
		cmocka_unit_test(rfc3461_4_3_4_4_parameters_of_mail),
		cmocka_unit_test(rfc4865_4_hold_parameters),
		cmocka_unit_test(rfc6710_3_priorities),
		cmocka_unit_test(rfc2852_4_8689_2_parameters_that_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
