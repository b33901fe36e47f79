/* Any octets as a message: its body in pieces is as its body whole and has the canonical form, and what is hashed of its header are lines. */
#include "proto/dkim/dkim.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
collect(void *arg, struct bytes canonical)
{
	put_bytes(arg, canonical);
}

static void
canonise(struct buf *out, struct bytes in, size_t cut)
{
	struct dkim_body b;

	buf_init(out, 1 << 22);
	dkim_body_init(&b, collect, out);
	dkim_body_step(&b, bytes_sub(in, 0, cut));
	dkim_body_step(&b, bytes_sub(in, cut, in.len));
	dkim_body_end(&b);
}

static void
check_body(struct bytes in)
{
	struct buf whole, cut;

	canonise(&whole, in, in.len);
	canonise(&cut, in, in.len / 2);
	must(!whole.has_failed && bytes_equal(buf_bytes(&whole), buf_bytes(&cut)));
	must(bytes_find(buf_bytes(&whole), BYTES("  ")) == whole.len && bytes_find(buf_bytes(&whole), BYTES(" \r\n")) == whole.len);
	must(bytes_find_char(buf_bytes(&whole), '\t') == whole.len);
	must(whole.len == 0 || (bytes_ends_nocase(buf_bytes(&whole), BYTES("\r\n")) && !bytes_ends_nocase(buf_bytes(&whole), BYTES("\n\r\n"))));
	buf_done(&whole);
	buf_done(&cut);
}

static void
check_header(struct bytes in)
{
	struct dkim_signature s = { "rsa-sha256", BYTES_INIT("a.example"), BYTES_INIT("s"), 1, { 0 } };
	struct buf names, field, hashed;
	struct bytes lines;

	buf_init(&names, 1 << 22);
	buf_init(&field, 1 << 22);
	buf_init(&hashed, 1 << 22);
	dkim_put_names(&names, in);
	dkim_put_field(&field, &s, buf_bytes(&names));
	dkim_put_hashed_header(&hashed, in, buf_bytes(&names));
	dkim_put_hashed_field(&hashed, buf_bytes(&field));
	must(!hashed.has_failed);
	for (lines = buf_bytes(&hashed); lines.len;) {
		struct bytes line = take_until(&lines, '\n');

		must(line.len && (lines.len == 0 || line.ptr[line.len - 1] == '\r') && bytes_find_char(line, ':') < line.len);
	}
	buf_done(&names);
	buf_done(&field);
	buf_done(&hashed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);

	check_body(in);
	if (size < 4096)
		check_header(in);
	return 0;
}
