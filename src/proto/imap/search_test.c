#include "proto/imap/player.h"
#include "proto/imap/search_internal.h"
#include "proto/imap/test_rows.h"

#include <time.h>

static const struct {
	const char *octets;
	uint32_t flags;
	const char *keyword;
	int64_t date_s;
	bool has_summary;
} messages[] = {
	/* 1: 14 Feb 1994 23:00 UTC */
	{ "From: Fred Foobar <foobar@Blurdybloop.COM>\nTo: mooch@owatagu.siam.edu\nCc: carol@example.com\n"
	  "Subject: afternoon meeting\nDate: Mon, 14 Feb 1994 23:52:25 -0800\nMessage-ID: <B27397@Blurdybloop.COM>\n"
	  "X-Spam: yes\n\nHello Joe, do you think we can meet?\n",
		VIEW_SEEN | VIEW_ANSWERED, "$Work", 761266800, true },
	/* 2: 15 Feb 1994 00:00 UTC */
	{ "From: =?UTF-8?Q?J=C3=BCrgen?= <juergen@example.org>\nSubject: =?ISO-8859-1?Q?Gr=FC=DFe?=\nBcc: hidden@example.com\n"
	  "Date: Tue, 15 Feb 1994 00:10:00 +0100\nContent-Type: text/plain; charset=utf-8\n"
	  "Content-Transfer-Encoding: base64\n\nVmllbGUgR3LDvMOfZSBhdXMgS8O2bG4h\n",
		VIEW_FLAGGED, NULL, 761270400, true },
	/* 3: no Date, from outsiders: no summary */
	{ "From: x@example.net\nIn-Reply-To: <B27397@Blurdybloop.COM>\n\nouts", VIEW_DELETED | VIEW_DRAFT, NULL, 0, false },
	/* 4: a multipart with the word in the second part, encoded */
	{ "Subject: parts\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nfirst\n--b\n"
	  "Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\nneed=\nle\n--b\n"
	  "Content-Type: application/octet-stream\n\nbinary haystack\n--b--\n",
		0, NULL, 1000000000, true },
};

static void
start(struct player *p)
{
	struct test_view *v;

	player_init(p, true);
	player_run(p);
	player_log_in(p);
	v = player_folder(p, BYTES("INBOX"))->view;
	for (size_t i = 0; i < COUNT_OF(messages); i++) {
		uint64_t keyword = messages[i].keyword ? test_view_keyword(v, bytes_text(messages[i].keyword)) : 0;

		(void)test_view_add(v, bytes_text(messages[i].octets), messages[i].flags, keyword, messages[i].date_s,
			messages[i].has_summary);
		/* Of the uids 1 to 4 the first two are not recent. */
		player_folder(p, BYTES("INBOX"))->recent_from = 3;
	}
	player_select(p, "INBOX");
}

struct row {
	const char *keys, *want; /* want: NULL for BAD */
};

static void
check(const struct row *rows, size_t count)
{
	struct player p;

	start(&p);
	for (size_t i = 0; i < count; i++) {
		struct buf want;

		buf_init(&want, 1000);
		if (rows[i].want)
			put_format(&want, "* SEARCH%s\r\na OK SEARCH completed\r\n", rows[i].want);
		else
			put_text(&want, "a BAD SEARCH [CHARSET charset] key ...\r\n");
		buf_reset(&p.out);
		player_send_text(&p, "a SEARCH ");
		player_send_text(&p, rows[i].keys);
		player_send_text(&p, "\r\n");
		assert_octets(rows[i].keys, buf_bytes(&p.out), buf_bytes(&want));
		buf_done(&want);
	}
	player_done(&p);
}

static void
search_key_every_alternative(void **state)
{
	static const struct row rows[] = {
		{ "ALL", " 1 2 3 4" },
		{ "ANSWERED", " 1" },
		{ "BCC hidden", " 2" },
		{ "BEFORE 15-Feb-1994", " 1 3" },
		{ "BODY joe", " 1" },
		{ "CC CAROL", " 1" },
		{ "DELETED", " 3" },
		{ "FLAGGED", " 2" },
		{ "FROM fred", " 1" },
		{ "FROM foobar@blurdy", " 1" },
		{ "KEYWORD $work", " 1" },
		{ "KEYWORD nobody", "" },
		{ "NEW", " 3 4" },
		{ "OLD", " 1 2" },
		{ "ON 15-Feb-1994", " 2" },
		{ "RECENT", " 3 4" },
		{ "SEEN", " 1" },
		{ "SINCE 15-Feb-1994", " 2 4" },
		{ "SUBJECT meeting", " 1" },
		{ "TEXT mooch", " 1" },
		{ "TO mooch@owatagu.siam.edu", " 1" },
		{ "UNANSWERED", " 2 3 4" },
		{ "UNDELETED", " 1 2 4" },
		{ "UNFLAGGED", " 1 3 4" },
		{ "UNKEYWORD $Work", " 2 3 4" },
		{ "UNSEEN", " 2 3 4" },
		{ "DRAFT", " 3" },
		{ "HEADER X-Spam yes", " 1" },
		{ "HEADER X-Spam \"\"", " 1" },
		{ "HEADER X-Spam no", "" },
		{ "LARGER 250", " 1 2 4" },
		{ "SMALLER 100", " 3" },
		{ "NOT SEEN", " 2 3 4" },
		{ "OR SEEN FLAGGED", " 1 2" },
		{ "SENTBEFORE 15-Feb-1994", " 1" },
		{ "SENTON 15-Feb-1994", " 2" },
		{ "SENTSINCE 15-Feb-1994", " 2" },
		{ "SMALLER 0", "" },
		{ "UID 2:3", " 2 3" },
		{ "UID 400", "" },
		{ "UNDRAFT", " 1 2 4" },
		{ "2,4", " 2 4" },
		{ "*", " 4" },
		{ "(SEEN)", " 1" },
		{ "(SEEN ANSWERED)", " 1" },
		{ "SEEN FLAGGED", "" },
		{ "CHARSET US-ASCII SEEN", " 1" },
		{ "charset utf-8 seen", " 1" },
	};

	(void)state;
	check(rows, COUNT_OF(rows));
}

static void
text_is_decoded_and_folded(void **state)
{
	static const struct row rows[] = {
		{ "CHARSET UTF-8 SUBJECT \"gr\xc3\xbc\xc3\x9f\x65\"", " 2" },
		{ "CHARSET UTF-8 SUBJECT \"GR\xc3\x9cSSE\"", " 2" },
		{ "CHARSET UTF-8 FROM \"j\xc3\xbcrgen\"", " 2" },
		{ "CHARSET UTF-8 BODY \"k\xc3\x96ln\"", " 2" },
		{ "CHARSET UTF-8 TEXT {5+}\r\nK\xc3\xb6ln", " 2" },
		{ "BODY needle", " 4" },
		{ "BODY haystack", "" },
		{ "TEXT parts", " 4" },
		{ "BODY parts", "" },
		{ "HEADER message-id b27397", " 1" },
		{ "HEADER In-Reply-To b27397", " 3" },
		{ "HEADER In-Reply-To \"\"", " 3" },
		{ "FROM x@example.net", " 3" },
		{ "TEXT \"\"", " 1 2 3 4" },
		{ "SUBJECT \"\"", " 1 2 3 4" },
		{ "BODY outs", " 3" },
	};

	(void)state;
	check(rows, COUNT_OF(rows));
}

static void
keys_nest(void **state)
{
	static const struct row rows[] = {
		{ "NOT (SEEN ANSWERED)", " 2 3 4" },
		{ "NOT NOT SEEN", " 1" },
		{ "OR OR SEEN FLAGGED DELETED", " 1 2 3" },
		{ "OR (SEEN) (NOT (OR FLAGGED DELETED))", " 1 4" },
		{ "NOT BODY joe", " 2 3 4" },
		{ "OR BODY joe FLAGGED", " 1 2" },
		{ "BODY joe FLAGGED", "" },
		{ "((((((((((((((((((((((((((((((SEEN))))))))))))))))))))))))))))))", " 1" },
		{ "(((((((((((((((((((((((((((((((((SEEN)))))))))))))))))))))))))))))))))", NULL },
		{ "NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT "
		  "NOT NOT NOT NOT NOT NOT SEEN",
			NULL },
	};

	(void)state;
	check(rows, COUNT_OF(rows));
}

static void
what_is_no_search_key_is_refused(void **state)
{
	static const struct row rows[] = {
		{ "FOO", NULL }, { "SEEN FOO", NULL }, { "()", NULL }, { "(SEEN", NULL }, { "SEEN)", NULL }, { "OR SEEN", NULL },
		{ "NOT", NULL }, { "FROM", NULL }, { "HEADER x", NULL }, { "BEFORE today", NULL }, { "LARGER x", NULL },
		{ "UID x", NULL }, { "0", NULL }, { "KEYWORD (", NULL }, { "CHARSET UTF-8", NULL }, { "SEEN ", NULL },
		{ "RETURN (ALL) SEEN", NULL },
	};

	(void)state;
	check(rows, COUNT_OF(rows));
}

/* The view decides what it can; only the others are asked for. */
static void
cheap_keys_come_first(void **state)
{
	struct player p;

	(void)state;
	start(&p);
	player_send_text(&p, "a SEARCH BODY joe SEEN\r\nb SEARCH OR FLAGGED TEXT joe\r\nc SEARCH 2:3 SENTON 15-Feb-1994\r\n");
	assert_octets("asked", buf_bytes(&p.asks), BYTES("bodies 1:1\nbodies 1:1 3:4\nbodies 3:3\n"));
	player_done(&p);
}

static void
a_long_search_gives_others_their_turn(void **state)
{
	struct player p;
	struct bytes in = BYTES("a SEARCH OR OR OR OR SEEN DRAFT DELETED FLAGGED ANSWERED\r\n");
	struct imap_effect e;
	int again = 0;

	(void)state;
	player_init(&p, true);
	player_run(&p);
	player_log_in(&p);
	test_view_free(&player_folder(&p, BYTES("INBOX"))->view);
	player_folder(&p, BYTES("INBOX"))->view = test_view_new(10000, 1);
	for (int i = 0; i < 10000; i++)
		(void)test_view_add(player_folder(&p, BYTES("INBOX"))->view, BYTES("\n"), 0, 0, 0, i % 1000 == 0);
	player_select(&p, "INBOX");
	while (imap_session_step(p.session, &in, &e) != IMAP_NEED_INPUT)
		again += e.kind == IMAP_AGAIN;
	assert_true(again > 2);
	player_done(&p);
}

static void
what_an_answer_leaves_out_is_asked_for_once_more(void **state)
{
	struct player p;

	(void)state;
	start(&p);
	p.bodies_max = 1;
	player_send_text(&p, "a SEARCH 1:2,4 TEXT e\r\n");
	assert_octets("asked", buf_bytes(&p.asks), BYTES("bodies 1:2 4:4\nbodies 2:2 4:4\nbodies 4:4\n"));
	assert_octets("found", buf_bytes(&p.out), BYTES("* SEARCH 1 2 4\r\na OK SEARCH completed\r\n"));
	player_done(&p);
}

static void
put_times(struct buf *out, const char *text, int times)
{
	for (int i = 0; i < times; i++)
		put_text(out, text);
}

static void
a_command_full_of_keys_is_taken_at_once(void **state)
{
	struct arena *arena = arena_new("search", IMAP_COMMAND_ARENA_MAX, ARENA_PLAIN);
	struct imap_search search = { 0 };
	struct buf text;
	struct bytes in;
	clock_t before = clock();

	(void)state;
	buf_init(&text, 1U << 20);
	put_times(&text, " OLD", 70000);
	in = buf_bytes(&text);
	assert_true(take_imap_search(&in, arena, &search));
	assert_int_equal(in.len, 0);
	/* Milliseconds; minutes when each key is led past those before it. */
	assert_true(clock() - before < 5 * CLOCKS_PER_SEC);
	buf_done(&text);
	arena_free(&arena);
}

static void
a_message_that_many_keys_look_at_is_looked_at_in_many_turns(void **state)
{
	struct player p;
	struct buf octets;
	uint32_t steps;

	(void)state;
	player_init(&p, true);
	player_run(&p);
	player_log_in(&p);
	buf_init(&octets, 1U << 20);
	put_times(&octets, "X: y\n", 60000);
	put_text(&octets, "\nbody\n");
	(void)test_view_add(player_folder(&p, BYTES("INBOX"))->view, buf_bytes(&octets), 0, 0, 0, true);
	player_select(&p, "INBOX");
	buf_reset(&octets);
	put_text(&octets, "a SEARCH");
	put_times(&octets, " NOT HEADER z q", 1000);
	put_times(&octets, " ALL", 3000);
	put_text(&octets, " FROM nobody\r\nb SEARCH");
	put_times(&octets, " NOT HEADER z q", 1000);
	put_times(&octets, " ALL", 3000);
	put_text(&octets, "\r\n");
	steps = p.steps;
	player_send(&p, buf_bytes(&octets));
	assert_octets("found", buf_bytes(&p.out),
		BYTES("* SEARCH\r\na OK SEARCH completed\r\n* SEARCH 1\r\nb OK SEARCH completed\r\n"));
	/* 1000 times a quarter of a MiB, 2 MiB in a turn. */
	assert_true(p.steps - steps > 100);
	buf_done(&octets);
	player_done(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(search_key_every_alternative),
		cmocka_unit_test(text_is_decoded_and_folded),
		cmocka_unit_test(keys_nest),
		cmocka_unit_test(what_is_no_search_key_is_refused),
		cmocka_unit_test(cheap_keys_come_first),
		cmocka_unit_test(a_long_search_gives_others_their_turn),
		cmocka_unit_test(what_an_answer_leaves_out_is_asked_for_once_more),
		cmocka_unit_test(a_command_full_of_keys_is_taken_at_once),
		cmocka_unit_test(a_message_that_many_keys_look_at_is_looked_at_in_many_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
