#include "proto/mime/summary.h"

#include "proto/mime/summary_internal.h"
#include "proto/mime/test_message.h"

static const struct summary_part parts[] = {
	{ 0, 0, PART_MULTIPART, 0, 100, 900, 40, ENCODING_IDENTITY },
	{ 0, 1, PART_TEXT, 110, 130, 70, 3, ENCODING_QUOTED_PRINTABLE },
	{ 0, 2, PART_MESSAGE, 210, 240, 300, 9, ENCODING_IDENTITY },
	{ 2, 1, PART_LEAF, 240, 300, 240, 7, ENCODING_BASE64 },
	{ 0, 3, PART_LEAF, 600, 640, 10, 1, ENCODING_UNKNOWN },
};

enum { PARTS = sizeof parts / sizeof *parts };

static const struct summary example = {
	.envelope = BYTES_INIT("(envelope)"),
	.body = BYTES_INIT("(body)"),
	.bodystructure = BYTES_INIT("(bodystructure)"),
	.preview = BYTES_INIT("preview"),
	.ids = BYTES_INIT("8 octets16 of it"),
	.sent_s = -7,
	.sent_zone_minutes = -150,
	.is_cut = true,
	.size = 1000,
	.part_count = PARTS,
};

static void
put_example(struct buf *out)
{
	buf_init(out, SUMMARY_MAX);
	assert_true(put_summary_octets(out, &example));
	for (size_t i = 0; i < PARTS; i++)
		put_summary_part(out, &parts[i]);
}

static void
what_was_put_is_opened(void **state)
{
	struct summary s;
	struct buf out;

	(void)state;
	put_example(&out);
	assert_int_equal(summary_open(buf_bytes(&out), &s, NULL), 0);
	assert_bytes("envelope", s.envelope, example.envelope);
	assert_bytes("body", s.body, example.body);
	assert_bytes("bodystructure", s.bodystructure, example.bodystructure);
	assert_bytes("preview", s.preview, example.preview);
	assert_bytes("ids", s.ids, example.ids);
	assert_int_equal(s.sent_s, -7);
	assert_int_equal(s.sent_zone_minutes, -150);
	assert_true(s.is_cut);
	assert_int_equal(s.size, 1000);
	assert_int_equal(s.part_count, PARTS);
	for (uint32_t i = 0; i < PARTS; i++) {
		struct summary_part part = summary_part(&s, i);

		assert_int_equal(part.parent, parts[i].parent);
		assert_int_equal(part.number, parts[i].number);
		assert_int_equal(part.kind, parts[i].kind);
		assert_int_equal(part.header_at, parts[i].header_at);
		assert_int_equal(part.body_at, parts[i].body_at);
		assert_int_equal(part.body_octets, parts[i].body_octets);
		assert_int_equal(part.body_lines, parts[i].body_lines);
		assert_int_equal(part.encoding, parts[i].encoding);
	}
	buf_done(&out);
}

static void
any_octet_less_or_more_is_refused(void **state)
{
	struct summary s;
	struct fault f;
	struct buf out;

	(void)state;
	put_example(&out);
	for (size_t len = 0; len < out.len; len++) {
		assert_int_equal(summary_open(bytes_sub(buf_bytes(&out), 0, len), &s, &f), -1);
		assert_int_equal(f.kind, FAULT_SYNTAX);
	}
	put_u8(&out, 0);
	assert_int_equal(summary_open(buf_bytes(&out), &s, &f), -1);
	buf_done(&out);
}

static void
other_versions_are_refused(void **state)
{
	struct summary s;
	struct buf out;

	(void)state;
	put_example(&out);
	out.ptr[0]++;
	assert_int_equal(summary_open(buf_bytes(&out), &s, NULL), -1);
	buf_done(&out);
}

static void
parts_that_cannot_be_are_refused(void **state)
{
	static const struct summary_part rows[] = {
		{ 1, 1, PART_TEXT, 110, 130, 70, 3, 0 }, /* its own parent */
		{ 9, 1, PART_TEXT, 110, 130, 70, 3, 0 }, /* a later parent */
		{ 0, 0, PART_TEXT, 110, 130, 70, 3, 0 }, /* no number */
		{ 0, 1, PART_MESSAGE + 1, 110, 130, 70, 3, 0 },
		{ 0, 1, PART_TEXT, 110, 130, 70, 3, ENCODING_UNKNOWN + 1 },
		{ 0, 1, PART_TEXT, 131, 130, 70, 3, 0 }, /* the header behind the body */
		{ 0, 1, PART_TEXT, 110, 1001, 0, 3, 0 }, /* behind the message */
		{ 0, 1, PART_TEXT, 110, 130, 871, 3, 0 },
		{ 0, 1, PART_TEXT, 110, 130, UINT64_MAX - 100, 3, 0 },
	};
	struct summary s;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf out, part;

		put_example(&out);
		buf_init(&part, PART_OCTETS);
		put_summary_part(&part, &rows[i]);
		memcpy(out.ptr + out.len - (PARTS - 1) * PART_OCTETS, part.ptr, PART_OCTETS);
		assert_int_equal(summary_open(buf_bytes(&out), &s, NULL), -1);
		buf_done(&part);
		buf_done(&out);
	}
}

static void
every_octet_may_be_wrong(void **state)
{
	struct summary s;
	struct buf out;

	(void)state;
	put_example(&out);
	for (size_t i = 0; i < out.len; i++) {
		for (int value = 1; value < 256; value *= 2) {
			out.ptr[i] ^= (uint8_t)value;
			if (summary_open(buf_bytes(&out), &s, NULL) == 0)
				assert_in_range(s.part_count, PARTS, PARTS);
			out.ptr[i] ^= (uint8_t)value;
		}
	}
	buf_done(&out);
}

/* "1.2.3" -> numbers. */
static size_t
read_section(const char *text, uint32_t numbers[8])
{
	struct bytes in = bytes_text(text);
	size_t count = 0;
	uint64_t number;

	while (take_number(&in, UINT32_MAX, &number)) {
		numbers[count++] = (uint32_t)number;
		(void)take_char(&in, '.');
	}
	return count;
}

/* The body of the section of the message, in wire form; "-" when there is none, with "!" before it
 * when it is whole. */
static void
put_section(struct buf *out, const char *message, const char *section)
{
	uint32_t numbers[8], index;
	size_t count = read_section(section, numbers);
	struct parsed got;
	struct buf wire;
	bool is_whole;

	buf_init(&wire, 10000);
	put_wire_form(&wire, bytes_text(message));
	parse(&got, bytes_text(message));
	if (summary_find_part(&got.summary, numbers, count, &index, &is_whole)) {
		struct summary_part part = summary_part(&got.summary, index);

		put_text(out, is_whole ? "!" : "");
		put_bytes(out, bytes_sub(buf_bytes(&wire), part.body_at, part.body_octets));
	} else {
		put_text(out, "-");
	}
	parsed_done(&got);
	buf_done(&wire);
}

/* The message of the example in RFC 3501 6.4.5, each part with its section number as its text. */
static const char sections[] =
	"Content-Type: multipart/mixed; boundary=a\n\n"
	"--a\nContent-Type: text/plain\n\n1\n"
	"--a\nContent-Type: application/octet-stream\n\n2\n"
	"--a\nContent-Type: message/rfc822\n\n"
	"Subject: 3\nContent-Type: multipart/mixed; boundary=b\n\n"
	"--b\nContent-Type: text/plain\n\n3.1\n"
	"--b\nContent-Type: application/octet-stream\n\n3.2\n--b--\n"
	"--a\nContent-Type: multipart/mixed; boundary=c\n\n"
	"--c\nContent-Type: image/gif\n\n4.1\n"
	"--c\nContent-Type: message/rfc822\n\n"
	"Subject: 4.2\nContent-Type: multipart/mixed; boundary=d\n\n"
	"--d\nContent-Type: text/plain\n\n4.2.1\n"
	"--d\nContent-Type: multipart/alternative; boundary=e\n\n"
	"--e\nContent-Type: text/plain\n\n4.2.2.1\n"
	"--e\nContent-Type: text/richtext\n\n4.2.2.2\n--e--\n--d--\n--c--\n--a--\n";

static void
sections_of_rfc3501_6_4_5_are_found(void **state)
{
	static const struct {
		const char *name, *message, *section, *want;
	} rows[] = {
		{ "1", sections, "1", "1" },
		{ "2", sections, "2", "2" },
		{ "3.1", sections, "3.1", "3.1" },
		{ "3.2", sections, "3.2", "3.2" },
		{ "4.1", sections, "4.1", "4.1" },
		{ "4.2.1", sections, "4.2.1", "4.2.1" },
		{ "4.2.2.1", sections, "4.2.2.1", "4.2.2.1" },
		{ "4.2.2.2", sections, "4.2.2.2", "4.2.2.2" },
		{ "no such part", sections, "5", "-" },
		{ "no part 0", sections, "0", "-" },
		{ "nothing in a leaf", sections, "1.1", "-" },
		{ "no number", sections, "", "-" },
		{ "too deep", sections, "4.2.2.2.1", "-" },
		{ "not there", sections, "4.2.3", "-" },
		{ "a message that is not multipart", "Subject: x\n\nbody\n", "1", "!body\r\n" },
		{ "it has no part 2", "Subject: x\n\nbody\n", "2", "-" },
		{ "nor parts of part 1", "Subject: x\n\nbody\n", "1.1", "-" },
		{ "a message that is a message",
			"Content-Type: message/rfc822\n\nSubject: x\n\nbody\n", "1",
			"!Subject: x\r\n\r\nbody\r\n" },
		{ "and what is in it", "Content-Type: message/rfc822\n\nSubject: x\n\nbody\n",
			"1.1", "!body\r\n" },
		{ "but not more", "Content-Type: message/rfc822\n\nSubject: x\n\nbody\n", "1.2",
			"-" },
		{ "the text of an inner message that is not multipart",
			"Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: "
			"message/rfc822\n\nSubject: x\n\nbody\n--a--\n",
			"1.1", "!body" },
	};
	struct buf got;

	(void)state;
	buf_init(&got, 10000);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		buf_reset(&got);
		put_section(&got, rows[i].message, rows[i].section);
		assert_text(rows[i].name, &got, rows[i].want);
	}
	buf_done(&got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_is_opened),
		cmocka_unit_test(any_octet_less_or_more_is_refused),
		cmocka_unit_test(other_versions_are_refused),
		cmocka_unit_test(parts_that_cannot_be_are_refused),
		cmocka_unit_test(every_octet_may_be_wrong),
		cmocka_unit_test(sections_of_rfc3501_6_4_5_are_found),
	};

	return cmocka_run_group_tests_name("mime/summary", tests, NULL, NULL);
}
