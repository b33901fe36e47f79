/* Messages of many kinds with what is told of them.  Each is parsed whole, cut at every octet,
   octet by octet, and in wire form: always the same summary. */
#include "proto/mime/test_message.h"

struct row {
	const char *name, *message, *bodystructure, *parts;
};

#define TEXT_PLAIN "\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" "

static const struct row rows[] = {
	{ "nothing", "", "(" TEXT_PLAIN "0 0 NIL NIL NIL NIL)", "0.0:text[]" },
	{ "no header", "\nHello\n", "(" TEXT_PLAIN "7 1 NIL NIL NIL NIL)", "0.0:text[Hello~]" },
	{ "no body", "Subject: x\n", "(" TEXT_PLAIN "0 0 NIL NIL NIL NIL)", "0.0:text[]" },
	{ "no empty line and no line end", "Subject: x", "(" TEXT_PLAIN "0 0 NIL NIL NIL NIL)",
		"0.0:text[]" },
	{ "empty body", "Subject: x\n\n", "(" TEXT_PLAIN "0 0 NIL NIL NIL NIL)", "0.0:text[]" },
	{ "no last line end", "Subject: x\n\nHello", "(" TEXT_PLAIN "5 0 NIL NIL NIL NIL)",
		"0.0:text[Hello]" },
	{ "text with parameters and fields",
		"Content-Type: text/html; charset=\"utf-8\"; format=flowed (comment)\n"
		"Content-Transfer-Encoding: Quoted-Printable\n"
		"Content-ID: <one@example.org>\n"
		"Content-Description: A \"quoted\"\n"
		" text\n"
		"Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\n"
		"Content-Disposition: inline; filename=\"x.html\"; size=12\n"
		"Content-Language: en, fr-CA\n"
		"Content-Location: http://example.org/\n"
		" x.html\n"
		"\n"
		"<p>\n",
		"(\"text\" \"html\" (\"charset\" \"utf-8\" \"format\" \"flowed\") "
		"\"<one@example.org>\" "
		"\"A \\\"quoted\\\" text\" \"QUOTED-PRINTABLE\" 5 1 \"Q2hlY2sgSW50ZWdyaXR5IQ==\" "
		"(\"inline\" (\"filename\" \"x.html\" \"size\" \"12\")) (\"en\" \"fr-CA\") "
		"\"http://example.org/x.html\")",
		"0.0:text=qp[<p>~]" },
	{ "one language", "Content-Language: de\n\n", "(" TEXT_PLAIN "0 0 NIL NIL \"de\" NIL)",
		"0.0:text[]" },
	{ "RFC 2231 parameters stay raw",
		"Content-Type: application/pdf;\n"
		"\tname*0*=iso-8859-1'en'This%20is;\n"
		"\tname*1=\" fun\"\n"
		"Content-Transfer-Encoding: base64\n"
		"\n"
		"AAAA\n",
		"(\"application\" \"pdf\" (\"name*0*\" \"iso-8859-1'en'This%20is\" \"name*1\" \" "
		"fun\") NIL NIL "
		"\"BASE64\" 6 NIL NIL NIL NIL)",
		"0.0:leaf=base64[AAAA~]" },
	{ "UTF-8 in a parameter is a literal",
		"Content-Type: image/png; name=\"\xc3\xa9t\xc3\xa9.png\"\n\n",
		"(\"image\" \"png\" (\"name\" {9}\r\n\xc3\xa9t\xc3\xa9.png) NIL NIL \"7BIT\" 0 NIL "
		"NIL NIL NIL)",
		"0.0:leaf[]" },
	{ "broken types are text/plain (RFC 2045 5.2)", "Content-Type: text\n\nx\n",
		"(" TEXT_PLAIN "3 1 NIL NIL NIL NIL)", "0.0:text[x~]" },
	{ "a first Content-Type wins", "Content-Type: image/gif\nContent-Type: text/html\n\n",
		"(\"image\" \"gif\" NIL NIL NIL \"7BIT\" 0 NIL NIL NIL NIL)", "0.0:leaf[]" },
	{ "unknown encoding", "Content-Type: text/plain\nContent-Transfer-Encoding: x-uue\n\n",
		"(\"text\" \"plain\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"x-uue\" 0 0 NIL NIL NIL "
		"NIL)",
		"0.0:text=unknown[]" },
	{ "the simple multipart of RFC 2046 5.1.1",
		"From: Nathaniel Borenstein <nsb@bellcore.com>\n"
		"To: Ned Freed <ned@innosoft.com>\n"
		"Date: Sun, 21 Mar 1993 23:56:48 -0800 (PST)\n"
		"Subject: Sample message\n"
		"MIME-Version: 1.0\n"
		"Content-type: multipart/mixed; boundary=\"simple boundary\"\n"
		"\n"
		"This is the preamble.  It is to be ignored, though it\n"
		"is a handy place for composition agents to include an\n"
		"explanatory note to non-MIME conformant readers.\n"
		"\n"
		"--simple boundary\n"
		"\n"
		"This is implicitly typed plain US-ASCII text.\n"
		"It does NOT end with a linebreak.\n"
		"--simple boundary\n"
		"Content-type: text/plain; charset=us-ascii\n"
		"\n"
		"This is explicitly typed plain US-ASCII text.\n"
		"It DOES end with a linebreak.\n"
		"\n"
		"--simple boundary--\n"
		"\n"
		"This is the epilogue.  It is also to be ignored.\n",
		"((" TEXT_PLAIN "80 1 NIL NIL NIL NIL)"
		"(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7BIT\" 78 2 NIL NIL NIL "
		"NIL) "
		"\"mixed\" (\"boundary\" \"simple boundary\") NIL NIL NIL)",
		"0.0:multipart 0.1:text[~][This is implicitly typed plain US-ASCII text.~It does "
		"NOT end with a linebreak.] 0.2:text[Content-type: text/plain; "
		"charset=us-ascii~~][This is explicitly typed plain US-ASCII text.~It DOES end "
		"with a linebreak.~]" },
	{ "RFC 2046 5.1.1: the boundary is enough at the begin of a line",
		"Content-Type: multipart/mixed; boundary=b\n\n--b "
		"trailing\n\none\n--bx\n\ntwo\n--b-- \nepilogue\n",
		"((" TEXT_PLAIN "3 0 NIL NIL NIL NIL)(" TEXT_PLAIN "3 0 NIL NIL NIL NIL) "
		"\"mixed\" (\"boundary\" \"b\") NIL NIL NIL)",
		"0.0:multipart 0.1:text[~][one] 0.2:text[~][two]" },
	{ "RFC 2046 5.1.1: without end boundary",
		"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo\n",
		"((" TEXT_PLAIN "3 0 NIL NIL NIL NIL)(" TEXT_PLAIN "5 1 NIL NIL NIL NIL) "
		"\"mixed\" (\"boundary\" \"b\") NIL NIL NIL)",
		"0.0:multipart 0.1:text[~][one] 0.2:text[~][two~]" },
	{ "end boundary without line end",
		"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--",
		"((" TEXT_PLAIN "3 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)",
		"0.0:multipart 0.1:text[~][one]" },
	{ "empty parts",
		"Content-Type: multipart/mixed; "
		"boundary=b\n\n--b\n--b\n\n--b\n\n\n--b\nContent-Type: image/png\n--b--\n",
		"((" TEXT_PLAIN "0 0 NIL NIL NIL NIL)(" TEXT_PLAIN "0 0 NIL NIL NIL NIL)"
		"(" TEXT_PLAIN
		"0 0 NIL NIL NIL NIL)(\"image\" \"png\" NIL NIL NIL \"7BIT\" 0 NIL NIL NIL NIL) "
		"\"mixed\" (\"boundary\" \"b\") NIL NIL NIL)",
		"0.0:multipart 0.1:text[][] 0.2:text[~][] 0.3:text[~][] 0.4:leaf[Content-Type: "
		"image/png~][]" },
	{ "after the end boundary there are no parts",
		"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n--b\n\ntwo\n",
		"((" TEXT_PLAIN "3 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)",
		"0.0:multipart 0.1:text[~][one]" },
	{ "no delimiter at all", "Content-Type: multipart/mixed; boundary=b\n\nHello\n",
		"(" TEXT_PLAIN "7 1 NIL NIL NIL NIL)", "0.0:text[Hello~]" },
	{ "no boundary", "Content-Type: multipart/mixed\n\n--\n\nHello\n",
		"(" TEXT_PLAIN "13 3 NIL NIL NIL NIL)", "0.0:text[--~~Hello~]" },
	{ "empty boundary", "Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\nHello\n",
		"(" TEXT_PLAIN "13 3 NIL NIL NIL NIL)", "0.0:text[--~~Hello~]" },
	{ "unquoted boundary with specials",
		"Content-Type: multipart/mixed; "
		"boundary=----=_Part?1\n\n------=_Part?1\n\none\n------=_Part?1--\n",
		"((" TEXT_PLAIN
		"3 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"----=_Part?1\") NIL NIL NIL)",
		"0.0:multipart 0.1:text[~][one]" },
	{ "a boundary in the form of RFC 2231",
		"Content-Type: multipart/mixed; boundary*0*=us-ascii''a%20; boundary*1=b\n\n--a b\n\none\n"
		"--a b--\n",
		"((" TEXT_PLAIN "3 0 NIL NIL NIL NIL) "
		"\"mixed\" (\"boundary*0*\" \"us-ascii''a%20\" \"boundary*1\" \"b\") NIL NIL NIL)",
		"0.0:multipart 0.1:text[~][one]" },
	{ "two hyphens are no delimiter",
		"Content-Type: multipart/mixed; boundary=b\n\n--b\n\n-- \nsignature\n--c\n--b--\n",
		"((" TEXT_PLAIN "19 2 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)",
		"0.0:multipart 0.1:text[~][-- ~signature~--c]" },
	{ "a boundary that begins another (inner longer)",
		"Content-Type: multipart/mixed; boundary=b\n\n--b\n"
		"Content-Type: multipart/alternative; "
		"boundary=bb\n\n--bb\n\none\n--bb\n\ntwo\n--bb--\n\n--b\n\nthree\n--b--\n",
		"(((" TEXT_PLAIN "3 0 NIL NIL NIL NIL)(" TEXT_PLAIN "3 0 NIL NIL NIL NIL) "
		"\"alternative\" (\"boundary\" \"bb\") NIL NIL NIL)(" TEXT_PLAIN
		"5 0 NIL NIL NIL NIL) "
		"\"mixed\" (\"boundary\" \"b\") NIL NIL NIL)",
		"0.0:multipart 0.1:multipart 1.1:text[~][one] 1.2:text[~][two] "
		"0.2:text[~][three]" },
	{ "a boundary that begins another (outer longer)",
		"Content-Type: multipart/mixed; boundary=bb\n\n--bb\n"
		"Content-Type: multipart/alternative; "
		"boundary=b\n\n--b\n\none\n--b--\n\n--bb\n\nthree\n--bb--\n",
		"(((" TEXT_PLAIN
		"3 0 NIL NIL NIL NIL) \"alternative\" (\"boundary\" \"b\") NIL NIL NIL)"
		"(" TEXT_PLAIN "5 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"bb\") NIL NIL NIL)",
		"0.0:multipart 0.1:multipart 1.1:text[~][one] 0.2:text[~][three]" },
	{ "the outer boundary ends all that is open",
		"Content-Type: multipart/mixed; boundary=a\n\n--a\n"
		"Content-Type: multipart/related; boundary=b; type=text/html\n\n--b\nContent-Type: "
		"text/html\n\nx\n"
		"--a\nContent-Type: application/octet-stream\nContent-Disposition: "
		"attachment\n\ny\n--a--\n",
		"(((\"text\" \"html\" NIL NIL NIL \"7BIT\" 1 0 NIL NIL NIL NIL) "
		"\"related\" (\"boundary\" \"b\" \"type\" \"text/html\") NIL NIL NIL)"
		"(\"application\" \"octet-stream\" NIL NIL NIL \"7BIT\" 1 NIL (\"attachment\" NIL) "
		"NIL NIL) "
		"\"mixed\" (\"boundary\" \"a\") NIL NIL NIL)",
		"0.0:multipart 0.1:multipart 1.1:text[Content-Type: text/html~~][x] "
		"0.2:leaf[Content-Type: application/octet-stream~Content-Disposition: "
		"attachment~~][y]" },
	{ "one boundary for both",
		"Content-Type: multipart/mixed; boundary=b\n\n--b\n"
		"Content-Type: multipart/mixed; "
		"boundary=b\n\n--b\n\none\n--b--\n--b\n\ntwo\n--b--\n",
		"(((" TEXT_PLAIN "3 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)"
		"(" TEXT_PLAIN "3 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)",
		"0.0:multipart 0.1:multipart 1.1:text[~][one] 0.2:text[~][two]" },
	{ "a message in a message",
		"Content-Type: message/rfc822\n\nSubject: inner\nFrom: a@b\n\nHello\n",
		"(\"message\" \"rfc822\" NIL NIL NIL \"7BIT\" 36 "
		"(NIL \"inner\" ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" "
		"\"b\")) NIL NIL NIL NIL NIL) "
		"(" TEXT_PLAIN "7 1 NIL NIL NIL NIL) 4 NIL NIL NIL NIL)",
		"0.0:message 0.1:text[Subject: inner~From: a@b~~][Hello~]" },
	{ "a forwarded multipart",
		"Content-Type: multipart/mixed; boundary=o\n\n--o\n\ntext\n--o\n"
		"Content-Type: message/rfc822\nContent-Disposition: attachment; filename=x.eml\n\n"
		"Subject: inner\nContent-Type: multipart/alternative; boundary=i\n\n"
		"--i\n\nplain\n--i\nContent-Type: text/html\n\n<p>\n--i--\n--o--\n",
		"((" TEXT_PLAIN "4 0 NIL NIL NIL NIL)"
		"(\"message\" \"rfc822\" NIL NIL NIL \"7BIT\" 123 "
		"(NIL \"inner\" NIL NIL NIL NIL NIL NIL NIL NIL) "
		"((" TEXT_PLAIN
		"5 0 NIL NIL NIL NIL)(\"text\" \"html\" NIL NIL NIL \"7BIT\" 3 0 NIL NIL NIL NIL) "
		"\"alternative\" (\"boundary\" \"i\") NIL NIL NIL) 10 NIL (\"attachment\" "
		"(\"filename\" \"x.eml\")) NIL NIL) "
		"\"mixed\" (\"boundary\" \"o\") NIL NIL NIL)",
		"0.0:multipart 0.1:text[~][text] 0.2:message 2.1:multipart 3.1:text[~][plain] "
		"3.2:text[Content-Type: text/html~~][<p>]" },
	{ "RFC 2046 5.2.1: an encoded message is only octets",
		"Content-Type: message/rfc822; name=x.eml\nContent-Transfer-Encoding: "
		"base64\n\nU3ViamVjdDogeAo=\n",
		"(\"APPLICATION\" \"OCTET-STREAM\" (\"name\" \"x.eml\") NIL NIL \"BASE64\" 18 NIL "
		"NIL NIL NIL)",
		"0.0:leaf=base64[U3ViamVjdDogeAo=~]" },
	{ "RFC 2046 5.1.5: a digest",
		"Content-Type: multipart/digest; boundary=d\n\n--d\n\nSubject: "
		"one\n\n1\n--d\n\nSubject: two\n\n2\n"
		"--d\nContent-Type: text/plain\n\n3\n--d--\n",
		"((\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 17 (NIL \"one\" NIL NIL NIL NIL NIL "
		"NIL NIL NIL) "
		"(" TEXT_PLAIN "1 0 NIL NIL NIL NIL) 2 NIL NIL NIL NIL)"
		"(\"MESSAGE\" \"RFC822\" NIL NIL NIL \"7BIT\" 17 (NIL \"two\" NIL NIL NIL NIL NIL "
		"NIL NIL NIL) "
		"(" TEXT_PLAIN "1 0 NIL NIL NIL NIL) 2 NIL NIL NIL NIL)"
		"(\"text\" \"plain\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 1 0 NIL NIL NIL "
		"NIL) "
		"\"digest\" (\"boundary\" \"d\") NIL NIL NIL)",
		"0.0:multipart 0.1:message 1.1:text[Subject: one~~][1] 0.2:message "
		"3.1:text[Subject: two~~][2] 0.3:text[Content-Type: text/plain~~][3]" },
	{ "a message that a delimiter cuts in its header",
		"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: "
		"message/rfc822\n\nSubject: x\n--b\n"
		"Content-Type: message/rfc822\n--b--\n",
		"((\"message\" \"rfc822\" NIL NIL NIL \"7BIT\" 10 (NIL \"x\" NIL NIL NIL NIL NIL "
		"NIL NIL NIL) "
		"(" TEXT_PLAIN "0 0 NIL NIL NIL NIL) 0 NIL NIL NIL NIL)"
		"(\"message\" \"rfc822\" NIL NIL NIL \"7BIT\" 0 (NIL NIL NIL NIL NIL NIL NIL NIL "
		"NIL NIL) "
		"(" TEXT_PLAIN "0 0 NIL NIL NIL NIL) 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" "
			       "\"b\") NIL NIL NIL)",
		"0.0:multipart 0.1:message 1.1:text[Subject: x~][] 0.2:message 3.1:text[][]" },
};

static void
put_visible(struct buf *out, struct bytes in)
{
	for (size_t i = 0; i < in.len; i++) {
		if (in.ptr[i] == '\n')
			put_char(out, '~');
		else if (in.ptr[i] != '\r')
			put_char(out, in.ptr[i] < 0x80 ? in.ptr[i] : '?');
	}
}

/* "parent.number:kind" of each part, of leaves also "[header][body]" with "~" for a line end; the
   header of part 0 is what stands before its body. */
static void
put_parts(struct buf *out, const struct summary *s, struct bytes wire)
{
	static const char *const kinds[] = { "leaf", "text", "multipart", "message" };
	static const char *const encodings[] = { "", "=qp", "=base64", "=unknown" };

	for (uint32_t i = 0; i < s->part_count; i++) {
		struct summary_part part = summary_part(s, i);

		put_format(out, "%s%u.%u:%s%s", i ? " " : "", part.parent, part.number,
			kinds[part.kind], encodings[part.encoding]);
		if (part.kind != PART_LEAF && part.kind != PART_TEXT)
			continue;
		if (i) {
			put_char(out, '[');
			put_visible(out,
				bytes_sub(wire, part.header_at, part.body_at - part.header_at));
			put_char(out, ']');
		}
		put_char(out, '[');
		put_visible(out, bytes_sub(wire, part.body_at, part.body_octets));
		put_char(out, ']');
	}
}

static void
messages_have_their_structure(void **state)
{
	struct buf parts, wire;

	(void)state;
	buf_init(&parts, 65536);
	buf_init(&wire, 65536);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct parsed got;

		parse(&got, bytes_text(rows[i].message));
		assert_bytes(
			rows[i].name, got.summary.bodystructure, bytes_text(rows[i].bodystructure));
		buf_reset(&wire);
		put_wire_form(&wire, bytes_text(rows[i].message));
		assert_int_equal(got.summary.size, wire.len);
		buf_reset(&parts);
		put_parts(&parts, &got.summary, buf_bytes(&wire));
		assert_text(rows[i].name, &parts, rows[i].parts);
		parsed_done(&got);
	}
	buf_done(&wire);
	buf_done(&parts);
}

static void
assert_same(const char *name, struct bytes message, size_t cut, struct bytes want)
{
	struct message_parser *p = message_parser_new(&test_limits, BYTES_NONE);
	struct buf got;

	buf_init(&got, SUMMARY_MAX);
	message_parser_feed(p, bytes_sub(message, 0, cut));
	message_parser_feed(p, BYTES_NONE);
	message_parser_feed(p, bytes_sub(message, cut, message.len));
	message_parser_finish(p, &got);
	assert_bytes(name, buf_bytes(&got), want);
	message_parser_free(&p);
	buf_done(&got);
}

static void
every_split_and_both_forms_give_the_same(void **state)
{
	struct buf wire;

	(void)state;
	buf_init(&wire, 65536);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bytes disk = bytes_text(rows[i].message);
		struct parsed want, single;

		parse(&want, disk);
		for (size_t cut = 0; cut <= disk.len; cut++)
			assert_same(rows[i].name, disk, cut, buf_bytes(&want.octets));
		buf_reset(&wire);
		put_wire_form(&wire, disk);
		for (size_t cut = 0; cut <= wire.len; cut++)
			assert_same(rows[i].name, buf_bytes(&wire), cut, buf_bytes(&want.octets));
		parse_limited(&single, buf_bytes(&wire), 1, &test_limits);
		assert_bytes(rows[i].name, buf_bytes(&single.octets), buf_bytes(&want.octets));
		parsed_done(&single);
		parsed_done(&want);
	}
	buf_done(&wire);
}

/* BODY is BODYSTRUCTURE without its extension data: the rows where that is easily seen. */
static void
body_has_no_extension_data(void **state)
{
	struct parsed got;

	(void)state;
	parse(&got, BYTES("Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-MD5: "
			  "x\nContent-Language: en\n\nt\n--o\n"
			  "Content-Type: message/rfc822\nContent-Disposition: "
			  "attachment\n\nSubject: s\n\nx\n--o\n"
			  "Content-Type: image/png\nContent-ID: <i@x>\n\ny\n--o--\n"));
	assert_bytes("body", got.summary.body,
		BYTES("((" TEXT_PLAIN "1 0)"
		      "(\"message\" \"rfc822\" NIL NIL NIL \"7BIT\" 15 (NIL \"s\" NIL NIL NIL NIL "
		      "NIL NIL NIL NIL) "
		      "(" TEXT_PLAIN "1 0) 2)"
		      "(\"image\" \"png\" NIL \"<i@x>\" NIL \"7BIT\" 1) \"mixed\")"));
	parsed_done(&got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_have_their_structure),
		cmocka_unit_test(every_split_and_both_forms_give_the_same),
		cmocka_unit_test(body_has_no_extension_data),
	};

	return cmocka_run_group_tests_name("mime/structure", tests, NULL, NULL);
}
