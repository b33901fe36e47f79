#include "proto/mime/test_downgrade.h"

#include "proto/rfc5322/test_rows.h"

#define E "\xc3\xa9"
#define TEN E E E E E E E E E E

struct row {
	const char *name, *input, *want; /* want NULL: it can't be done */
};

static void
check_rows_to(enum downgrade_to to, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct bytes in = bytes_text(rows[i].input);

		for (size_t piece = 1; piece <= in.len + 1; piece++) {
			uint64_t more;
			struct buf out;

			buf_init(&out, 100000);
			if (downgrade(to, in, piece, &more, &out) != (rows[i].want != NULL))
				fail_msg("%s: piece %zu", rows[i].name, piece);
			if (rows[i].want) {
				assert_text(rows[i].name, &out, rows[i].want);
				/* In wire form both have as many CRs as LFs: those that are new are counted. */
				assert_true(to == DOWNGRADE_TO_SHORT_LINES || out.len <= in.len + more);
			}
			buf_done(&out);
		}
	}
}

#define CHECK(rows) check_rows_to(DOWNGRADE_TO_7BIT, rows, sizeof rows / sizeof *rows)

static void
rfc6152_3_a_part_with_8_bit_octets_is_encoded(void **state)
{
	static const struct row rows[] = {
		{ "text", "Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nCaf" E " = noir \n",
			"Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
			"Caf=C3=A9 =3D noir=20\n" },
		{ "no line end at the end", "MIME-Version: 1.0\nContent-Type: text/plain\n\nCaf" E,
			"MIME-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\nCaf=C3=A9" },
		{ "mostly beyond ASCII", "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n" TEN "\n",
			"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n"
			"w6nDqcOpw6nDqcOpw6nDqcOpw6kNCg==\n" },
		{ "no text", "MIME-Version: 1.0\nContent-Type: application/x; a=b\nContent-Transfer-Encoding: binary\n\nx" E "y\n",
			"MIME-Version: 1.0\nContent-Type: application/x; a=b\nContent-Transfer-Encoding: base64\n\neMOpeQ0K\n" },
		{ "it says 7bit, and lies", "MIME-Version: 1.0\nContent-Type: text/plain\ncontent-transfer-encoding : 7bit\n\nCaf" E "\n",
			"MIME-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\nCaf=C3=A9\n" },
		{ "the field is folded, and there twice",
			"MIME-Version: 1.0\nContent-Transfer-Encoding:\n 8bit\nContent-Type:\n\ttext/plain\nContent-Transfer-Encoding: 8bit\nX: y\n\nCaf" E "\n",
			"MIME-Version: 1.0\nContent-Type:\n\ttext/plain\nX: y\nContent-Transfer-Encoding: quoted-printable\n\nCaf=C3=A9\n" },
		/* RFC 1428 3 */
		{ "no MIME at all", "Subject: x\n\nCaf" E "\n",
			"Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=unknown-8bit\n"
			"Content-Transfer-Encoding: quoted-printable\n\nCaf=C3=A9\n" },
	};

	(void)state;
	CHECK(rows);
}

static void
rfc2046_5_1_parts_are_encoded_each_for_itself(void **state)
{
	static const struct row rows[] = {
		{ "one of two",
			"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"b=1\"\nContent-Transfer-Encoding: 8bit\n\nbefore\n"
			"--b=1\nContent-Type: text/plain\n\nas=it is\n--b=1\nContent-Type: text/plain\nContent-Transfer-Encoding: 8bit\n\nCaf" E " \n\n"
			"--b=1--\nbehind\n",
			"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"b=1\"\n\nbefore\n"
			"--b=1\nContent-Type: text/plain\n\nas=it is\n--b=1\nContent-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\n"
			"Caf=C3=A9=20\n\n--b=1--\nbehind\n" },
		{ "without a header, in base64, the line end before a delimiter is the delimiter's",
			"Content-Type: multipart/mixed; boundary=b\n\n--b\n\n" TEN "\n--b--\n",
			"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; charset=unknown-8bit\n"
			"Content-Transfer-Encoding: base64\n\nw6nDqcOpw6nDqcOpw6nDqcOpw6k=\n--b--\n" },
		{ "within each other",
			"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=bb\nContent-Transfer-Encoding: 8bit\n\n"
			"--bb\n\nCaf" E "\n--bb\nContent-Type: text/html\n\n<p>x\n--b\n\nx\n--b--\n",
			"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=bb\n\n"
			"--bb\nContent-Type: text/plain; charset=unknown-8bit\nContent-Transfer-Encoding: quoted-printable\n\nCaf=C3=A9\n"
			"--bb\nContent-Type: text/html\n\n<p>x\n--b\n\nx\n--b--\n" },
		{ "a message in it",
			"Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: y\nContent-Transfer-Encoding: 8bit\n\nCaf" E "\n"
			"--b\nContent-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\nSubject: z\n\nx\n--b--\n",
			"Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: y\nMIME-Version: 1.0\n"
			"Content-Type: text/plain; charset=unknown-8bit\nContent-Transfer-Encoding: quoted-printable\n\nCaf=C3=A9\n"
			"--b\nContent-Type: message/rfc822\n\nSubject: z\n\nx\n--b--\n" },
		{ "message/global is encoded as a whole (RFC 6532 3.7)",
			"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/global\n\nSubject: " E "\n\nx\n--b--\n",
			"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/global\nContent-Transfer-Encoding: base64\n\n"
			"U3ViamVjdDogw6kNCg0KeA==\n--b--\n" },
		{ "a part that ends in its header",
			"Content-Type: multipart/mixed; boundary=b\n\n--b\nX: y\n--b\n\nCaf" E " noir\n--b--\n",
			"Content-Type: multipart/mixed; boundary=b\n\n--b\nX: y\n--b\nContent-Type: text/plain; charset=unknown-8bit\n"
			"Content-Transfer-Encoding: quoted-printable\n\nCaf=C3=A9 noir\n--b--\n" },
		{ "7-bit parts are untouched",
			"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Transfer-Encoding: quoted-printable\n\n=C3 \n--b--\n\n",
			"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Transfer-Encoding: quoted-printable\n\n=C3 \n--b--\n\n" },
		{ "signed beside", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/signed; boundary=s\n\n"
			"--s\nContent-Transfer-Encoding: 8bit\n\nx \n--s\n\nsig\n--s--\n--b\n\nCaf" E "\n--b--\n",
			"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/signed; boundary=s\n\n"
			"--s\nContent-Transfer-Encoding: 8bit\n\nx \n--s\n\nsig\n--s--\n--b\nContent-Type: text/plain; charset=unknown-8bit\n"
			"Content-Transfer-Encoding: quoted-printable\n\nCaf=C3=A9\n--b--\n" },
	};

	(void)state;
	CHECK(rows);
}

static void
what_must_not_be_changed_cannot_be_converted(void **state)
{
	static const struct row rows[] = {
		{ "a header that is not ASCII", "Subject: " E "\n\nx\n", NULL },
		{ "a part's header", "Content-Type: multipart/mixed; boundary=b\n\n--b\nX: " E "\n\nx\n--b--\n", NULL },
		{ "before the parts", "Content-Type: multipart/mixed; boundary=b\n\n" E "\n--b\n\nx\n--b--\n", NULL },
		{ "behind them", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n" E "\n", NULL },
		/* RFC 1847 2.1, 2.2 */
		{ "signed", "Content-Type: multipart/signed; boundary=s\n\n--s\nContent-Transfer-Encoding: 8bit\n\n" E "\n--s\n\nsig\n--s--\n", NULL },
		{ "a multipart that is signed", "Content-Type: multipart/signed; boundary=s\n\n--s\nContent-Type: multipart/mixed; boundary=b\n\n"
			"--b\n\n" E "\n--b--\n--s--\n", NULL },
		{ "encrypted", "Content-Type: multipart/encrypted; boundary=s\n\n--s\n\n" E "\n--s--\n", NULL },
		{ "encoded already", "Content-Transfer-Encoding: base64\n\n" E "\n", NULL },
		{ "an encoding that nobody knows", "Content-Transfer-Encoding: x-uue\n\n" E "\n", NULL },
		{ "a multipart without boundary", "Content-Type: multipart/mixed\n\n" E "\n", NULL },
		{ "a multipart that is encoded", "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n--b\n\n" E "\n--b--\n", NULL },
		/* RFC 2046 5.2.2.1, RFC 3464 2.1 */
		{ "part of a message", "Content-Type: message/partial; id=a; number=1\n\n" E "\n", NULL },
		{ "a report", "Content-Type: message/delivery-status\n\n" E "\n", NULL },
	};

	(void)state;
	CHECK(rows);
}

static void
put_times(struct buf *out, const char *text, size_t times)
{
	while (times-- > 0)
		put_text(out, text);
}

static void
what_is_beyond_the_bounds_is_not_converted(void **state)
{
	struct buf in, out;
	uint64_t more;

	(void)state;
	buf_init(&in, 1 << 20);
	buf_init(&out, 1 << 22);
	put_text(&in, "Content-Type: multipart/mixed; boundary=b\n\n");
	put_times(&in, "--b\n\n" E "x x x x x\n", 998);
	assert_true(downgrade(DOWNGRADE_TO_7BIT, buf_bytes(&in), 100, &more, &out));
	put_times(&in, "--b\n\nx\n", 2);
	assert_false(downgrade(DOWNGRADE_TO_7BIT, buf_bytes(&in), 100, &more, &out));
	buf_reset(&in);
	for (int i = 0; i < 51; i++)
		put_format(&in, "Content-Type: multipart/mixed; boundary=b%02d\n\n--b%02d\n", i, i);
	put_text(&in, "\n" E "\n");
	assert_false(downgrade(DOWNGRADE_TO_7BIT, buf_bytes(&in), 100, &more, &out));
	buf_reset(&in);
	put_text(&in, "Content-Type: text/plain;");
	put_times(&in, " a=b;", 2000);
	put_text(&in, "\n\n" E "\n");
	assert_false(downgrade(DOWNGRADE_TO_7BIT, buf_bytes(&in), 100, &more, &out));
	buf_done(&in);
	buf_done(&out);
}

static void
a_line_of_any_length_is_encoded_in_bounded_memory(void **state)
{
	struct downgrade *d = downgrade_new(DOWNGRADE_TO_7BIT);
	struct bytes head = BYTES("Content-Type: text/plain\n\n"), piece = BYTES("caf" E " et th" E ", puis caf" E " encore; ");
	struct buf out;
	uint64_t more, put = 0;

	(void)state;
	buf_init(&out, DOWNGRADE_OUTPUT_MAX(piece.len));
	downgrade_look(d, head);
	for (int i = 0; i < 100000; i++)
		downgrade_look(d, piece);
	assert_true(downgrade_plan(d, &more));
	downgrade_rewind(d);
	downgrade_convert(d, head, &out);
	for (int i = 0; i < 100000; i++) {
		buf_reset(&out);
		downgrade_convert(d, piece, &out);
		assert_false(out.has_failed);
		put += out.len;
	}
	assert_true(put > 100000 * piece.len && put <= 100000 * piece.len + more);
	downgrade_free(&d);
	buf_done(&out);
}

#define X100 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X900 X100 X100 X100 X100 X100 X100 X100 X100 X100
#define X998 X900 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
/* What becomes of a line of 999 in quoted-printable. */
#define X75 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define Q X75 "=\n"
#define QUOTED Q Q Q Q Q Q Q Q Q Q Q Q Q "xxxxxxxxxxxxxxxxxxxxxxxx"
#define ENCODED "Content-Transfer-Encoding: quoted-printable\n\n" QUOTED "\n"

static void
rfc5321_4_5_3_1_6_a_part_with_a_long_line_is_encoded_and_a_long_line_elsewhere_is_broken(void **state)
{
	static const struct row rows[] = {
		{ "as long as it may be", "Subject: x\nContent-Transfer-Encoding: 8bit\n\n" X998 "\n" E "\n", "Subject: x\nContent-Transfer-Encoding: 8bit\n\n" X998 "\n" E "\n" },
		{ "no MIME at all", "Subject: x\n\n" X998 "x\n", "Subject: x\nMIME-Version: 1.0\n" ENCODED },
		{ "no MIME, and not ASCII", "Subject: x\n\n" X998 "x\n" E "\n", "Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=unknown-8bit\n" ENCODED "=C3=A9\n" },
		{ "what is beyond ASCII beside it stays", "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: 8bit\n\n"
			"--b\nContent-Transfer-Encoding: 8bit\n\n" E "\n--b\nContent-Transfer-Encoding: 7bit\n\n" X998 "x\n\n--b--\n",
			"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: 8bit\n\n"
			"--b\nContent-Transfer-Encoding: 8bit\n\n" E "\n--b\n" ENCODED "\n--b--\n" },
		{ "a header", "Subject: a " X900 " b " X900 "\n\nx\n", "Subject: a " X900 " b\n " X900 "\n\nx\n" },
		{ "a header without white space", "S:" X998 "\n\nx\n", "S:" X900 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
			"\n xx\n\nx\n" },
		{ "signed", "Content-Type: multipart/signed; boundary=s\n\n--s\n\n" X998 X998 "\n--s\n\nsig\n--s--\n" X998 "y",
			"Content-Type: multipart/signed; boundary=s\n\n--s\n\n" X998 "\n " X900 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
			"\n x\n--s\n\nsig\n--s--\n" X998 "\n y" },
		{ "encoded already", "Content-Transfer-Encoding: base64\n\n" X998 "y\n", "Content-Transfer-Encoding: base64\n\n" X998 "\n y\n" },
	};

	(void)state;
	check_rows_to(DOWNGRADE_TO_SHORT_LINES, rows, sizeof rows / sizeof *rows);
}

static void
what_is_beyond_the_bounds_is_broken(void **state)
{
	struct buf in, out;
	uint64_t more;

	(void)state;
	buf_init(&in, 1 << 21);
	buf_init(&out, 1 << 22);
	put_text(&in, "Content-Type: multipart/mixed; boundary=b\n\n");
	put_times(&in, "--b\n\nx\n", 1100);
	put_text(&in, "--b\n\n" X998 "x\n");
	assert_true(downgrade(DOWNGRADE_TO_SHORT_LINES, buf_bytes(&in), 100, &more, &out));
	assert_true(out.len == in.len + 2);
	buf_done(&in);
	buf_done(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc6152_3_a_part_with_8_bit_octets_is_encoded),
		cmocka_unit_test(rfc2046_5_1_parts_are_encoded_each_for_itself),
		cmocka_unit_test(what_must_not_be_changed_cannot_be_converted),
		cmocka_unit_test(what_is_beyond_the_bounds_is_not_converted),
		cmocka_unit_test(a_line_of_any_length_is_encoded_in_bounded_memory),
		cmocka_unit_test(rfc5321_4_5_3_1_6_a_part_with_a_long_line_is_encoded_and_a_long_line_elsewhere_is_broken),
		cmocka_unit_test(what_is_beyond_the_bounds_is_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
