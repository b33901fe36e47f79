/* Any octets as what is told of others: a notification has its three parts, its own fields alone, and the message as it was. */
#include "proto/dsn/dsn.h"

#include "proto/dsn/test_report.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
must_be_one_of(struct bytes block, const char *const *names)
{
	struct bytes name, value, field;

	while (take_header_field(&block, &name, &value, &field)) {
		size_t i = 0;

		while (names[i] && !bytes_equal(name, bytes_text(names[i])))
			i++;
		must(names[i] != NULL);
	}
}

static void
check(const struct buf *got, const struct dsn_report *r)
{
	static const char *const of_mail[] = { "From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References",
		"Auto-Submitted", "MIME-Version", "Content-Type", "Content-Transfer-Encoding", NULL };
	static const char *const of_message[] = { "Original-Envelope-Id", "Reporting-MTA", "Arrival-Date", "Future-Release-Request", "Deliver-By-Date",
		"X-Mermoz-Mail-Id", NULL };
	static const char *const of_recipient[] = { "Original-Recipient", "Final-Recipient", "Action", "Status", "Remote-MTA",
		"Diagnostic-Code", "Last-Attempt-Date", "Will-Retry-Until", NULL };
	struct report_parts parts = report_split(buf_bytes(got));
	struct bytes block = BYTES_NONE;
	size_t at;

	must(parts.count == 3 && parts.is_closed);
	must_be_one_of(parts.header, of_mail);
	block = report_body(parts.parts[1]);
	at = bytes_find(block, BYTES("\n\n"));
	must_be_one_of(bytes_sub(block, 0, at + 1), of_message);
	must_be_one_of(bytes_sub(block, at + 2, block.len), of_recipient);
	must(bytes_find(bytes_sub(block, at + 2, block.len), BYTES("\n\n")) == block.len - at - 2);
	if (r->returns_whole)
		must(bytes_equal(report_body(parts.parts[2]), r->content));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size), how;
	struct dsn_recipient recipient = { .last_attempt_s = 1, .will_retry_until_s = 2 };
	struct dsn_report r = { .report_id = BYTES_INIT("R"), .recipients = &recipient, .recipient_count = 1, .arrival_s = 1 };
	enum dsn_language language;
	struct buf got;

	if (!take_octets(&in, 2, &how))
		return 0;
	recipient.action = how.ptr[0] % DSN_ACTIONS;
	r.language = how.ptr[1] % DSN_LANGUAGES;
	r.is_utf8 = how.ptr[1] & 4;
	r.returns_whole = how.ptr[1] & 8;
	r.hostname = take_until(&in, 0);
	r.sender = take_until(&in, 0);
	r.mail_id = take_until(&in, 0);
	r.envelope_id = take_until(&in, 0);
	recipient.original = take_until(&in, 0);
	recipient.final = take_until(&in, 0);
	recipient.reply = take_until(&in, 0);
	recipient.server = take_until(&in, 0);
	r.content = in;
	buf_init(&got, 1 << 24);
	dsn_put(&got, &r);
	must(!got.has_failed);
	check(&got, &r);
	(void)dsn_find_language(in, &language);
	buf_done(&got);
	return 0;
}
