/* What a client says, what it hears, what is asked meanwhile; the same at every split of the input and whether answers
   come at once or late. */
#include "proto/auth/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define HELLO "VERSION\t1\t2\nCPID\t77\n"
#define GREETING \
	"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nSPID\t4711\nCUID\t9\n" \
	"COOKIE\t000102030405060708090a0b0c0d0e0f\nDONE\n"

/* base 64 of NUL alice NUL and the password */
#define RIGHT "AGFsaWNlAHJpZ2h0" /* right */
#define WRONG "AGFsaWNlAHdyb25n" /* wrong */
#define LATER "AGFsaWNlAGxhdGVy" /* later */
#define EXPIRED "AGFsaWNlAGV4cGlyZWQ=" /* expired */
#define DISABLED "AGFsaWNlAGRpc2FibGVk" /* disabled */
#define NOT_BOB "Ym9iAGFsaWNlAG5vdGJvYg==" /* bob NUL alice NUL notbob */

struct play {
	struct auth_session *session;
	struct buf out, asked;
	bool is_slow; /* answers come when nothing else can be done */
	uint64_t tickets[AUTH_ASKS_MAX];
	enum auth_answer answers[AUTH_ASKS_MAX];
	size_t due;
	bool is_closed;
	char wrong[80];
};

static enum auth_answer
judge(struct bytes password)
{
	static const struct {
		struct bytes password;
		enum auth_answer answer;
	} rows[] = {
		{ BYTES_INIT("right"), AUTH_ANSWER_OK },
		{ BYTES_INIT("later"), AUTH_ANSWER_LATER },
		{ BYTES_INIT("disabled"), AUTH_ANSWER_DISABLED },
		{ BYTES_INIT("expired"), AUTH_ANSWER_EXPIRED },
		{ BYTES_INIT("notbob"), AUTH_ANSWER_NOT_AUTHORIZED },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (bytes_equal(rows[i].password, password))
			return rows[i].answer;
	return AUTH_ANSWER_BAD_CREDENTIALS;
}

static void
put_claim(struct buf *out, const char *name, struct bytes value)
{
	if (value.len)
		put_format(out, " %s=%.*s", name, BYTES_ARG(value));
}

static void
note_ask(struct play *p, const struct auth_login *l)
{
	put_format(&p->asked, "%s %.*s as <%.*s>", l->mechanism, BYTES_ARG(l->name), BYTES_ARG(l->authorize_as));
	put_claim(&p->asked, "service", l->claims.service);
	put_claim(&p->asked, "rip", l->claims.remote_host);
	put_claim(&p->asked, "rport", l->claims.remote_port);
	put_claim(&p->asked, "lip", l->claims.local_host);
	put_claim(&p->asked, "lport", l->claims.local_port);
	put_claim(&p->asked, "tls", l->claims.tls);
	put_text(&p->asked, "\n");
	assert_true(p->due < AUTH_ASKS_MAX);
	p->tickets[p->due] = l->ticket;
	p->answers[p->due++] = judge(l->secret_password);
}

/* The last question first: no order is promised. */
static void
give_answers(struct play *p)
{
	while (p->due > 0) {
		p->due--;
		auth_session_answer(p->session, p->tickets[p->due], p->answers[p->due], BYTES("alice@a.org"));
	}
}

static void
run(struct play *p, struct bytes *in)
{
	struct auth_effect effect;

	while (!p->is_closed) {
		switch (auth_session_step(p->session, in, &effect)) {
		case AUTH_OUTPUT:
			put_bytes(&p->out, effect.octets);
			break;
		case AUTH_ASK_LOGIN:
			note_ask(p, &effect.login);
			if (!p->is_slow)
				give_answers(p);
			break;
		case AUTH_CLOSE:
			p->is_closed = true;
			(void)snprintf(p->wrong, sizeof p->wrong, "%.*s", BYTES_ARG(effect.octets));
			break;
		case AUTH_BLOCKED:
		case AUTH_NEED_INPUT:
			return;
		}
	}
}

static void
start(struct play *p, bool is_slow)
{
	static const struct auth_identity identity = { 4711, 9,
		{ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 } };

	*p = (struct play){ .session = auth_session_new(&identity), .is_slow = is_slow };
	buf_init(&p->out, 1 << 20);
	buf_init(&p->asked, 1 << 20);
}

static void
done(struct play *p)
{
	auth_session_free(&p->session);
	buf_done(&p->out);
	buf_done(&p->asked);
}

/* All of it, cut in two. */
static void
say(struct play *p, struct bytes all, size_t cut)
{
	struct bytes in = bytes_sub(all, 0, cut);

	run(p, &in);
	in = bytes_of(in.ptr, in.len + all.len - cut);
	run(p, &in);
	for (int turn = 0; turn < 4 && p->due; turn++) {
		give_answers(p);
		run(p, &in);
	}
}

static void
must_be(struct bytes is, const char *want, const char *what, const char *dialog)
{
	if (!bytes_equal(is, bytes_text(want)))
		fail_msg("%s: %s is\n%.*s\nnot\n%s", dialog, what, BYTES_ARG(is), want);
}

static const struct {
	const char *name;
	const char *in; /* behind HELLO */
	const char *out; /* behind GREETING */
	const char *asked;
	const char *wrong; /* NULL: the connection stays; "": it ends without blame */
} dialogs[] = {
	{ "the examples of the protocol: PLAIN with its response",
		"AUTH\t1\tPLAIN\tservice=smtp\trip=192.0.2.1\tlip=192.0.2.2\trport=4000\tlport=25\tresp=" RIGHT "\n",
		"OK\t1\tuser=alice@a.org\n",
		"PLAIN alice as <> service=smtp rip=192.0.2.1 rport=4000 lip=192.0.2.2 lport=25\n", NULL },
	{ "PLAIN without a response is asked for it", "AUTH\t1\tplain\tservice=imap\nCONT\t1\t" RIGHT "\n",
		"CONT\t1\t\nOK\t1\tuser=alice@a.org\n", "PLAIN alice as <> service=imap\n", NULL },
	{ "LOGIN in three lines",
		"AUTH\t4294967295\tLOGIN\tservice=smtp\tsecured\nCONT\t4294967295\tYWxpY2U=\nCONT\t4294967295\tcmlnaHQ=\n",
		"CONT\t4294967295\tVXNlcm5hbWU6\nCONT\t4294967295\tUGFzc3dvcmQ6\nOK\t4294967295\tuser=alice@a.org\n",
		"LOGIN alice as <> service=smtp tls=yes\n", NULL },
	{ "unknown parameters are passed over, known ones unescaped, impossible ones not said",
		"AUTH\t1\tPLAIN\tnologin\tservice=s\001m\trip=2001:db8::1\tsecured=tls\ttls_protocol=TLSv1.3\tlip=\001t\tx=y\tresp="
		RIGHT "\n", "OK\t1\tuser=alice@a.org\n", "PLAIN alice as <> service=sm rip=2001:db8::1 tls=TLSv1.3\n", NULL },
	{ "a service as Dovecot 2.4 calls it", "AUTH\t1\tPLAIN\tprotocol=sieve\tfinal-resp-ok\tresp=" RIGHT "\n",
		"OK\t1\tuser=alice@a.org\n", "PLAIN alice as <> service=sieve\n", NULL },
	{ "a wrong password", "AUTH\t1\tPLAIN\tservice=smtp\tresp=" WRONG "\n", "FAIL\t1\tuser=alice\n",
		"PLAIN alice as <> service=smtp\n", NULL },
	{ "a password that has expired", "AUTH\t1\tPLAIN\tservice=smtp\tresp=" EXPIRED "\n",
		"FAIL\t1\tuser=alice\tpass_expired\tcode=pass_expired\n", "PLAIN alice as <> service=smtp\n", NULL },
	{ "a disabled account", "AUTH\t1\tPLAIN\tservice=smtp\tresp=" DISABLED "\n",
		"FAIL\t1\tuser=alice\tuser_disabled\tcode=user_disabled\n", "PLAIN alice as <> service=smtp\n", NULL },
	{ "who may not act for another", "AUTH\t1\tPLAIN\tservice=smtp\tresp=" NOT_BOB "\n",
		"FAIL\t1\tuser=alice\tauthz\tcode=authz_fail\n", "PLAIN alice as <bob> service=smtp\n", NULL },
	{ "what stands behind resp= is part of it", "AUTH\t1\tPLAIN\tservice=smtp\tresp=" RIGHT "\trip=192.0.2.9\n",
		"FAIL\t1\treason=Malformed authentication data\n", "", NULL },
	{ "no base 64", "AUTH\t1\tPLAIN\tservice=smtp\tresp=%%%\n", "FAIL\t1\treason=Malformed authentication data\n", "", NULL },
	{ "an empty answer", "AUTH\t1\tPLAIN\tservice=smtp\nCONT\t1\t\n",
		"CONT\t1\t\nFAIL\t1\treason=Malformed authentication data\n", "", NULL },
	{ "a mechanism that there is not", "AUTH\t1\tGSSAPI\tservice=smtp\n", "FAIL\t1\treason=Unsupported authentication mechanism\n",
		"", NULL },
	{ "the id may be used again", "AUTH\t1\tGSSAPI\tservice=smtp\nAUTH\t1\tPLAIN\tservice=smtp\tresp=" RIGHT "\n",
		"FAIL\t1\treason=Unsupported authentication mechanism\nOK\t1\tuser=alice@a.org\n",
		"PLAIN alice as <> service=smtp\n", NULL },
	{ "two exchanges at a time", "AUTH\t1\tLOGIN\tservice=a\nAUTH\t2\tLOGIN\tservice=b\nCONT\t2\tYm9i\nCONT\t1\tYWxpY2U=\n"
		"CONT\t2\tcmlnaHQ=\n", "CONT\t1\tVXNlcm5hbWU6\nCONT\t2\tVXNlcm5hbWU6\nCONT\t2\tUGFzc3dvcmQ6\nCONT\t1\tUGFzc3dvcmQ6\n"
		"OK\t2\tuser=alice@a.org\n", "LOGIN bob as <> service=b\n", NULL },
	{ "an exchange that is cancelled is open no more", "AUTH\t1\tLOGIN\tservice=a\nCANCEL\t1\nCONT\t1\tYm9i\n",
		"CONT\t1\tVXNlcm5hbWU6\n", "", NULL },
	{ "to cancel what is not there is no mistake", "CANCEL\t5\n", "", "", NULL },
	/* A client that knows no "temp" would tell its user that the password is wrong. */
	{ "temporary trouble ends the connection", "AUTH\t1\tPLAIN\tservice=smtp\tresp=" LATER "\n", "",
		"PLAIN alice as <> service=smtp\n", "" },
	{ "temporary trouble spares other exchanges",
		"AUTH\t1\tLOGIN\tservice=smtp\nAUTH\t2\tPLAIN\tservice=smtp\tresp=" LATER "\n",
		"CONT\t1\tVXNlcm5hbWU6\nFAIL\t2\tuser=alice\ttemp\tcode=temp_fail"
		"\treason=Temporary authentication failure, please try again later\n", "PLAIN alice as <> service=smtp\n", NULL },
	{ "an id that is in use", "AUTH\t1\tLOGIN\tservice=a\nAUTH\t1\tLOGIN\tservice=a\n", "CONT\t1\tVXNlcm5hbWU6\n", "",
		"AUTH with the id of an exchange that is open" },
	{ "an id that is none", "AUTH\tx\tLOGIN\tservice=a\n", "", "", "AUTH without id or mechanism" },
	{ "no service", "AUTH\t1\tLOGIN\trip=192.0.2.1\n", "", "", "AUTH without a service, or with too much" },
	{ "half an escape", "AUTH\t1\tLOGIN\tservice=a\001\n", "", "", "AUTH without a service, or with too much" },
	{ "CONT without id", "CONT\n", "", "", "CONT without id" },
	{ "CANCEL without id", "CANCEL\t\n", "", "", "CANCEL without id" },
	{ "a second handshake", "VERSION\t1\t2\n", "", "", "a command that is out of order" },
	{ "a second client", "CPID\t2\n", "", "", "a command that is out of order" },
	{ "another protocol", "GET / HTTP/1.1\n", "", "", "a command that there is not" },
	{ "an empty line", "\n", "", "", "a command that there is not" },
};

static void
play(size_t row, size_t cut, bool is_slow)
{
	struct buf in, want;
	struct play p;

	buf_init(&in, 65536);
	buf_init(&want, 65536);
	put_text(&in, HELLO);
	put_text(&in, dialogs[row].in);
	put_text(&want, GREETING);
	put_text(&want, dialogs[row].out);
	put_char(&want, 0);
	start(&p, is_slow);
	say(&p, buf_bytes(&in), cut);
	must_be(buf_bytes(&p.out), (const char *)want.ptr, "output", dialogs[row].name);
	must_be(buf_bytes(&p.asked), dialogs[row].asked, "what was asked", dialogs[row].name);
	assert_int_equal(p.is_closed, dialogs[row].wrong != NULL);
	assert_string_equal(p.wrong, dialogs[row].wrong ? dialogs[row].wrong : "");
	done(&p);
	buf_done(&in);
	buf_done(&want);
}

static void
dialogs_are_the_same_at_every_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof dialogs / sizeof *dialogs; i++)
		for (size_t cut = 0; cut <= sizeof HELLO - 1 + bytes_text(dialogs[i].in).len; cut++) {
			play(i, cut, false);
			play(i, cut, true);
		}
}

static void
answers_may_come_in_any_order(void **state)
{
	static const char in[] = HELLO "AUTH\t1\tPLAIN\tservice=a\tresp=" WRONG "\nAUTH\t2\tPLAIN\tservice=a\tresp=" RIGHT "\n";
	struct play p;

	(void)state;
	start(&p, true);
	say(&p, bytes_text(in), sizeof in - 1);
	must_be(buf_bytes(&p.out), GREETING "OK\t2\tuser=alice@a.org\nFAIL\t1\tuser=alice\n", "output", "two questions");
	assert_true(auth_session_is_idle(p.session));
	done(&p);
}

static void
before_its_handshake_a_client_gets_nowhere(void **state)
{
	static const struct {
		const char *in, *wrong;
	} rows[] = {
		{ "AUTH\t1\tPLAIN\tservice=a\tresp=" RIGHT "\n", "a command that is out of order" },
		{ "CPID\t1\n", "a command that is out of order" },
		{ "VERSION\t1\t9\nAUTH\t1\tPLAIN\tservice=a\n", "a command that is out of order" },
		{ "VERSION\t2\t0\n", "another version of the protocol" },
		{ "VERSION\n", "another version of the protocol" },
		{ "VERSION\t1\t1\nCPID\tme\n", "CPID without a number" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct play p;

		start(&p, false);
		say(&p, bytes_text(rows[i].in), 0);
		assert_true(p.is_closed);
		assert_string_equal(p.wrong, rows[i].wrong);
		must_be(buf_bytes(&p.asked), "", "what was asked", rows[i].in);
		done(&p);
	}
}

static void
a_cancelled_question_is_answered_to_nobody(void **state)
{
	struct bytes in = BYTES(HELLO "AUTH\t1\tPLAIN\tservice=a\tresp=" RIGHT "\nCANCEL\t1\nAUTH\t1\tPLAIN\tservice=a\tresp="
		WRONG "\n");
	struct play p;

	(void)state;
	start(&p, true);
	run(&p, &in);
	assert_int_equal(p.due, 2);
	give_answers(&p);
	run(&p, &in);
	must_be(buf_bytes(&p.out), GREETING "FAIL\t1\tuser=alice\n", "output", "cancel");
	done(&p);
}

static void
too_many_questions_stop_the_input(void **state)
{
	struct bytes in;
	struct play p;
	struct buf text;

	(void)state;
	buf_init(&text, 65536);
	put_text(&text, HELLO);
	for (int i = 0; i < AUTH_ASKS_MAX + 5; i++)
		put_format(&text, "AUTH\t%d\tPLAIN\tservice=a\tresp=" RIGHT "\n", i);
	in = buf_bytes(&text);
	start(&p, true);
	run(&p, &in);
	assert_int_equal(p.due, AUTH_ASKS_MAX);
	assert_true(in.len > 0);
	give_answers(&p);
	run(&p, &in);
	assert_int_equal(p.due, 5);
	assert_int_equal(in.len, 0);
	done(&p);
	buf_done(&text);
}

static void
an_exchange_that_its_client_forgot_gives_way(void **state)
{
	struct bytes in;
	struct play p;
	struct buf text;

	(void)state;
	buf_init(&text, 65536);
	put_text(&text, HELLO);
	for (int i = 0; i < AUTH_EXCHANGES_MAX + 1; i++)
		put_format(&text, "AUTH\t%d\tPLAIN\tservice=a\n", i);
	put_text(&text, "CONT\t0\t" RIGHT "\nCONT\t1\t" RIGHT "\n");
	in = buf_bytes(&text);
	start(&p, false);
	run(&p, &in);
	assert_true(bytes_find(buf_bytes(&p.out), BYTES("\nFAIL\t0\ttemp\tcode=temp_fail")) < p.out.len);
	assert_true(bytes_find(buf_bytes(&p.out), BYTES("\nOK\t0\t")) == p.out.len);
	assert_true(bytes_find(buf_bytes(&p.out), BYTES("\nOK\t1\t")) < p.out.len);
	done(&p);
	buf_done(&text);
}

static void
a_line_without_end_ends_the_connection(void **state)
{
	struct bytes in;
	struct play p;
	struct buf text;

	(void)state;
	buf_init(&text, 65536);
	while (text.len < AUTH_LINE_OCTETS_MAX)
		put_char(&text, 'A');
	in = bytes_sub(buf_bytes(&text), 0, AUTH_LINE_OCTETS_MAX - 1);
	start(&p, false);
	run(&p, &in);
	assert_false(p.is_closed);
	in = buf_bytes(&text);
	run(&p, &in);
	assert_true(p.is_closed);
	assert_string_equal(p.wrong, "a line that is too long");
	done(&p);
	buf_done(&text);
}

static void
a_server_that_goes_away_blames_no_password(void **state)
{
	struct bytes in = BYTES(HELLO "AUTH\t1\tPLAIN\tservice=a\tresp=" WRONG "\n");
	struct play p;

	(void)state;
	start(&p, true);
	run(&p, &in);
	auth_session_shut(p.session);
	run(&p, &in);
	assert_true(p.is_closed);
	give_answers(&p);
	must_be(buf_bytes(&p.out), GREETING, "output", "shut");
	done(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dialogs_are_the_same_at_every_split),
		cmocka_unit_test(answers_may_come_in_any_order),
		cmocka_unit_test(before_its_handshake_a_client_gets_nowhere),
		cmocka_unit_test(a_cancelled_question_is_answered_to_nobody),
		cmocka_unit_test(too_many_questions_stop_the_input),
		cmocka_unit_test(an_exchange_that_its_client_forgot_gives_way),
		cmocka_unit_test(a_line_without_end_ends_the_connection),
		cmocka_unit_test(a_server_that_goes_away_blames_no_password),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
