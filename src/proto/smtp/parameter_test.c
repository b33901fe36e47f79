#include "proto/smtp/parameter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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
		{ " SIZE=1 RET=FULL", REPLY_UNKNOWN_PARAMETER, 0, false, false },
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
		enum smtp_reply got = smtp_mail_parameters(bytes_text(rows[i].in), &mail);

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
recipients_have_no_parameters_yet(void **state)
{
	(void)state;
	assert_int_equal(smtp_recipient_parameters(BYTES("")), REPLY_OK);
	assert_int_equal(smtp_recipient_parameters(BYTES(" NOTIFY=NEVER")), REPLY_UNKNOWN_PARAMETER);
	assert_int_equal(smtp_recipient_parameters(BYTES(" SIZE=1")), REPLY_UNKNOWN_PARAMETER);
	assert_int_equal(smtp_recipient_parameters(BYTES("x")), REPLY_BAD_PARAMETER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameters_of_mail),
		cmocka_unit_test(recipients_have_no_parameters_yet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
