#include "proto/dsn/parameter.h"

#include "proto/rfc5322/test_rows.h"

static void
notify_rfc3461_4_1(void **state)
{
	static const struct {
		const char *in;
		unsigned int want; /* 0: malformed */
	} rows[] = {
		{ "NEVER", DSN_NOTIFY_NEVER },
		{ "never", DSN_NOTIFY_NEVER },
		{ "SUCCESS", DSN_NOTIFY_SUCCESS },
		{ "failure", DSN_NOTIFY_FAILURE },
		{ "Delay", DSN_NOTIFY_DELAY },
		{ "SUCCESS,FAILURE,DELAY", DSN_NOTIFY_SUCCESS | DSN_NOTIFY_FAILURE | DSN_NOTIFY_DELAY },
		{ "DELAY,SUCCESS", DSN_NOTIFY_SUCCESS | DSN_NOTIFY_DELAY },
		{ "DELAY,DELAY", DSN_NOTIFY_DELAY },
		/* NEVER must stand by itself */
		{ "NEVER,FAILURE", 0 },
		{ "FAILURE,NEVER", 0 },
		{ "NEVER,NEVER", 0 },
		{ "", 0 },
		{ ",", 0 },
		{ "SUCCESS,", 0 },
		{ ",SUCCESS", 0 },
		{ "SUCCESS, FAILURE", 0 },
		{ "SUCCES", 0 },
		{ "SUCCESSES", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		unsigned int got = 77;

		if (dsn_parse_notify(bytes_text(rows[i].in), &got) != (rows[i].want != 0))
			fail_msg("\"%s\"", rows[i].in);
		assert_int_equal(got, rows[i].want ? rows[i].want : 77);
	}
}

static void
original_recipient_rfc3461_4_2(void **state)
{
	static const struct {
		const char *in;
		bool is_one, is_one_with_utf8;
	} rows[] = {
		{ "rfc822;bob@example.org", true, true },
		{ "RFC822;a+2Bb@c.example", true, true },
		{ "X400;/C=fr/ADMD=x", false, false }, /* "=" is not encoded */
		{ "X400;/C+3Dfr/ADMD+3Dx", true, true },
		{ "rfc822;", false, false },
		{ "rfc822", false, false },
		{ ";bob@example.org", false, false },
		{ "rfc 822;x", false, false },
		{ "rfc822;a b", false, false },
		{ "rfc822;a+2", false, false },
		{ "rfc822;b\xc3\xbc@x", false, false },
		/* RFC 6533 3 */
		{ "utf-8;b\\x{FC}@x.example", true, true },
		{ "UTF-8;bob@example.org", true, true },
		{ "utf-8;b\xc3\xbc@x.example", false, true },
		{ "utf-8;b\\x{FC@x", true, true }, /* xtext, at least */
		{ "utf-8;a=b", false, false },
		{ "utf-8;", false, false },
		{ "utf-8;\xff", false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bytes in = bytes_text(rows[i].in), got = BYTES_NONE;

		if (dsn_parse_original(in, false, &got) != rows[i].is_one ||
			dsn_parse_original(in, true, &got) != rows[i].is_one_with_utf8)
			fail_msg("\"%s\"", rows[i].in);
		assert_bytes(rows[i].in, got, rows[i].is_one_with_utf8 ? in : BYTES_NONE);
	}
}

static void
originals_of_500_octets_are_taken_rfc3461_4_2(void **state)
{
	char text[600] = "rfc822;";
	struct bytes got;

	(void)state;
	memset(text + 7, 'a', sizeof text - 7);
	assert_true(dsn_parse_original(bytes_of(text, 500), false, &got));
	assert_false(dsn_parse_original(bytes_of(text, 501), false, &got));
	memcpy(text, "utf-8;a", 7);
	assert_true(dsn_parse_original(bytes_of(text, 500), false, &got));
	assert_false(dsn_parse_original(bytes_of(text, 501), false, &got));
}

static void
return_rfc3461_4_3(void **state)
{
	enum dsn_return got = DSN_RETURN_UNSAID;

	(void)state;
	assert_false(dsn_parse_return(BYTES(""), &got));
	assert_false(dsn_parse_return(BYTES("HEADERS"), &got));
	assert_false(dsn_parse_return(BYTES("FULL,HDRS"), &got));
	assert_int_equal(got, DSN_RETURN_UNSAID);
	assert_true(dsn_parse_return(BYTES("full"), &got));
	assert_int_equal(got, DSN_RETURN_FULL);
	assert_true(dsn_parse_return(BYTES("HDRS"), &got));
	assert_int_equal(got, DSN_RETURN_HEADERS);
}

static void
envelope_id_rfc3461_4_4(void **state)
{
	static const struct {
		const char *in;
		bool want;
	} rows[] = {
		{ "QQ314159", true },
		{ "a+20b+2Bc", true },
		{ "", false },
		{ "a b", false },
		{ "a+", false },
		{ "a+0A", false }, /* printable before it was encoded */
		{ "a+00", false },
		{ "a+C3+BC", false },
	};
	char text[101];
	struct bytes got = BYTES_NONE;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (dsn_parse_envelope_id(bytes_text(rows[i].in), &got) != rows[i].want)
			fail_msg("\"%s\"", rows[i].in);
	memset(text, 'a', sizeof text);
	assert_true(dsn_parse_envelope_id(bytes_of(text, 100), &got));
	assert_false(dsn_parse_envelope_id(bytes_of(text, 101), &got));
}

static void
parameters_of_mail_there_and_back(void **state)
{
	static const char *const rows[] = { "", "RET=FULL", "RET=HDRS", "ENVID=QQ314159", "RET=HDRS ENVID=a+20b" };
	static const char *const wrong[] = { " ", "RET=", "RET=FULL RET=FULL", "ENVID=a ENVID=b", "RET=FULL  ENVID=a", "RET",
		"SIZE=1", "NOTIFY=NEVER", "ENVID=a\n" };
	struct dsn_mail mail = { .returns = DSN_RETURN_UNSAID };
	struct buf got;

	(void)state;
	buf_init(&got, 4096);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_true(dsn_parse_mail(bytes_text(rows[i]), &mail));
		buf_reset(&got);
		dsn_put_mail(&got, &mail);
		assert_text(rows[i], &got, rows[i]);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (dsn_parse_mail(bytes_text(wrong[i]), &mail))
			fail_msg("\"%s\" was taken", wrong[i]);
	assert_bytes("kept", mail.envelope_id, BYTES("a+20b"));
	buf_done(&got);
}

static void
parameters_of_rcpt_there_and_back(void **state)
{
	static const char *const rows[] = { "", "NOTIFY=NEVER", "NOTIFY=SUCCESS,FAILURE,DELAY", "ORCPT=rfc822;a+2Bb@c",
		"NOTIFY=SUCCESS ACCEPTED=\"a NOTIFY=b\"@x", "ACCEPTED=a@x", "NOTIFY=DELAY ORCPT=utf-8;b\xc3\xbc@x" };
	static const char *const wrong[] = { "NOTIFY=", "NOTIFY=NEVER NOTIFY=NEVER", "ORCPT=x", "ORCPT=rfc822;a ORCPT=rfc822;a",
		"RET=FULL", "NOTIFY", "NOTIFY=NEVER ORCPT=rfc822;a\r\nDATA", "ACCEPTED=", "ACCEPTED=a\r\n@x" };
	struct dsn_rcpt rcpt = { .notify = 0 };
	struct buf got;

	(void)state;
	buf_init(&got, 4096);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_true(dsn_parse_rcpt(bytes_text(rows[i]), &rcpt));
		buf_reset(&got);
		dsn_put_rcpt(&got, &rcpt);
		assert_text(rows[i], &got, rows[i]);
	}
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (dsn_parse_rcpt(bytes_text(wrong[i]), &rcpt))
			fail_msg("\"%s\" was taken", wrong[i]);
	assert_int_equal(rcpt.notify, DSN_NOTIFY_DELAY);
	buf_done(&got);
}

static void
what_is_accepted_is_for_us_alone(void **state)
{
	static const char *const rows[][2] = { { "", "" }, { "NOTIFY=SUCCESS ORCPT=rfc822;a", "NOTIFY=SUCCESS ORCPT=rfc822;a" },
		{ "NOTIFY=SUCCESS ACCEPTED=a b@x", "NOTIFY=SUCCESS" }, { "ACCEPTED=a@x", "" } };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_bytes(rows[i][0], dsn_rcpt_for_servers(bytes_text(rows[i][0])), bytes_text(rows[i][1]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notify_rfc3461_4_1),
		cmocka_unit_test(original_recipient_rfc3461_4_2),
		cmocka_unit_test(originals_of_500_octets_are_taken_rfc3461_4_2),
		cmocka_unit_test(return_rfc3461_4_3),
		cmocka_unit_test(envelope_id_rfc3461_4_4),
		cmocka_unit_test(parameters_of_mail_there_and_back),
		cmocka_unit_test(parameters_of_rcpt_there_and_back),
		cmocka_unit_test(what_is_accepted_is_for_us_alone),
	};

	return cmocka_run_group_tests_name("dsn/parameter", tests, NULL, NULL);
}
