/* Sections of FETCH against octets that were counted by hand (RFC 3501 6.4.5). */
#include "proto/imap/fetch_internal.h"
#include "proto/imap/player.h"
#include "proto/imap/test_rows.h"

#include <stdio.h>

/* The message of RFC 3501 6.4.5's example: HEADER, 1 TEXT/PLAIN, 2 APPLICATION/OCTET-STREAM, 3 MESSAGE/RFC822 (3.1, 3.2),
   4 MULTIPART/MIXED (4.1 IMAGE/GIF, 4.2 MESSAGE/RFC822 with 4.2.1, 4.2.2 MULTIPART/ALTERNATIVE). */
static const char example[] =
	"From: a@example.com\n"
	"Subject: outer\n"
	"MIME-Version: 1.0\n"
	"Content-Type: multipart/mixed; boundary=A\n"
	"\n"
	"preamble\n"
	"--A\n"
	"Content-Type: text/plain\n"
	"\n"
	"one\n"
	"--A\n"
	"Content-Type: application/octet-stream\n"
	"\n"
	"two\n"
	"--A\n"
	"Content-Type: message/rfc822\n"
	"\n"
	"Subject: inner\n"
	"From: b@example.com\n"
	"Content-Type: multipart/mixed; boundary=B\n"
	"\n"
	"--B\n"
	"\n"
	"three one\n"
	"--B\n"
	"Content-Type: application/octet-stream\n"
	"\n"
	"three two\n"
	"--B--\n"
	"--A\n"
	"Content-Type: multipart/mixed; boundary=C\n"
	"\n"
	"--C\n"
	"Content-Type: image/gif\n"
	"\n"
	"four one\n"
	"--C\n"
	"Content-Type: message/rfc822\n"
	"\n"
	"Subject: deep\n"
	"Content-Type: multipart/mixed; boundary=D\n"
	"\n"
	"--D\n"
	"\n"
	"four two one\n"
	"--D\n"
	"Content-Type: multipart/alternative; boundary=E\n"
	"\n"
	"--E\n"
	"\n"
	"plain\n"
	"--E\n"
	"Content-Type: text/richtext\n"
	"\n"
	"rich\n"
	"--E--\n"
	"--D--\n"
	"--C--\n"
	"--A--\n"
	"epilogue\n";

static const char simple[] =
	"From: a@example.com\n"
	"Received: by x\n"
	"\tfor y\n"
	"Subject: simple\n"
	"received: by z\n"
	"\n"
	"Hello\n"
	"World";

/* A forwarded message that is not multipart, as the only content. */
static const char forwarded[] =
	"Subject: outer\n"
	"Content-Type: message/rfc822\n"
	"\n"
	"Subject: inner\n"
	"\n"
	"text\n";

struct row {
	const char *item;
	const char *want; /* as the client reads it behind the label; NULL: NIL */
};

static void
put_expected(struct buf *out, const char *label, const char *want)
{
	put_text(out, "* 1 FETCH (");
	put_text(out, label);
	if (!want) {
		put_text(out, " NIL)\r\na OK FETCH completed\r\n");
		return;
	}
	put_format(out, " {%zu}\r\n%s)\r\na OK FETCH completed\r\n", strlen(want), want);
}

/* The label is the item, without ".PEEK" and the length of a partial. */
static void
label_of(const char *item, char *label)
{
	const char *peek = strstr(item, ".PEEK"), *dot;

	strncpy(label, item, 100);
	if (peek)
		memmove(label + (peek - item), peek + 5, strlen(peek + 5) + 1);
	dot = strchr(label, '<') ? strchr(strchr(label, '<'), '.') : NULL;
	if (dot)
		memcpy(label + (dot - label), ">", 2);
}

static void
check_rows(const char *message, bool is_wire_form, const struct row *rows, size_t count)
{
	struct buf octets;

	buf_init(&octets, 10000);
	for (const char *at = message; *at; at++) {
		if (*at == '\n' && is_wire_form)
			put_char(&octets, '\r');
		put_char(&octets, (uint8_t)*at);
	}
	for (size_t i = 0; i < count; i++) {
		struct player p;
		struct buf want;
		char label[120] = "";

		player_init(&p, true);
		player_run(&p);
		player_log_in(&p);
		player_deliver(&p, "INBOX", buf_bytes(&octets), VIEW_SEEN);
		player_select(&p, "INBOX");
		player_send_text(&p, "a FETCH 1 ");
		player_send_text(&p, rows[i].item);
		player_send_text(&p, "\r\n");
		buf_init(&want, 10000);
		label_of(rows[i].item, label);
		put_expected(&want, label, rows[i].want);
		assert_octets(rows[i].item, buf_bytes(&p.out), buf_bytes(&want));
		buf_done(&want);
		player_done(&p);
	}
	buf_done(&octets);
}

static void
check(const char *message, const struct row *rows, size_t count)
{
	check_rows(message, false, rows, count);
	check_rows(message, true, rows, count);
}

static void
sections_of_rfc3501_6_4_5_example(void **state)
{
	static const struct row rows[] = {
		{ "BODY.PEEK[1]", "one" },
		{ "BODY.PEEK[1.MIME]", "Content-Type: text/plain\r\n\r\n" },
		{ "BODY.PEEK[2]", "two" },
		{ "BODY.PEEK[2.MIME]", "Content-Type: application/octet-stream\r\n\r\n" },
		{ "BODY.PEEK[3]",
			"Subject: inner\r\nFrom: b@example.com\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n"
			"--B\r\n\r\nthree one\r\n--B\r\nContent-Type: application/octet-stream\r\n\r\nthree two\r\n--B--" },
		{ "BODY.PEEK[3.MIME]", "Content-Type: message/rfc822\r\n\r\n" },
		{ "BODY.PEEK[3.HEADER]",
			"Subject: inner\r\nFrom: b@example.com\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n" },
		{ "BODY.PEEK[3.HEADER.FIELDS (FROM)]", "From: b@example.com\r\n\r\n" },
		{ "BODY.PEEK[3.HEADER.FIELDS.NOT (FROM CONTENT-TYPE)]", "Subject: inner\r\n\r\n" },
		{ "BODY.PEEK[3.TEXT]",
			"--B\r\n\r\nthree one\r\n--B\r\nContent-Type: application/octet-stream\r\n\r\nthree two\r\n--B--" },
		{ "BODY.PEEK[3.1]", "three one" },
		{ "BODY.PEEK[3.1.MIME]", "\r\n" },
		{ "BODY.PEEK[3.2]", "three two" },
		{ "BODY.PEEK[4.MIME]", "Content-Type: multipart/mixed; boundary=C\r\n\r\n" },
		{ "BODY.PEEK[4.1]", "four one" },
		{ "BODY.PEEK[4.1.MIME]", "Content-Type: image/gif\r\n\r\n" },
		{ "BODY.PEEK[4.2.MIME]", "Content-Type: message/rfc822\r\n\r\n" },
		{ "BODY.PEEK[4.2.HEADER]", "Subject: deep\r\nContent-Type: multipart/mixed; boundary=D\r\n\r\n" },
		{ "BODY.PEEK[4.2.1]", "four two one" },
		{ "BODY.PEEK[4.2.2]", "--E\r\n\r\nplain\r\n--E\r\nContent-Type: text/richtext\r\n\r\nrich\r\n--E--" },
		{ "BODY.PEEK[4.2.2.1]", "plain" },
		{ "BODY.PEEK[4.2.2.2]", "rich" },
		{ "BODY.PEEK[4.2.2.2.MIME]", "Content-Type: text/richtext\r\n\r\n" },
		{ "BODY.PEEK[4.2.2.2]<1.2>", "ic" },
		{ "BODY.PEEK[HEADER.FIELDS (SUBJECT)]", "Subject: outer\r\n\r\n" },
		{ "BODY.PEEK[5]", NULL },
		{ "BODY.PEEK[1.1]", NULL },
		{ "BODY.PEEK[1.HEADER]", NULL },
		{ "BODY.PEEK[2.TEXT]", NULL },
		{ "BODY.PEEK[4.HEADER]", NULL },
		{ "BODY.PEEK[4.2.3]", NULL },
	};

	(void)state;
	check(example, rows, COUNT_OF(rows));
}

static void
sections_of_a_message_that_is_not_multipart(void **state)
{
	static const struct row rows[] = {
		{ "BODY.PEEK[]", "From: a@example.com\r\nReceived: by x\r\n\tfor y\r\nSubject: simple\r\nreceived: by z\r\n\r\n"
				 "Hello\r\nWorld" },
		{ "RFC822", "From: a@example.com\r\nReceived: by x\r\n\tfor y\r\nSubject: simple\r\nreceived: by z\r\n\r\n"
			    "Hello\r\nWorld" },
		{ "BODY.PEEK[HEADER]",
			"From: a@example.com\r\nReceived: by x\r\n\tfor y\r\nSubject: simple\r\nreceived: by z\r\n\r\n" },
		{ "RFC822.HEADER",
			"From: a@example.com\r\nReceived: by x\r\n\tfor y\r\nSubject: simple\r\nreceived: by z\r\n\r\n" },
		{ "BODY.PEEK[TEXT]", "Hello\r\nWorld" },
		{ "RFC822.TEXT", "Hello\r\nWorld" },
		{ "BODY.PEEK[1]", "Hello\r\nWorld" },
		{ "BODY.PEEK[1.1]", NULL },
		{ "BODY.PEEK[2]", NULL },
		{ "BODY.PEEK[HEADER.FIELDS (RECEIVED)]", "Received: by x\r\n\tfor y\r\nreceived: by z\r\n\r\n" },
		{ "BODY.PEEK[HEADER.FIELDS (nothing)]", "\r\n" },
		{ "BODY.PEEK[HEADER.FIELDS (SUBJECT From)]", "From: a@example.com\r\nSubject: simple\r\n\r\n" },
		{ "BODY.PEEK[HEADER.FIELDS.NOT (RECEIVED)]", "From: a@example.com\r\nSubject: simple\r\n\r\n" },
		{ "BODY.PEEK[HEADER.FIELDS (RECEIVED)]<14.5>", "\r\n\tfo" },
		{ "BODY.PEEK[HEADER.FIELDS (RECEIVED)]<15.40>", "\n\tfor y\r\nreceived: by z\r\n\r\n" },
		{ "BODY.PEEK[HEADER.FIELDS (RECEIVED)]<40.9>", "\r\n" },
		{ "BODY.PEEK[HEADER.FIELDS (RECEIVED)]<41.9>", "\n" },
		{ "BODY.PEEK[HEADER.FIELDS (RECEIVED)]<42.9>", "" },
		{ "BODY.PEEK[TEXT]<0.5>", "Hello" },
		{ "BODY.PEEK[TEXT]<5.1>", "\r" },
		{ "BODY.PEEK[TEXT]<6.1>", "\n" },
		{ "BODY.PEEK[TEXT]<6.100>", "\nWorld" },
		{ "BODY.PEEK[TEXT]<12.1>", "" },
		{ "BODY.PEEK[TEXT]<4294967295.4294967295>", "" },
		{ "BODY.PEEK[]<0.4>", "From" },
	};

	(void)state;
	check(simple, rows, COUNT_OF(rows));
}

static void
sections_of_a_message_that_is_a_message(void **state)
{
	static const struct row rows[] = {
		{ "BODY.PEEK[1]", "Subject: inner\r\n\r\ntext\r\n" },
		{ "BODY.PEEK[1.HEADER]", "Subject: inner\r\n\r\n" },
		{ "BODY.PEEK[1.TEXT]", "text\r\n" },
		{ "BODY.PEEK[1.1]", "text\r\n" },
		{ "BODY.PEEK[TEXT]", "Subject: inner\r\n\r\ntext\r\n" },
	};

	(void)state;
	check(forwarded, rows, COUNT_OF(rows));
}

static void
fetch_att_every_alternative(void **state)
{
	static const struct {
		const char *in;
		bool is_taken;
		unsigned int items;
		size_t sections;
		const char *label; /* of the first section */
	} rows[] = {
		{ "FAST", true, FETCH_FLAGS | FETCH_DATE | FETCH_SIZE, 0, NULL },
		{ "ALL", true, FETCH_FLAGS | FETCH_DATE | FETCH_SIZE | FETCH_ENVELOPE, 0, NULL },
		{ "full", true, FETCH_FLAGS | FETCH_DATE | FETCH_SIZE | FETCH_ENVELOPE | FETCH_BODY, 0, NULL },
		{ "(FAST)", false, 0, 0, NULL },
		{ "ENVELOPE", true, FETCH_ENVELOPE, 0, NULL },
		{ "FLAGS", true, FETCH_FLAGS, 0, NULL },
		{ "INTERNALDATE", true, FETCH_DATE, 0, NULL },
		{ "RFC822", true, 0, 1, "RFC822" },
		{ "RFC822.HEADER", true, 0, 1, "RFC822.HEADER" },
		{ "RFC822.SIZE", true, FETCH_SIZE, 0, NULL },
		{ "RFC822.TEXT", true, 0, 1, "RFC822.TEXT" },
		{ "BODY", true, FETCH_BODY, 0, NULL },
		{ "BODYSTRUCTURE", true, FETCH_STRUCTURE, 0, NULL },
		{ "UID", true, FETCH_UID, 0, NULL },
		{ "(UID FLAGS BODY)", true, FETCH_UID | FETCH_FLAGS | FETCH_BODY, 0, NULL },
		{ "body[]", true, 0, 1, "BODY[]" },
		{ "BODY.PEEK[header]", true, 0, 1, "BODY[HEADER]" },
		{ "BODY[HEADER.FIELDS (from \"to\" {2}\r\ncc)]", true, 0, 1, "BODY[HEADER.FIELDS (from to cc)]" },
		{ "BODY[HEADER.FIELDS.NOT (X)]", true, 0, 1, "BODY[HEADER.FIELDS.NOT (X)]" },
		{ "BODY[HEADER.FIELDS (\"a)b\")]", true, 0, 1, "BODY[HEADER.FIELDS (\"a)b\")]" },
		{ "BODY[TEXT]<0.1>", true, 0, 1, "BODY[TEXT]<0>" },
		{ "BODY[1.2.3]", true, 0, 1, "BODY[1.2.3]" },
		{ "BODY[1.2.MIME]", true, 0, 1, "BODY[1.2.MIME]" },
		{ "BODY[1.HEADER.FIELDS (A)]", true, 0, 1, "BODY[1.HEADER.FIELDS (A)]" },
		{ "(BODY[1] BODY[2])", true, 0, 2, "BODY[1]" },
		{ "BODY[MIME]", false, 0, 0, NULL },
		{ "BODY[1.]", false, 0, 0, NULL },
		{ "BODY[.1]", false, 0, 0, NULL },
		{ "BODY[0]", false, 0, 0, NULL },
		{ "BODY[1.0]", false, 0, 0, NULL },
		{ "BODY[1", false, 0, 0, NULL },
		{ "BODY[TEXT", false, 0, 0, NULL },
		{ "BODY[FOO]", false, 0, 0, NULL },
		{ "BODY[HEADER.FIELDS ()]", false, 0, 0, NULL },
		{ "BODY[HEADER.FIELDS]", false, 0, 0, NULL },
		{ "BODY[HEADER.FIELDS (A]", false, 0, 0, NULL },
		{ "BODYFOO", false, 0, 0, NULL },
		{ "FLAGS.SILENT", false, 0, 0, NULL },
		{ "()", false, 0, 0, NULL },
		{ "(FLAGS", false, 0, 0, NULL },
		{ "(FLAGS )", false, 0, 0, NULL },
		{ "", false, 0, 0, NULL },
	};
	struct arena *arena = arena_new("test", 1U << 20, ARENA_PLAIN);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bytes in = bytes_text(rows[i].in);
		struct imap_fetch_spec spec;

		if (take_imap_fetch_spec(&in, arena, &spec) != rows[i].is_taken)
			fail_msg("%s", rows[i].in);
		if (!rows[i].is_taken)
			continue;
		assert_int_equal(in.len, 0);
		assert_int_equal(spec.items, rows[i].items);
		assert_int_equal(spec.section_count, rows[i].sections);
		if (rows[i].label)
			assert_octets(rows[i].in, spec.sections[0].label, bytes_text(rows[i].label));
	}
	arena_free(&arena);
}

static void
a_partial_of_zero_octets_is_refused(void **state)
{
	struct player p;

	(void)state;
	player_init(&p, true);
	player_run(&p);
	player_log_in(&p);
	player_deliver(&p, "INBOX", bytes_text(simple), 0);
	player_select(&p, "INBOX");
	player_send_text(&p, "a FETCH 1 BODY[]<0.0>\r\n");
	assert_octets("nz-number", buf_bytes(&p.out), BYTES("a BAD FETCH set (item ...)\r\n"));
	player_done(&p);
}

/* Large enough for many pieces of output, with lines whose ends the file has as LF. */
static void
a_large_message_goes_out_in_pieces(void **state)
{
	struct player p;
	struct buf octets;
	uint64_t lines = 8000;

	(void)state;
	buf_init(&octets, 1U << 20);
	put_text(&octets, "Subject: large\n\n");
	for (uint64_t i = 0; i < lines; i++)
		put_format(&octets, "This is line %06d of a large message.\n", (int)i);
	player_init(&p, true);
	player_run(&p);
	player_log_in(&p);
	player_deliver(&p, "INBOX", buf_bytes(&octets), VIEW_SEEN);
	player_select(&p, "INBOX");
	player_send_text(&p, "a FETCH 1 (BODY[] BODY[TEXT]<39.41>)\r\n");
	assert_true(p.steps > 10);
	assert_true(bytes_starts(buf_bytes(&p.out), BYTES("* 1 FETCH (BODY[] {328018}\r\nSubject: large\r\n\r\nThis")));
	assert_true(bytes_ends_nocase(buf_bytes(&p.out),
		BYTES("\r\n BODY[TEXT]<39> {41}\r\n\r\nThis is line 000001 of a large message.)\r\na OK FETCH completed\r\n")));
	buf_done(&octets);
	player_done(&p);
}

/* A message from outsiders has neither size nor summary in the view. */
static void
what_the_view_does_not_know_is_asked_for(void **state)
{
	struct player p;

	(void)state;
	player_init(&p, true);
	player_run(&p);
	player_log_in(&p);
	player_deliver(&p, "INBOX", bytes_text(simple), 0);
	(void)test_view_add(player_folder(&p, BYTES("INBOX"))->view, bytes_text(simple), 0, 0, 0, false);
	player_select(&p, "INBOX");
	player_send_text(&p, "a FETCH 1:2 (RFC822.SIZE BODY)\r\n");
	assert_octets("fetch", buf_bytes(&p.out),
		BYTES("* 1 FETCH (RFC822.SIZE 92 BODY (\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 12 1))\r\n"
		      "* 2 FETCH (RFC822.SIZE 92 BODY (\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 12 1))\r\n"
		      "a OK FETCH completed\r\n"));
	assert_octets("asked", buf_bytes(&p.asks), BYTES("bodies 2:2\n"));
	player_done(&p);
}

static void
bodies_are_asked_for_in_batches(void **state)
{
	struct player p;

	(void)state;
	player_init(&p, true);
	player_run(&p);
	player_log_in(&p);
	for (int i = 0; i < 40; i++)
		player_deliver(&p, "INBOX", bytes_text(simple), 0);
	player_select(&p, "INBOX");
	player_send_text(&p, "a FETCH 1:* (BODY[1])\r\n");
	assert_octets("asked", buf_bytes(&p.asks),
		BYTES("bodies 1:32\nset-flags 1:32\nbodies 33:40\nset-flags 33:40\n"));
	player_done(&p);
}

static void
what_an_answer_leaves_out_is_asked_for_once_more(void **state)
{
	struct player p;

	(void)state;
	player_init(&p, true);
	player_run(&p);
	player_log_in(&p);
	for (int i = 0; i < 5; i++)
		player_deliver(&p, "INBOX", bytes_text(simple), 0);
	player_select(&p, "INBOX");
	p.bodies_max = 2;
	player_send_text(&p, "a FETCH 1:* (BODY.PEEK[1]<0.1>)\r\n");
	assert_octets("asked", buf_bytes(&p.asks), BYTES("bodies 1:5\nbodies 3:5\nbodies 5:5\n"));
	for (int i = 1; i <= 5; i++) {
		char line[32];

		(void)snprintf(line, sizeof line, "* %d FETCH (BODY[1]<0> {1}", i);
		assert_true(bytes_find(buf_bytes(&p.out), bytes_text(line)) < p.out.len);
	}
	assert_true(bytes_find(buf_bytes(&p.out), BYTES("a OK FETCH")) < p.out.len);
	player_done(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sections_of_rfc3501_6_4_5_example),
		cmocka_unit_test(sections_of_a_message_that_is_not_multipart),
		cmocka_unit_test(sections_of_a_message_that_is_a_message),
		cmocka_unit_test(fetch_att_every_alternative),
		cmocka_unit_test(a_partial_of_zero_octets_is_refused),
		cmocka_unit_test(a_large_message_goes_out_in_pieces),
		cmocka_unit_test(what_the_view_does_not_know_is_asked_for),
		cmocka_unit_test(bodies_are_asked_for_in_batches),
		cmocka_unit_test(what_an_answer_leaves_out_is_asked_for_once_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
