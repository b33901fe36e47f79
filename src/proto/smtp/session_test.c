#include "proto/smtp/player.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ID "01ARZ3NDEKTSV4RRFFQ69G5FAV"
#define GREETING "220 mx.example ESMTP Mermoz\r\n"

/* Sends the input in two pieces, cut at `cut`; the second one octet by octet when is_slow. */
static void
play_split(struct player *p, const struct smtp_settings *settings, struct bytes in, size_t cut, bool is_slow)
{
	struct bytes rest = bytes_sub(in, cut, in.len);
	size_t piece = is_slow ? 1 : in.len;

	player_start(p, settings);
	p->is_slow = is_slow;
	player_send(p, bytes_sub(in, 0, cut));
	for (; rest.len; rest = bytes_sub(rest, piece, rest.len))
		player_send(p, bytes_sub(rest, 0, piece));
}

static void
assert_text(const struct buf *b, const char *want)
{
	if (!bytes_equal(buf_bytes(b), bytes_text(want)))
		fail_msg("got:\n%.*s\nwant:\n%s", BYTES_ARG(buf_bytes(b)), want);
}

static const struct {
	const char *name, *in, *out, *effects;
} dialogs[] = {
	{ "DATA",
		"EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nS: x\r\n\r\n..\r\n...y\r\n.z\r\n.\r\nQUIT\r\n",
		GREETING
		"250-mx.example\r\n250-PIPELINING\r\n250-SIZE 1048576\r\n250-ENHANCEDSTATUSCODES\r\n"
		"250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250-DELIVERBY\r\n250-MT-PRIORITY\r\n250 CHUNKING\r\n"
		"250 2.1.0 Sender ok\r\n250 2.1.5 Recipient ok\r\n"
		"354 Send the message, end it with <CRLF>.<CRLF>\r\n250 2.0.0 Ok: stored as " ID "\r\n"
		"221 2.0.0 Bye\r\n",
		"mail <a@b>\nrecipient <c@d>\nbegin\nend S: x\r\n\r\n.\r\n..y\r\nz\r\n\nclose\n" },
	{ "BDAT", "EHLO c\r\nMAIL FROM:<a@b> SIZE=9 BODY=8BITMIME\r\nRCPT TO:<c@d>\r\n"
		"BDAT 6\r\nab\r\n\r\nBDAT 3 LAST\r\n.\r\nQUIT\r\n",
		GREETING
		"250-mx.example\r\n250-PIPELINING\r\n250-SIZE 1048576\r\n250-ENHANCEDSTATUSCODES\r\n"
		"250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250-DELIVERBY\r\n250-MT-PRIORITY\r\n250 CHUNKING\r\n"
		"250 2.1.0 Sender ok\r\n250 2.1.5 Recipient ok\r\n"
		"250 2.0.0 6 octets received\r\n250 2.0.0 Ok: stored as " ID "\r\n221 2.0.0 Bye\r\n",
		"mail <a@b> size=9 8bit\nrecipient <c@d>\nbegin\nend ab\r\n\r\n.\r\n\nclose\n" },
	{ "smuggling",
		"HELO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\n.\nMAIL FROM:<e@f>\r\n.\r\nNOOP\r\n",
		GREETING
		"250 mx.example\r\n250 2.1.0 Sender ok\r\n250 2.1.5 Recipient ok\r\n"
		"354 Send the message, end it with <CRLF>.<CRLF>\r\n"
		"550 5.5.2 Bare CR or LF in the message: every line must end with CRLF\r\n250 2.0.0 Ok\r\n",
		"mail <a@b>\nrecipient <c@d>\nbegin\nabandoned\n" },
};

static void
every_split_of_a_dialog_has_the_same_effects(void **state)
{
	struct smtp_settings settings = player_settings();

	(void)state;
	for (size_t i = 0; i < sizeof dialogs / sizeof *dialogs; i++) {
		struct bytes in = bytes_text(dialogs[i].in);

		for (size_t cut = 0; cut <= 2 * in.len; cut++) {
			struct player p;

			play_split(&p, &settings, in, cut / 2, cut % 2);
			assert_text(&p.out, dialogs[i].out);
			assert_text(&p.effects, dialogs[i].effects);
			player_done(&p);
		}
	}
}

/* ---- what comes out when */

/* Steps until the session waits, without answering: "out", "mail", …, each with a space. */
static void
assert_steps(struct smtp_session *s, struct bytes *in, const char *want)
{
	static const char *const names[] = { "input", "blocked", "out", "tls", "login", "mail", "recipient", "begin", "body",
		"end", "abandoned", "close" };
	struct smtp_effect effect;
	struct buf got;
	enum smtp_effect_kind kind;

	buf_init(&got, 1000);
	do {
		kind = smtp_session_step(s, in, &effect);
		put_text(&got, names[kind]);
		put_char(&got, ' ');
	} while (kind != SMTP_NEED_INPUT && kind != SMTP_BLOCKED && kind != SMTP_CLOSE);
	assert_text(&got, want);
	buf_done(&got);
}

static void
rfc2920_3_2_replies_go_together_and_not_later_than_the_input_ends(void **state)
{
	struct smtp_settings settings = player_settings();
	struct smtp_session *s = smtp_session_new(&settings);
	struct bytes in = BYTES("HELO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\nRSET\r\nNOOP\r\nNOO");

	(void)state;
	/* HELO must not wait; MAIL may, and does while there is more to read */
	assert_steps(s, &in, "out out mail blocked ");
	smtp_session_answer(s, SMTP_ANSWER_OK);
	assert_steps(s, &in, "recipient blocked ");
	smtp_session_answer(s, SMTP_ANSWER_OK);
	assert_steps(s, &in, "recipient blocked ");
	smtp_session_answer(s, SMTP_ANSWER_UNKNOWN);
	assert_steps(s, &in, "abandoned out input ");
	assert_true(bytes_equal(in, BYTES("NOO")));
	in = BYTES("NOOP\r\nMAIL FROM:<a@b>\r\n");
	/* NOOP must not wait */
	assert_steps(s, &in, "out mail blocked ");
	smtp_session_answer(s, SMTP_ANSWER_OK);
	assert_steps(s, &in, "out input ");
	in = BYTES("RSET\r\nMAIL FROM:<a@b>\r\n");
	/* nothing is left to read: what waits goes before the question is asked */
	assert_steps(s, &in, "abandoned out mail blocked ");
	smtp_session_free(&s);
}

static void
an_ask_stops_input_until_it_is_answered(void **state)
{
	struct smtp_settings settings = player_settings();
	struct smtp_session *s = smtp_session_new(&settings);
	struct bytes in = BYTES("HELO c\r\nMAIL FROM:<a@b>\r\nNOOP\r\n");

	(void)state;
	assert_steps(s, &in, "out out mail blocked ");
	assert_true(bytes_equal(in, BYTES("NOOP\r\n")));
	assert_steps(s, &in, "blocked ");
	assert_true(bytes_equal(in, BYTES("NOOP\r\n")));
	smtp_session_answer_login(s, SMTP_ANSWER_OK);
	assert_steps(s, &in, "blocked ");
	smtp_session_answer(s, SMTP_ANSWER_OK);
	assert_steps(s, &in, "out input ");
	/* nobody asked */
	smtp_session_answer(s, SMTP_ANSWER_OK);
	assert_steps(s, &in, "input ");
	smtp_session_free(&s);
}

static void
the_body_is_lent_from_the_input_in_long_runs(void **state)
{
	struct smtp_settings settings = player_settings();
	struct smtp_session *s = smtp_session_new(&settings);
	struct bytes in = BYTES("HELO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	struct bytes body = BYTES("one\r\ntwo\r\n..three\r\nfour\r\n.\r\n");
	struct smtp_effect effect;

	(void)state;
	assert_steps(s, &in, "out out mail blocked ");
	smtp_session_answer(s, SMTP_ANSWER_OK);
	assert_steps(s, &in, "recipient blocked ");
	smtp_session_answer(s, SMTP_ANSWER_OK);
	assert_steps(s, &in, "out begin blocked ");
	assert_false(smtp_session_is_in_body(s));
	smtp_session_answer(s, SMTP_ANSWER_OK);
	assert_steps(s, &in, "out input ");
	assert_true(smtp_session_is_in_body(s));
	in = body;
	assert_int_equal(smtp_session_step(s, &in, &effect), SMTP_BODY);
	assert_true(effect.octets.ptr == body.ptr && effect.octets.len == 10);
	assert_int_equal(smtp_session_step(s, &in, &effect), SMTP_BODY);
	assert_true(effect.octets.ptr == body.ptr + 11 && effect.octets.len == 14);
	assert_steps(s, &in, "end blocked ");
	assert_false(smtp_session_is_in_body(s));
	smtp_session_free(&s);
}

static void
what_is_put_out_may_grow_while_the_driver_looks_at_it(void **state)
{
	struct smtp_settings settings = player_settings();
	struct smtp_session *s = smtp_session_new(&settings);
	struct bytes in = BYTES_NONE;
	struct smtp_effect effect, next;

	(void)state;
	assert_int_equal(smtp_session_step(s, &in, &effect), SMTP_OUTPUT);
	smtp_session_shut(s, BYTES("so long"));
	assert_true(bytes_equal(effect.octets, BYTES(GREETING)));
	assert_int_equal(smtp_session_step(s, &in, &next), SMTP_OUTPUT);
	assert_true(bytes_equal(next.octets, BYTES("421 4.3.2 so long\r\n")));
	assert_int_equal(smtp_session_step(s, &in, &next), SMTP_CLOSE);
	assert_int_equal(smtp_session_step(s, &in, &next), SMTP_CLOSE);
	smtp_session_free(&s);
}

/* ---- what the driver asks */

static void
helo_is_kept_and_made_safe_for_a_trace_field(void **state)
{
	static const struct {
		const char *in, *helo;
		bool is_esmtp;
	} rows[] = {
		{ "NOOP\r\n", "", false },
		{ "HELO mail.example\r\n", "mail.example", false },
		{ "EHLO [IPv6:2001:db8::1]\r\n", "[IPv6:2001:db8::1]", true },
		{ "EHLO my_host\r\n", "my_host", true },
		{ "EHLO a(b)<c>;d\"e\\,\xc3\xb6@f\r\n", "a?b??c??d?e?????f", true },
		{ "EHLO one\r\nEHLO\r\n", "one", true },
		{ "EHLO one\r\nHELO two\r\n", "two", false },
	};
	struct smtp_settings settings = player_settings();

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct player p;

		player_start(&p, &settings);
		player_send(&p, bytes_text(rows[i].in));
		if (!bytes_equal(smtp_session_helo(p.session), bytes_text(rows[i].helo)))
			fail_msg("row %zu: %.*s", i, BYTES_ARG(smtp_session_helo(p.session)));
		assert_int_equal(smtp_session_is_esmtp(p.session), rows[i].is_esmtp);
		player_done(&p);
	}
}

static void
rfc3207_4_2_tls_forgets_what_was_said_before(void **state)
{
	struct smtp_settings settings = player_settings();
	struct player p;

	(void)state;
	settings.offers_tls = settings.offers_login = settings.may_login_in_clear = true;
	player_start(&p, &settings);
	player_send(&p, BYTES("EHLO c\r\nAUTH PLAIN AHUAcA==\r\n"));
	assert_true(smtp_session_is_logged_in(p.session));
	player_send(&p, BYTES("STARTTLS\r\nMAIL FROM:<a@b>\r\n"));
	assert_int_equal(p.in_len, 0);
	player_start_tls(&p);
	assert_false(smtp_session_is_logged_in(p.session));
	assert_false(smtp_session_is_esmtp(p.session));
	assert_int_equal(smtp_session_helo(p.session).len, 0);
	assert_text(&p.effects, "login PLAIN u  p\ntls\n");
	player_done(&p);
}

static void
a_mail_without_id_is_stored_too(void **state)
{
	struct smtp_settings settings = player_settings();
	struct smtp_session *s = smtp_session_new(&settings);
	struct bytes in = BYTES("HELO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 0 LAST\r\n");
	struct smtp_effect effect;

	(void)state;
	for (int i = 0; i < 4; i++) {
		while (smtp_session_step(s, &in, &effect) != SMTP_BLOCKED)
			;
		smtp_session_answer(s, SMTP_ANSWER_OK);
	}
	assert_int_equal(smtp_session_step(s, &in, &effect), SMTP_OUTPUT);
	assert_true(bytes_equal(effect.octets, BYTES("250 2.0.0 Ok: stored\r\n")));
	smtp_session_free(&s);
}

/* ---- shutting */

#define WHOLE_DIALOG "EHLO c\r\nAUTH LOGIN\r\ndQ==\r\ncA==\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\r\n.\r\n" \
	"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 3\r\nabc\r\nBDAT 0 LAST\r\nNOOP\r\nQUIT\r\n"

static void
assert_ends(const struct player *p, const char *want)
{
	struct bytes out = buf_bytes(&p->out);

	if (!bytes_ends_nocase(out, bytes_text(want)))
		fail_msg("ends with %.*s", BYTES_ARG(out));
}

static void
shut_ends_the_session_in_every_state(void **state)
{
	struct bytes in = BYTES(WHOLE_DIALOG);
	struct smtp_settings settings = player_settings();

	(void)state;
	settings.offers_login = settings.may_login_in_clear = true;
	for (size_t cut = 0; cut < in.len - 1; cut++) {
		for (size_t asks_max = 0; asks_max <= 10; asks_max++) {
			struct player p;

			player_start(&p, &settings);
			p.asks_max = asks_max;
			player_send(&p, bytes_sub(in, 0, cut));
			player_shut(&p, BYTES("mx.example is going down"));
			assert_true(p.is_closed && !p.has_mail);
			assert_ends(&p, "\r\n421 4.3.2 mx.example is going down\r\n");
			player_done(&p);
		}
	}
}

static void
shut_waits_for_the_answer_to_a_whole_message(void **state)
{
	struct smtp_settings settings = player_settings();
	struct player p;

	(void)state;
	player_start(&p, &settings);
	p.asks_max = 3;
	player_send(&p, BYTES("HELO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 1 LAST\r\nxNOOP\r\n"));
	assert_true(p.is_blocked);
	player_shut(&p, BYTES("bye"));
	assert_ends(&p, "250 2.0.0 Ok: stored as " ID "\r\n421 4.3.2 bye\r\n");
	assert_text(&p.effects, "mail <a@b>\nrecipient <c@d>\nbegin\nend x\nclose\n");
	player_done(&p);
}

static void
shut_says_nothing_into_a_tls_handshake(void **state)
{
	struct smtp_settings settings = player_settings();
	struct player p;

	(void)state;
	settings.offers_tls = true;
	player_start(&p, &settings);
	player_send(&p, BYTES("STARTTLS\r\n"));
	player_shut(&p, BYTES("bye"));
	assert_true(p.is_closed);
	assert_ends(&p, "220 2.0.0 Ready to start TLS\r\n");
	player_done(&p);
}

static void
shut_again_changes_nothing(void **state)
{
	struct smtp_settings settings = player_settings();
	struct player p;

	(void)state;
	player_start(&p, &settings);
	player_shut(&p, BYTES("one"));
	player_shut(&p, BYTES("two"));
	assert_text(&p.out, "421 4.3.2 one\r\n");
	player_done(&p);
}

/* ---- limits */

static void
rfc5321_4_5_3_1_10_recipients_beyond_the_limit_get_452(void **state)
{
	struct smtp_settings settings = player_settings();
	struct player p;
	size_t accepted = 0;

	(void)state;
	player_start(&p, &settings);
	player_send(&p, BYTES("HELO c\r\nMAIL FROM:<a@b>\r\n"));
	for (int i = 0; i < 101; i++) {
		buf_reset(&p.out);
		player_send(&p, BYTES("RCPT TO:<a-recipient-with-a-name-of-some-length@domain.example>\r\n"));
		accepted += bytes_equal(buf_bytes(&p.out), BYTES("250 2.1.5 Recipient ok\r\n"));
	}
	assert_int_equal(accepted, 100);
	assert_ends(&p, "452 4.5.3 Too many recipients, send to the rest in another transaction\r\n");
	player_done(&p);
}

static enum smtp_answer
nobody_is_known(struct player *p, const struct smtp_effect *effect)
{
	(void)p;
	return effect->kind == SMTP_ASK_RECIPIENT ? SMTP_ANSWER_UNKNOWN : SMTP_ANSWER_OK;
}

static void
recipients_that_are_refused_leave_room_for_others(void **state)
{
	struct smtp_settings settings = player_settings();
	struct player p;

	(void)state;
	settings.limits.refused_recipients_max = UINT32_MAX;
	player_start(&p, &settings);
	p.answer = nobody_is_known;
	player_send(&p, BYTES("HELO c\r\nMAIL FROM:<a@b>\r\n"));
	for (int i = 0; i < 5000; i++) {
		buf_reset(&p.out);
		player_send(&p, BYTES("RCPT TO:<\"somebody whose name is tried\"@domain.example>\r\n"));
		assert_text(&p.out, "550 5.1.1 No such mailbox here\r\n");
	}
	p.answer = NULL;
	player_send(&p, BYTES("RCPT TO:<\"somebody else\"@domain.example>\r\n"));
	assert_ends(&p, "250 2.1.5 Recipient ok\r\n");
	player_done(&p);
}

/* In words of its own. */
static enum smtp_answer
a_route_refuses(struct player *p, const struct smtp_effect *effect)
{
	if (effect->kind == SMTP_ASK_RECIPIENT)
		smtp_session_refuse(p->session, BYTES("550 5.7.1 We moved"));
	return SMTP_ANSWER_OK;
}

static void
recipients_that_a_route_refuses_count_as_all_that_are_refused(void **state)
{
	struct smtp_settings settings = player_settings();
	struct player p;

	(void)state;
	settings.limits.refused_recipients_max = 2;
	player_start(&p, &settings);
	p.answer = a_route_refuses;
	player_send(&p, BYTES("HELO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@d>\r\n"));
	assert_false(p.is_closed);
	player_send(&p, BYTES("RCPT TO:<f@d>\r\n"));
	assert_ends(&p, "550 5.7.1 We moved\r\n550 5.7.1 We moved\r\n421 4.7.0 Too many refused recipients, closing\r\n");
	assert_true(p.is_closed);
	player_done(&p);
}

static void
rfc3030_2_a_chunk_of_any_size_is_dropped_in_bounded_memory(void **state)
{
	struct smtp_settings settings = player_settings();
	struct player p;
	struct bytes piece = bytes_of(memory_new(65536), 65536);

	(void)state;
	player_start(&p, &settings);
	player_send(&p, BYTES("HELO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 65536000 LAST\r\n"));
	for (int i = 0; i < 1000; i++) {
		player_send(&p, piece);
		assert_int_equal(p.in_len, 0);
	}
	player_send(&p, BYTES("NOOP\r\n"));
	assert_ends(&p, "552 5.3.4 Message larger than this server takes\r\n250 2.0.0 Ok\r\n");
	assert_text(&p.effects, "mail <a@b>\nrecipient <c@d>\nabandoned\n");
	memory_free((void *)(uintptr_t)piece.ptr);
	player_done(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_split_of_a_dialog_has_the_same_effects),
		cmocka_unit_test(rfc2920_3_2_replies_go_together_and_not_later_than_the_input_ends),
		cmocka_unit_test(an_ask_stops_input_until_it_is_answered),
		cmocka_unit_test(the_body_is_lent_from_the_input_in_long_runs),
		cmocka_unit_test(what_is_put_out_may_grow_while_the_driver_looks_at_it),
		cmocka_unit_test(helo_is_kept_and_made_safe_for_a_trace_field),
		cmocka_unit_test(rfc3207_4_2_tls_forgets_what_was_said_before),
		cmocka_unit_test(a_mail_without_id_is_stored_too),
		cmocka_unit_test(shut_ends_the_session_in_every_state),
		cmocka_unit_test(shut_waits_for_the_answer_to_a_whole_message),
		cmocka_unit_test(shut_says_nothing_into_a_tls_handshake),
		cmocka_unit_test(shut_again_changes_nothing),
		cmocka_unit_test(rfc5321_4_5_3_1_10_recipients_beyond_the_limit_get_452),
		cmocka_unit_test(recipients_that_are_refused_leave_room_for_others),
		cmocka_unit_test(recipients_that_a_route_refuses_count_as_all_that_are_refused),
		cmocka_unit_test(rfc3030_2_a_chunk_of_any_size_is_dropped_in_bounded_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
