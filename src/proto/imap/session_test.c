#include "proto/imap/player.h"
#include "proto/imap/session_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char message[] = "From: Bob <bob@example.com>\nTo: alice@example.com\nSubject: lunch\n\nToday?\n";

static void
assert_out(struct player *p, const char *want)
{
	struct bytes got = buf_bytes(&p->out);

	if (!bytes_equal(got, bytes_text(want))) {
		print_error("got  |%.*s|\nwant |%s|\n", BYTES_ARG(got), want);
		fail();
	}
	buf_reset(&p->out);
}

static void
a_session_reads_changes_and_leaves(void **state)
{
	struct player p;

	(void)state;
	player_init(&p, true);
	player_log_in(&p);
	player_deliver(&p, "INBOX", bytes_text(message), 0);
	player_deliver(&p, "INBOX", bytes_text(message), VIEW_SEEN);
	player_select(&p, "INBOX");
	player_send_text(&p, "a FETCH 1:* (FLAGS UID RFC822.SIZE)\r\n");
	assert_out(&p, "* 1 FETCH (UID 1 FLAGS (\\Recent) RFC822.SIZE 78)\r\n"
		"* 2 FETCH (UID 2 FLAGS (\\Seen \\Recent) RFC822.SIZE 78)\r\na OK FETCH completed\r\n");
	player_send_text(&p, "b FETCH 1 BODY[TEXT]\r\n");
	assert_out(&p, "* 1 FETCH (FLAGS (\\Seen \\Recent) BODY[TEXT] {8}\r\nToday?\r\n)\r\nb OK FETCH completed\r\n");
	player_send_text(&p, "c STORE 2 +FLAGS.SILENT (\\Deleted)\r\nd EXPUNGE\r\n");
	assert_out(&p, "c OK STORE completed\r\n* 2 EXPUNGE\r\nd OK EXPUNGE completed\r\n");
	player_send_text(&p, "e SEARCH FROM bob TEXT today\r\n");
	assert_out(&p, "* SEARCH 1\r\ne OK SEARCH completed\r\n");
	player_send_text(&p, "f IDLE\r\n");
	assert_out(&p, "+ idling\r\n");
	player_deliver(&p, "INBOX", bytes_text(message), 0);
	player_run(&p);
	assert_out(&p, "* 2 EXISTS\r\n* 2 RECENT\r\n");
	player_send_text(&p, "DONE\r\ng COPY 1:* Sent\r\nh LOGOUT\r\n");
	assert_out(&p, "f OK IDLE completed\r\ng OK [COPYUID 102 1,3 1:2] COPY completed\r\n"
		"* BYE Logging out\r\nh OK LOGOUT completed\r\n");
	assert_true(p.is_closed);
	player_done(&p);
}

/* A session with a log-in, INBOX with two messages selected. */
static void
start(struct player *p)
{
	player_init(p, true);
	player_log_in(p);
	player_deliver(p, "INBOX", bytes_text(message), 0);
	player_deliver(p, "INBOX", bytes_text(message), 0);
	player_select(p, "INBOX");
}

static void
what_came_behind_starttls_is_dropped_rfc3501_6_2_1(void **state)
{
	struct player p;
	struct imap_effect e;
	struct bytes in = BYTES("a STARTTLS\r\nb LOGIN alice@example.com wonderland\r\n");

	(void)state;
	player_init(&p, true);
	player_run(&p);
	assert_int_equal(imap_session_step(p.session, &in, &e), IMAP_OUTPUT);
	assert_int_equal(imap_session_step(p.session, &in, &e), IMAP_START_TLS);
	assert_int_equal(in.len, 0);
	assert_int_equal(imap_session_step(p.session, &in, &e), IMAP_BLOCKED);
	imap_session_tls_started(p.session);
	assert_int_equal(imap_session_step(p.session, &in, &e), IMAP_NEED_INPUT);
	assert_false(imap_session_is_logged_in(p.session));
	player_done(&p);
}

static void
an_open_question_stops_the_input(void **state)
{
	struct player p;
	struct imap_effect e;
	struct bytes in = BYTES("a CHECK\r\nb NOOP\r\n");

	(void)state;
	start(&p);
	assert_int_equal(imap_session_step(p.session, &in, &e), IMAP_ASK);
	assert_int_equal(e.ask.kind, IMAP_ASK_CHECK);
	assert_int_equal(in.len, 8);
	assert_int_equal(imap_session_step(p.session, &in, &e), IMAP_BLOCKED);
	assert_int_equal(imap_session_step(p.session, &in, &e), IMAP_BLOCKED);
	assert_int_equal(in.len, 8);
	imap_session_answer(p.session, &(struct imap_answer){ .outcome = IMAP_OK });
	player_send(&p, in);
	assert_out(&p, "a OK CHECK completed\r\nb OK NOOP completed\r\n");
	player_done(&p);
}

static void
being_shut_says_bye(void **state)
{
	struct player p;

	(void)state;
	start(&p);
	player_send_text(&p, "a IDLE\r\n");
	imap_session_shut(p.session, BYTES("Going away"));
	player_run(&p);
	assert_out(&p, "+ idling\r\n* BYE Going away\r\n");
	assert_true(p.is_closed);
	player_done(&p);
	start(&p);
	p.holds_answers = true;
	player_send_text(&p, "a CHECK\r\n");
	imap_session_shut(p.session, BYTES("Going away"));
	imap_session_answer(p.session, &(struct imap_answer){ .outcome = IMAP_OK });
	player_run(&p);
	assert_out(&p, "* BYE Going away\r\n");
	player_done(&p);
}

/* A BYE within a literal would be taken for a part of the message. */
static void
being_shut_within_a_literal_says_nothing(void **state)
{
	static char large[200000];
	struct player p;
	struct imap_effect e;
	struct bytes in = BYTES("a FETCH 3 BODY.PEEK[]\r\n");

	(void)state;
	memset(large, 'x', sizeof large);
	start(&p);
	player_deliver(&p, "INBOX", bytes_of(large, sizeof large), 0);
	player_send_text(&p, "b NOOP\r\n");
	buf_reset(&p.out);
	assert_int_equal(imap_session_step(p.session, &in, &e), IMAP_ASK);
	imap_session_answer(p.session,
		&(struct imap_answer){ .bodies = &(struct imap_body){ .uid = 3, .octets = bytes_of(large, sizeof large) },
			.body_count = 1 });
	assert_int_equal(imap_session_step(p.session, &in, &e), IMAP_OUTPUT);
	imap_session_shut(p.session, BYTES("Going away"));
	assert_int_equal(imap_session_step(p.session, &in, &e), IMAP_CLOSE);
	player_done(&p);
}

static void
a_session_that_waits_keeps_no_buffers(void **state)
{
	static const char *const lines[] = { "a FETCH 1:2 (UID BODY[])\r\n", "b SEARCH TEXT lunch\r\n", "c LIST \"\" *\r\n",
		"d IDLE\r\n" };
	struct player p;

	(void)state;
	start(&p);
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
		const struct imap_session *s = p.session;

		player_send_text(&p, lines[i]);
		assert_true(imap_session_is_idle(s));
		assert_null(s->out.ptr);
		assert_null(s->frame.octets.ptr);
		assert_null(s->text.ptr);
		assert_null(s->scratch);
		assert_null(s->command);
		assert_int_equal(arena_used(s->arena), 0);
		assert_null(s->mailbox->holes.at);
	}
	assert_true(sizeof(struct imap_session) + sizeof(struct imap_mailbox) < 1024);
	player_done(&p);
}

static void
half_a_line_in_idle_is_kept(void **state)
{
	struct player p;

	(void)state;
	start(&p);
	player_send_text(&p, "a IDLE\r\nDO");
	player_deliver(&p, "INBOX", bytes_text(message), 0);
	player_run(&p);
	player_send_text(&p, "NE\r\n");
	assert_out(&p, "+ idling\r\n* 3 EXISTS\r\n* 3 RECENT\r\na OK IDLE completed\r\n");
	player_done(&p);
}

/* RFC 3501 7.4.1 at its hardest: what is expunged while the FETCH of another client is under way. */
static void
a_view_that_is_replaced_during_fetch_changes_no_number(void **state)
{
	struct player p;
	struct imap_effect e;
	struct bytes in = BYTES("a FETCH 1:* (UID BODY.PEEK[TEXT])\r\n");

	(void)state;
	start(&p);
	player_deliver(&p, "INBOX", bytes_text(message), 0);
	player_send_text(&p, "b NOOP\r\n");
	buf_reset(&p.out);
	p.holds_answers = true;
	player_send(&p, in);
	player_expunge(&p, "INBOX", 1);
	player_compact(&p, "INBOX");
	p.holds_answers = false;
	player_answer(&p);
	assert_out(&p, "* 2 FETCH (UID 2 BODY[TEXT] {8}\r\nToday?\r\n)\r\n"
		"* 3 FETCH (UID 3 BODY[TEXT] {8}\r\nToday?\r\n)\r\n"
		"a NO [EXPUNGEISSUED] Some of the messages no longer exist\r\n");
	player_send_text(&p, "c NOOP\r\n");
	assert_out(&p, "* 1 EXPUNGE\r\nc OK NOOP completed\r\n");
	(void)e;
	player_done(&p);
}

/* Too many to be told one by one. */
static void
copies_without_uids_are_copies(void **state)
{
	struct player p;

	(void)state;
	start(&p);
	p.holds_answers = true;
	player_send_text(&p, "a COPY 1:* Sent\r\n");
	imap_session_answer(p.session, &(struct imap_answer){ .outcome = IMAP_OK });
	p.is_held = false;
	player_send_text(&p, "b MOVE 1:* Sent\r\n");
	imap_session_answer(p.session, &(struct imap_answer){ .outcome = IMAP_OK });
	player_run(&p);
	assert_out(&p, "a OK COPY completed\r\nb OK MOVE completed\r\n");
	player_done(&p);
}

/* 4,096 ranges are what one question may have: a larger STORE asks twice. */
static void
start_large_store(struct player *p)
{
	struct test_view *v;
	struct buf line;

	player_init(p, true);
	player_log_in(p);
	test_view_free(&player_folder(p, BYTES("INBOX"))->view);
	v = player_folder(p, BYTES("INBOX"))->view = test_view_new(10000, 1);
	for (uint32_t i = 0; i < 10000; i++)
		(void)test_view_add(v, BYTES("\n"), 0, 0, 0, false);
	player_select(p, "INBOX");
	buf_init(&line, 1U << 20);
	put_text(&line, "a STORE 1");
	for (uint32_t i = 3; i < 10000; i += 2)
		put_format(&line, ",%u", i);
	put_text(&line, " +FLAGS.SILENT (\\Seen)\r\n");
	p->holds_answers = true;
	player_send(p, buf_bytes(&line));
	buf_done(&line);
}

static void
a_set_of_many_ranges_is_stored_in_chunks(void **state)
{
	struct player p;

	(void)state;
	start_large_store(&p);
	player_answer(&p);
	player_answer(&p);
	assert_out(&p, "a OK STORE completed\r\n");
	assert_int_equal(p.selected->view->head->unseen, 5000);
	assert_true(bytes_starts(buf_bytes(&p.asks), BYTES("set-flags 1:1 3:3 ")));
	assert_true(bytes_find(buf_bytes(&p.asks), BYTES(" 8191:8191\nset-flags 8193:8193 ")) < p.asks.len);
	player_done(&p);
}

static void
a_store_that_is_refused_half_way_tells_what_it_changed(void **state)
{
	static const char first[] = "* 1 FETCH (FLAGS (\\Seen \\Recent))\r\n* 3 FETCH (", last[] =
		"* 8191 FETCH (FLAGS (\\Seen \\Recent))\r\na NO [UNAVAILABLE] Not possible right now, try again later\r\n";
	struct player p;

	(void)state;
	start_large_store(&p);
	player_answer(&p);
	p.has_outcome = true;
	p.outcome_of = IMAP_ASK_SET_FLAGS;
	p.outcome = IMAP_LATER;
	player_answer(&p);
	assert_true(bytes_starts(buf_bytes(&p.out), bytes_text(first)));
	assert_int_equal(bytes_find(buf_bytes(&p.out), bytes_text(last)), p.out.len - strlen(last));
	player_done(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_reads_changes_and_leaves),
		cmocka_unit_test(what_came_behind_starttls_is_dropped_rfc3501_6_2_1),
		cmocka_unit_test(an_open_question_stops_the_input),
		cmocka_unit_test(being_shut_says_bye),
		cmocka_unit_test(being_shut_within_a_literal_says_nothing),
		cmocka_unit_test(a_session_that_waits_keeps_no_buffers),
		cmocka_unit_test(half_a_line_in_idle_is_kept),
		cmocka_unit_test(a_view_that_is_replaced_during_fetch_changes_no_number),
		cmocka_unit_test(copies_without_uids_are_copies),
		cmocka_unit_test(a_set_of_many_ranges_is_stored_in_chunks),
		cmocka_unit_test(a_store_that_is_refused_half_way_tells_what_it_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
