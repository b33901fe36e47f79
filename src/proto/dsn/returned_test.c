/* How much of a mail goes back with a report. */
#include "proto/dsn/dsn.h"

#include "proto/dsn/test_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Who says that he is somebody else must not have him sent whatever he likes. */
static void
what_did_not_fail_quotes_no_more_of_a_header_than_eight_kibibytes(void **state)
{
	static const struct {
		enum dsn_action action;
		size_t want;
	} rows[] = { { DSN_DELIVERED, 8100 }, { DSN_RELAYED, 8100 }, { DSN_EXPANDED, 8100 }, { DSN_DELAYED, 8100 }, { DSN_FAILED, 100000 } };
	struct dsn_recipient to = { .final = BYTES("bob@amerique.iut"), .reply = BYTES("250 ok") };
	struct dsn_report r = { .hostname = BYTES("mail.amerique.iut"), .sender = BYTES("alice@asie.iut"), .mail_id = BYTES("M"), .report_id = BYTES("R"),
		.recipients = &to, .recipient_count = 1 };
	struct buf got, content;

	(void)state;
	buf_init(&content, 200000);
	for (int i = 0; i < 1000; i++)
		put_format(&content, "X-%04d: %091d\n", i, i);
	put_text(&content, "\nbody\n");
	r.content = buf_bytes(&content);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		buf_init(&got, 1 << 20);
		to.action = rows[i].action;
		(void)dsn_put(&got, &r);
		assert_true(bytes_equal(report_body(report_split(buf_bytes(&got)).parts[2]), bytes_sub(r.content, 0, rows[i].want)));
		buf_done(&got);
	}
	buf_done(&content);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_did_not_fail_quotes_no_more_of_a_header_than_eight_kibibytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
