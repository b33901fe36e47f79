#include "proto/mime/content.h"

#include "proto/rfc5322/test_rows.h"

/* "type/subtype name=value;…" */
static void
put_content(struct buf *out, struct bytes in)
{
	struct bytes type, subtype, name;
	struct buf value;

	buf_init(&value, in.len);
	if (take_content_type(&in, &type, &subtype)) {
		put_bytes(out, type);
		put_char(out, '/');
		put_bytes(out, subtype);
		put_char(out, ' ');
	}
	while (take_parameter(&in, &name, &value)) {
		put_bytes(out, name);
		put_char(out, '=');
		put_bytes(out, buf_bytes(&value));
		put_char(out, ';');
	}
	buf_done(&value);
}

static void
types_and_parameters_are_read_rfc2045_5_1(void **state)
{
	static const struct {
		const char *name, *input, *want;
	} rows[] = {
		{ "plain", "text/plain", "text/plain " },
		{ "one", "text/plain; charset=us-ascii", "text/plain charset=us-ascii;" },
		{ "RFC 2045 5.1 comment", "text/plain; charset=us-ascii (Plain text)",
			"text/plain charset=us-ascii;" },
		{ "RFC 2045 5.1 quoted", "text/plain; charset=\"us-ascii\"",
			"text/plain charset=us-ascii;" },
		{ "comments everywhere", "(a)text(b)/(c)plain(d);(e)charset(f)=(g)x(h);(i)y=z",
			"text/plain charset=x(h);y=z;" },
		{ "folded", " text/plain;\r\n\tcharset=x;\r\n format=flowed",
			"text/plain charset=x;format=flowed;" },
		{ "quoted pair", "a/b; c=\"d\\\"e;f\"", "a/b c=d\"e;f;" },
		{ "empty quoted", "a/b; c=\"\"", "a/b c=;" },
		{ "empty parameters", "a/b;;; c=d;", "a/b c=d;" },
		{ "no value", "a/b; c; d=e", "a/b d=e;" },
		{ "empty value", "a/b; c=; d=e", "a/b c=;d=e;" },
		{ "unquoted specials", "a/b; c=d=e/f:g; h=i", "a/b c=d=e/f:g;h=i;" },
		{ "junk behind the value", "a/b; c=d e; f=g", "a/b c=d;f=g;" },
		{ "no semicolon", "a/b c=d", "a/b " },
		{ "no end quote", "a/b; c=\"d; e=f", "a/b c=d; e=f;" },
		{ "RFC 2231", "a/b; c*0*=us-ascii'en'x; c*1=y", "a/b c*0*=us-ascii'en'x;c*1=y;" },
		{ "no subtype", "text; a=b", "a=b;" },
		{ "no slash", "text plain", "" },
		{ "empty", "", "" },
	};
	struct buf got;

	(void)state;
	buf_init(&got, 1000);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		buf_reset(&got);
		put_content(&got, bytes_text(rows[i].input));
		assert_text(rows[i].name, &got, rows[i].want);
	}
	buf_done(&got);
}

static void
parameters_are_found_without_regard_to_case(void **state)
{
	struct bytes in = BYTES("; a=1; Charset=two; charset=three");
	struct buf value;

	(void)state;
	buf_init(&value, 100);
	assert_true(find_parameter(in, BYTES("CHARSET"), &value));
	assert_text("the first", &value, "two");
	assert_false(find_parameter(in, BYTES("b"), &value));
	assert_text("none", &value, "");
	buf_done(&value);
}

static void
continued_and_extended_parameters_are_put_together_rfc2231_3_4(void **state)
{
	static const struct {
		const char *name, *input, *want;
	} rows[] = {
		{ "RFC 2231 3", "; URL*0=\"ftp://\";\r\n URL*1=\"cs.utk.edu/pub/moore\"",
			"ftp://cs.utk.edu/pub/moore" },
		{ "RFC 2231 4", "; url*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A",
			"This is ***fun***" },
		{ "RFC 2231 4.1",
			"; url*0*=us-ascii'en'This%20is%20even%20more%20\r\n"
			" ; url*1*=%2A%2A%2Afun%2A%2A%2A%20\r\n ; url*2=\"isn't it!\"",
			"This is even more ***fun*** isn't it!" },
		{ "any order", "; url*1=b; url*0=a", "ab" },
		{ "a gap ends it", "; url*0=a; url*2=c", "a" },
		{ "the plain one wins", "; url*0=a; url=b", "b" },
		{ "no first one", "; url*1=a", "" },
		{ "wrong escapes stay", "; url*=''%4%zz%41", "%4%zzA" },
		{ "another name", "; urls*=''x", "" },
	};
	struct buf value;

	(void)state;
	buf_init(&value, 1000);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(find_parameter(bytes_text(rows[i].input), BYTES("url"), &value),
			*rows[i].want != '\0');
		assert_text(rows[i].name, &value, rows[i].want);
	}
	buf_done(&value);
}

static void
encodings_are_known_rfc2045_6_1(void **state)
{
	(void)state;
	assert_int_equal(content_encoding(BYTES("7bit")), ENCODING_IDENTITY);
	assert_int_equal(content_encoding(BYTES("8BIT")), ENCODING_IDENTITY);
	assert_int_equal(content_encoding(BYTES("Binary")), ENCODING_IDENTITY);
	assert_int_equal(content_encoding(BYTES("Quoted-Printable")), ENCODING_QUOTED_PRINTABLE);
	assert_int_equal(content_encoding(BYTES("BASE64")), ENCODING_BASE64);
	assert_int_equal(content_encoding(BYTES("x-uuencode")), ENCODING_UNKNOWN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_and_parameters_are_read_rfc2045_5_1),
		cmocka_unit_test(parameters_are_found_without_regard_to_case),
		cmocka_unit_test(continued_and_extended_parameters_are_put_together_rfc2231_3_4),
		cmocka_unit_test(encodings_are_known_rfc2045_6_1),
	};

	return cmocka_run_group_tests_name("mime/content", tests, NULL, NULL);
}
