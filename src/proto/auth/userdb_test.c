#include "proto/auth/userdb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define GREETING "VERSION\t1\t2\nSPID\t4711\n"
#define HELLO "VERSION\t1\t0\n"
#define MAIL "\tmail=maildir:/m/a.org/alice/mail\001tbox\tmail_driver=maildir\tmail_path=/m/a.org/alice/mail\001tbox"
#define LATER "FAIL\t1\tcode=temp_fail\treason=Temporary failure, please try again later\n"

static const char *const list[] = { "alice@a.org", "bob@a.org", "tab\t@a.org" };

struct play {
	struct auth_userdb *userdb;
	struct buf out;
	size_t at; /* in the list */
	bool is_list_broken;
	char wrong[80]; /* of the end; "": not ended */
};

static void
answer(struct play *p, const struct auth_userdb_effect *e)
{
	static const struct auth_userdb_user alice = { BYTES_INIT("alice@a.org"), 1000, 100, BYTES_INIT("/m/a.org/alice"),
		BYTES_INIT("/m/a.org/alice/mail\tbox") };

	if (bytes_equal(e->name, BYTES("later")))
		auth_userdb_answer_later(p->userdb);
	else if (!bytes_equal(e->name, BYTES("alice")) && !bytes_equal(e->name, BYTES("al\tice")))
		auth_userdb_answer_absent(p->userdb);
	else if (e->kind == AUTH_USERDB_USER)
		auth_userdb_answer_user(p->userdb, &alice);
	else
		auth_userdb_answer_pass(p->userdb, alice.address);
}

/* One at a time, so that the list goes over several steps. */
static void
answer_list(struct play *p, bool is_first)
{
	if (is_first)
		p->at = 0;
	if (p->at == sizeof list / sizeof *list || (p->is_list_broken && p->at == 1))
		auth_userdb_end(p->userdb, !p->is_list_broken);
	else
		auth_userdb_add(p->userdb, bytes_text(list[p->at++]));
}

static void
run(struct play *p, struct bytes *in)
{
	struct auth_userdb_effect e;

	while (!p->wrong[0]) {
		switch (auth_userdb_step(p->userdb, in, &e)) {
		case AUTH_USERDB_OUTPUT:
			put_bytes(&p->out, e.octets);
			break;
		case AUTH_USERDB_USER:
		case AUTH_USERDB_PASS:
			answer(p, &e);
			break;
		case AUTH_USERDB_LIST:
			answer_list(p, e.is_first);
			break;
		case AUTH_USERDB_CLOSE:
			(void)snprintf(p->wrong, sizeof p->wrong, "%.*s", BYTES_ARG(e.octets));
			break;
		case AUTH_USERDB_NEED_INPUT:
			return;
		}
	}
}

static const struct {
	const char *in, *out; /* behind the greeting */
	const char *wrong;
	bool is_list_broken;
} dialogs[] = {
	{ HELLO "USER\t1\talice\tservice=doveadm\n", "USER\t1\talice@a.org\tuid=1000\tgid=100\thome=/m/a.org/alice"
		MAIL "\n", "", false },
	{ HELLO "USER\t7\tal\001tice\n", "USER\t7\talice@a.org\tuid=1000\tgid=100\thome=/m/a.org/alice"
		MAIL "\n", "", false },
	{ HELLO "USER\t1\tnobody\tservice=lmtp\nUSER\t2\t\n", "NOTFOUND\t1\nNOTFOUND\t2\n", "", false },
	{ HELLO "USER\t1\tlater\n", LATER, "", false },
	{ HELLO "PASS\t1\talice\tservice=x\trip=192.0.2.1\nPASS\t2\tnobody\n", "PASS\t1\tuser=alice@a.org\nNOTFOUND\t2\n", "", false },
	{ HELLO "LIST\t3\tservice=doveadm\nLIST\t4\n", "LIST\t3\talice@a.org\nLIST\t3\tbob@a.org\nLIST\t3\ttab\001t@a.org\nDONE\t3\t\n"
		"LIST\t4\talice@a.org\nLIST\t4\tbob@a.org\nLIST\t4\ttab\001t@a.org\nDONE\t4\t\n", "", false },
	{ HELLO "LIST\t3\tuser=*ob@?.ORG\tprotocol=doveadm\nLIST\t4\tuser=b*b\nLIST\t5\tuser=\n",
		"LIST\t3\tbob@a.org\nDONE\t3\t\nDONE\t4\t\n"
		"LIST\t5\talice@a.org\nLIST\t5\tbob@a.org\nLIST\t5\ttab\001t@a.org\nDONE\t5\t\n", "", false },
	{ HELLO "LIST\t3\tuser=t*\001t@a.org*\n", "LIST\t3\ttab\001t@a.org\nDONE\t3\t\n", "", false },
	{ HELLO "LIST\t3\tuser=a\001\n", "DONE\t3\tfail\n", "", false },
	{ HELLO "LIST\t3\n", "LIST\t3\talice@a.org\nDONE\t3\tfail\n", "", true },
	/* Dovecot's own masters take log-ins over with it. */
	{ HELLO "REQUEST\t1\t2\t3\tcookie\n", "FAIL\t1\treason=There is no such command\n", "", false },
	{ "USER\t1\talice\n", "", "a command that is out of order", false },
	{ "VERSION\t2\t0\n", "", "another version of the protocol", false },
	{ HELLO HELLO, "", "a command that is out of order", false },
	{ HELLO "USER\tx\talice\n", "", "a look-up without id or name", false },
	{ HELLO "USER\t1\n", "", "a look-up without id or name", false },
	{ HELLO "USER\t1\ta\001\n", "", "a look-up without id or name", false },
	{ HELLO "LIST\n", "", "LIST without id", false },
	{ HELLO "GET / HTTP/1.1\n", "", "a command that there is not", false },
	{ "REQUEST\t1\n", "", "a command that there is not", false },
};

static void
play(size_t row, size_t cut)
{
	struct play p = { .userdb = auth_userdb_new(4711), .is_list_broken = dialogs[row].is_list_broken };
	struct bytes all = bytes_text(dialogs[row].in), in = bytes_sub(all, 0, cut), out;

	buf_init(&p.out, 65536);
	run(&p, &in);
	in = bytes_of(in.ptr, in.len + all.len - cut);
	run(&p, &in);
	out = buf_bytes(&p.out);
	assert_true(take_text(&out, BYTES(GREETING)));
	if (!bytes_equal(out, bytes_text(dialogs[row].out)))
		fail_msg("dialog %zu cut at %zu:\n%.*s\nnot\n%s", row, cut, BYTES_ARG(out), dialogs[row].out);
	assert_string_equal(p.wrong, dialogs[row].wrong);
	buf_done(&p.out);
	auth_userdb_free(&p.userdb);
}

static void
dialogs_are_the_same_at_every_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof dialogs / sizeof *dialogs; i++)
		for (size_t cut = 0; cut <= bytes_text(dialogs[i].in).len; cut++)
			play(i, cut);
}

static void
a_name_that_is_too_long_is_nobodys(void **state)
{
	struct play p = { .userdb = auth_userdb_new(4711) };
	struct bytes in;
	struct buf text;

	(void)state;
	buf_init(&text, 65536);
	buf_init(&p.out, 65536);
	put_text(&text, HELLO "USER\t1\t");
	for (int i = 0; i <= AUTH_USERDB_NAME_OCTETS_MAX; i++)
		put_char(&text, 'a');
	put_char(&text, '\n');
	in = buf_bytes(&text);
	run(&p, &in);
	assert_true(bytes_equal(buf_bytes(&p.out), BYTES(GREETING "NOTFOUND\t1\n")));
	buf_done(&text);
	buf_done(&p.out);
	auth_userdb_free(&p.userdb);
}

static void
a_line_without_end_ends_the_connection(void **state)
{
	struct play p = { .userdb = auth_userdb_new(4711) };
	struct bytes in;
	struct buf text;

	(void)state;
	buf_init(&text, 65536);
	buf_init(&p.out, 65536);
	while (text.len < AUTH_LINE_OCTETS_MAX)
		put_char(&text, 'A');
	in = buf_bytes(&text);
	run(&p, &in);
	assert_string_equal(p.wrong, "a line that is too long");
	buf_done(&text);
	buf_done(&p.out);
	auth_userdb_free(&p.userdb);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dialogs_are_the_same_at_every_split),
		cmocka_unit_test(a_name_that_is_too_long_is_nobodys),
		cmocka_unit_test(a_line_without_end_ends_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
