/* What the tests of notifications share: a report on one recipient who is unknown, and how it is shown. */
#ifndef DSN_TEST_DSN_H
#define DSN_TEST_DSN_H

#include "proto/dsn/dsn.h"
#include "proto/dsn/test_report.h"
#include "proto/mime/decode.h"
#include "proto/rfc5322/test_rows.h"

#define CONTENT_HEADER "From: alice@amerique.iut\nSubject: Hello\nMessage-ID: <one@amerique.iut>\n"

static const struct dsn_recipient unknown = {
	.original = BYTES_INIT("rfc822;bob+2Bx@afrique.iut"),
	.final = BYTES_INIT("bob@afrique.iut"),
	.action = DSN_FAILED,
	.reply = BYTES_INIT("550 5.1.1 no such user"),
	.server = BYTES_INIT("mx.afrique.iut (192.0.2.1)"),
	.last_attempt_s = 880127706,
};

static inline struct dsn_report
report_of(const struct dsn_recipient *recipients, size_t count)
{
	return (struct dsn_report){
		.hostname = BYTES_INIT("mail.amerique.iut"),
		.sender = BYTES_INIT("alice@amerique.iut"),
		.mail_id = BYTES_INIT("01ARZ3NDEKTSV4RRFFQ69G5FAV"),
		.report_id = BYTES_INIT("01ARZ3NDEKTSV4RRFFQ69G5FAW"),
		.envelope_id = BYTES_INIT("QQ+20314159"),
		.arrival_s = 880127700,
		.date_s = 880127710,
		.zone_minutes = -360,
		.content = BYTES_INIT(CONTENT_HEADER "\nbody\n"),
		.recipients = recipients,
		.recipient_count = count,
	};
}

static inline unsigned int
put(struct buf *out, const struct dsn_report *r)
{
	unsigned int needs;

	buf_init(out, 1 << 20);
	needs = dsn_put(out, r);
	assert_false(out->has_failed);
	return needs;
}

/* The first part as a reader shows it. */
static inline void
put_shown(struct buf *shown, const struct buf *got)
{
	struct report_parts parts = report_split(buf_bytes(got));
	struct bytes encoding = report_field(parts.parts[0], "content-transfer-encoding");

	buf_init(shown, 1 << 20);
	if (bytes_equal(encoding, BYTES("quoted-printable")))
		put_quoted_printable_decoded(shown, report_body(parts.parts[0]));
	else
		put_bytes(shown, report_body(parts.parts[0]));
}

static inline bool
has(struct bytes in, const char *what)
{
	return bytes_find(in, bytes_text(what)) < in.len;
}

static inline size_t
count_of(struct bytes in, struct bytes what)
{
	size_t count = 0, at;

	while ((at = bytes_find(in, what)) < in.len) {
		in = bytes_sub(in, at + 1, in.len);
		count++;
	}
	return count;
}

#endif
