/* Any octets as parameters: what is taken is put back and taken the same again; no octet of it ends a line. */
#include "proto/dsn/parameter.h"

#include "proto/dsn/xtext.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
check_xtext(struct bytes in)
{
	struct buf once, twice;

	buf_init(&once, in.len * 12 + 1);
	buf_init(&twice, in.len * 12 + 1);
	put_xtext(&once, in);
	must(put_xtext_decoded(&twice, buf_bytes(&once)) && bytes_equal(buf_bytes(&twice), in));
	if (in.len && bytes_is_utf8(in) && bytes_find_char(in, 0) == in.len) {
		buf_reset(&once);
		buf_reset(&twice);
		put_utf8_xtext(&once, in);
		must(bytes_is_ascii(buf_bytes(&once)));
		must(put_utf8_xtext_decoded(&twice, buf_bytes(&once)) && bytes_equal(buf_bytes(&twice), in));
	}
	buf_reset(&once);
	if (put_utf8_xtext_decoded(&once, in))
		must(once.len <= in.len && bytes_is_utf8(buf_bytes(&once)));
	buf_done(&once);
	buf_done(&twice);
}

static void
check_put(const struct buf *put)
{
	for (size_t i = 0; i < put->len; i++)
		must(!byte_is_class(put->ptr[i], CLASS_CONTROL));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);
	struct dsn_mail mail, mail_again;
	struct dsn_rcpt rcpt, rcpt_again;
	struct buf put;

	check_xtext(in);
	buf_init(&put, size + 64);
	if (dsn_parse_mail(in, &mail)) {
		dsn_put_mail(&put, &mail);
		check_put(&put);
		must(dsn_parse_mail(buf_bytes(&put), &mail_again) && mail_again.returns == mail.returns &&
			bytes_equal(mail_again.envelope_id, mail.envelope_id));
	}
	buf_reset(&put);
	if (dsn_parse_rcpt(in, &rcpt)) {
		dsn_put_rcpt(&put, &rcpt);
		check_put(&put);
		must(dsn_parse_rcpt(buf_bytes(&put), &rcpt_again) && rcpt_again.notify == rcpt.notify &&
			bytes_equal(rcpt_again.original, rcpt.original) && bytes_equal(rcpt_again.accepted, rcpt.accepted));
	}
	buf_done(&put);
	return 0;
}
