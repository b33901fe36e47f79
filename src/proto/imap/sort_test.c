#include "proto/imap/order.h"
#include "proto/imap/player.h"
#include "proto/imap/test_rows.h"

#include <time.h>

static const struct {
	const char *octets;
	int64_t date_s;
	bool has_summary;
} messages[] = {
	/* 1 */
	{ "From: Zoe <bravo@x>\nTo: yankee@x, alpha@x\nCc: m@x\nSubject: Re: beta\nDate: Mon, 14 Feb 1994 12:00:00 +0000\n"
	  "Message-ID: <1@x>\n\nlonger than the others are\n", 5000, true },
	/* 2: the same moment as 1, in another zone */
	{ "From: \"ALPHA\"@x\nTo: Zulu@x\nSubject: [list] Alpha\nDate: Mon, 14 Feb 1994 14:00:00 +0200\n"
	  "Message-ID: <2@x>\nReferences: <1@x>\n\n2\n", 3000, true },
	/* 3: no Date: but an internal date; no To:, from outsiders */
	{ "From: charlie@x\nSubject: =?utf-8?q?=C3=84pfel?=\nMessage-ID: <3@x>\nIn-Reply-To: <2@x>\n\n3333\n", 4000, false },
	/* 4 */
	{ "From: Team: bravo@y;\nTo: yankee@z\nCc: a@x\nSubject: beta (fwd)\nDate: Sun, 13 Feb 1994 23:00:00 -0500\n"
	  "Message-ID: <4@x>\n\n444\n", 1000, true },
	/* 5: nothing at all */
	{ "\n5\n", 2000, true },
};

static void
start(struct player *p)
{
	player_init(p, true);
	player_run(p);
	player_log_in(p);
	for (size_t i = 0; i < COUNT_OF(messages); i++)
		(void)test_view_add(player_folder(p, BYTES("INBOX"))->view, bytes_text(messages[i].octets), 0, 0,
			messages[i].date_s, messages[i].has_summary);
	player_select(p, "INBOX");
}

struct row {
	const char *command, *want;
};

static void
check(const struct row *rows, size_t count)
{
	struct player p;

	start(&p);
	for (size_t i = 0; i < count; i++) {
		buf_reset(&p.out);
		player_send_text(&p, "a ");
		player_send_text(&p, rows[i].command);
		player_send_text(&p, "\r\n");
		assert_octets(rows[i].command, buf_bytes(&p.out), bytes_text(rows[i].want));
	}
	player_done(&p);
}

#define SORTED(numbers) "* SORT" numbers "\r\na OK SORT completed\r\n"
#define THREADED(threads) "* THREAD" threads "\r\na OK THREAD completed\r\n"

static void
sort_key_every_alternative_rfc5256_3(void **state)
{
	static const struct row rows[] = {
		{ "SORT (ARRIVAL) UTF-8 ALL", SORTED(" 4 5 2 3 1") },
		{ "SORT (REVERSE ARRIVAL) UTF-8 ALL", SORTED(" 1 3 2 5 4") },
		/* 3 and 5 have an internal date of 1970. */
		{ "SORT (DATE) US-ASCII ALL", SORTED(" 5 3 4 1 2") },
		{ "SORT (SIZE) UTF-8 1,4:5", SORTED(" 5 4 1") },
		{ "SORT (SUBJECT) UTF-8 ALL", SORTED(" 5 2 3 1 4") },
		{ "SORT (REVERSE SUBJECT) UTF-8 ALL", SORTED(" 1 4 3 2 5") },
		{ "SORT (FROM) UTF-8 ALL", SORTED(" 5 2 1 3 4") },
		{ "SORT (TO) UTF-8 ALL", SORTED(" 3 5 1 4 2") },
		{ "SORT (CC) UTF-8 ALL", SORTED(" 2 3 5 4 1") },
		{ "sort (to reverse date) \"utf-8\" all", SORTED(" 3 5 1 4 2") },
		{ "SORT (CC REVERSE ARRIVAL) UTF-8 ALL", SORTED(" 3 2 5 4 1") },
		{ "UID SORT (DATE) UTF-8 UID 1:3", SORTED(" 3 1 2") },
		{ "SORT (DATE) UTF-8 SUBJECT nothing", SORTED("") },
		{ "SORT (DATE) UTF-8 OR TEXT 3333 TEXT 444", SORTED(" 3 4") },
	};

	(void)state;
	check(rows, COUNT_OF(rows));
}

static void
thread_every_alternative_rfc5256_3(void **state)
{
	static const struct row rows[] = {
		{ "THREAD ORDEREDSUBJECT UTF-8 ALL", THREADED(" (5)(3)(4 1)(2)") },
		{ "THREAD REFERENCES UTF-8 ALL", THREADED(" (5)((4)(1 2 3))") },
		{ "thread references us-ascii 1:3", THREADED(" (1 2 3)") },
		{ "UID THREAD REFERENCES UTF-8 2:3", THREADED(" (2 3)") },
		{ "THREAD REFERENCES UTF-8 SUBJECT nothing", THREADED("") },
	};

	(void)state;
	check(rows, COUNT_OF(rows));
}

static void
what_is_neither_sort_nor_thread_is_refused(void **state)
{
	static const char *const bad[] = { "SORT", "SORT DATE UTF-8 ALL", "SORT () UTF-8 ALL", "SORT (DATE) UTF-8",
		"SORT (DATE) ALL", "SORT (REVERSE) UTF-8 ALL", "SORT (REVERSE REVERSE DATE) UTF-8 ALL", "SORT (DATE ) UTF-8 ALL",
		"SORT (UID) UTF-8 ALL", "SORT (DATE SIZE UTF-8 ALL", "SORT (DATE)UTF-8 ALL", "SORT (DATE) UTF-8 FOO",
		"SORT (DATE DATE DATE DATE DATE DATE DATE DATE DATE DATE DATE DATE DATE DATE DATE DATE DATE) UTF-8 ALL",
		"THREAD", "THREAD REFERENCES", "THREAD REFERENCES UTF-8", "THREAD REFS UTF-8 ALL", "THREAD (REFERENCES) UTF-8 ALL",
		"SORT (DATE) UTF-8 99" };
	static const struct row rows[] = {
		{ "SORT (DATE) KOI8-R ALL", "a NO [BADCHARSET (US-ASCII UTF-8)] Not a charset that can be searched in\r\n" },
		{ "THREAD REFERENCES KOI8-R ALL", "a NO [BADCHARSET (US-ASCII UTF-8)] Not a charset that can be searched in\r\n" },
	};
	struct player p;

	(void)state;
	check(rows, COUNT_OF(rows));
	start(&p);
	p.settings.limits.errors_max = 1000;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		buf_reset(&p.out);
		player_send_text(&p, "a ");
		player_send_text(&p, bad[i]);
		player_send_text(&p, "\r\n");
		if (!bytes_starts(buf_bytes(&p.out), BYTES("a BAD ")))
			fail_msg("%s", bad[i]);
	}
	player_done(&p);
}

/* Of the messages whose summary there is none is asked for. */
static void
the_view_and_the_summaries_are_enough(void **state)
{
	struct player p;

	(void)state;
	start(&p);
	player_send_text(&p, "a SORT (SUBJECT FROM SIZE) UTF-8 1,2,4,5\r\nb THREAD REFERENCES UTF-8 1,2,4,5\r\n"
			     "c SORT (ARRIVAL) UTF-8 ALL\r\n");
	assert_octets("asked", buf_bytes(&p.asks), BYTES(""));
	player_send_text(&p, "d SORT (DATE) UTF-8 ALL\r\n");
	assert_octets("asked", buf_bytes(&p.asks), BYTES("bodies 3:3\n"));
	player_done(&p);
}

static void
a_hundred_thousand_messages_are_sorted_in_turns(void **state)
{
	enum { COUNT = 100000 };
	struct player p;
	struct test_view *v;
	clock_t before;
	uint32_t steps;

	(void)state;
	player_init(&p, true);
	player_run(&p);
	player_log_in(&p);
	v = test_view_new(COUNT, 1);
	test_view_free(&player_folder(&p, BYTES("INBOX"))->view);
	player_folder(&p, BYTES("INBOX"))->view = v;
	for (int i = 0; i < COUNT; i++)
		(void)test_view_add(v, BYTES("\n"), 0, 0, (i * 7919L) % 100003, i == 0);
	player_select(&p, "INBOX");
	before = clock();
	steps = p.steps;
	player_send_text(&p, "a SORT (REVERSE ARRIVAL) UTF-8 ALL\r\n");
	assert_true(bytes_find(buf_bytes(&p.out), BYTES("\r\na OK SORT completed\r\n")) < p.out.len);
	assert_true(p.steps - steps > 50);
	/* 0.1 s here without sanitizers. */
	assert_true(clock() - before < 10 * CLOCKS_PER_SEC);
	player_done(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sort_key_every_alternative_rfc5256_3),
		cmocka_unit_test(thread_every_alternative_rfc5256_3),
		cmocka_unit_test(what_is_neither_sort_nor_thread_is_refused),
		cmocka_unit_test(the_view_and_the_summaries_are_enough),
		cmocka_unit_test(a_hundred_thousand_messages_are_sorted_in_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
