#include "proto/smtp/by.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
rfc2852_4_by_values(void **state)
{
	/* again: as it is put, where that differs */
	static const struct {
		const char *in;
		bool is_good;
		struct smtp_by want;
		const char *again;
	} rows[] = {
		{ "120;R", true, { SMTP_BY_RETURN, false, 120 }, NULL },
		{ "120;RT", true, { SMTP_BY_RETURN, true, 120 }, NULL },
		{ "+120;n", true, { SMTP_BY_NOTIFY, false, 120 }, "BY=120;N" },
		{ "-120;NT", true, { SMTP_BY_NOTIFY, true, -120 }, NULL },
		{ "0;N", true, { SMTP_BY_NOTIFY, false, 0 }, NULL },
		{ "000000001;rt", true, { SMTP_BY_RETURN, true, 1 }, "BY=1;RT" },
		{ "999999999;R", true, { SMTP_BY_RETURN, false, 999999999 }, NULL },
		/* a return at a time that has passed */
		{ "0;R", false, { 0 }, NULL },
		{ "-1;R", false, { 0 }, NULL },
		{ "1000000000;R", false, { 0 }, NULL },
		{ "0000000001;R", false, { 0 }, NULL },
		{ "", false, { 0 }, NULL },
		{ ";R", false, { 0 }, NULL },
		{ "-;N", false, { 0 }, NULL },
		{ "+-1;N", false, { 0 }, NULL },
		{ "1", false, { 0 }, NULL },
		{ "1;", false, { 0 }, NULL },
		{ "1;T", false, { 0 }, NULL },
		{ "1;TR", false, { 0 }, NULL },
		{ "1;RR", false, { 0 }, NULL },
		{ "1;R ", false, { 0 }, NULL },
		{ "1R", false, { 0 }, NULL },
		{ "1,R", false, { 0 }, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct smtp_by by = { SMTP_BY_NOTIFY, true, 7 }, untouched = by;
		const struct smtp_by *want = rows[i].is_good ? &rows[i].want : &untouched;
		char text[40] = "BY=";
		struct buf out;

		if (smtp_parse_by(bytes_text(rows[i].in), &by) != rows[i].is_good)
			fail_msg("\"%s\"", rows[i].in);
		assert_int_equal(by.mode, want->mode);
		assert_int_equal(by.has_trace, want->has_trace);
		assert_int_equal(by.within_s, want->within_s);
		if (!rows[i].is_good)
			continue;
		buf_init_fixed(&out, text, sizeof text);
		smtp_put_by(&out, &by);
		if (rows[i].again)
			assert_true(bytes_equal(buf_bytes(&out), bytes_text(rows[i].again)));
		else
			assert_true(bytes_equal(bytes_sub(buf_bytes(&out), 3, out.len), bytes_text(rows[i].in)));
	}
}

static void
rfc2852_4_a_time_of_more_than_nine_digits_is_cut(void **state)
{
	char text[40];
	struct buf out;

	(void)state;
	buf_init_fixed(&out, text, sizeof text);
	smtp_put_by(&out, &(struct smtp_by){ SMTP_BY_NOTIFY, false, INT64_MIN });
	smtp_put_by(&out, &(struct smtp_by){ SMTP_BY_UNSAID, true, 5 });
	smtp_put_by(&out, &(struct smtp_by){ SMTP_BY_RETURN, false, INT64_MAX });
	assert_true(bytes_equal(buf_bytes(&out), BYTES("BY=-999999999;NBY=999999999;R")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc2852_4_by_values),
		cmocka_unit_test(rfc2852_4_a_time_of_more_than_nine_digits_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
