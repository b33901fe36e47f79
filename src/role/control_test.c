#include "role/control.h"

#include "sys/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop *loop;
static struct timer stop;
static struct control *control;
static char folder[64], path[96];
static int listener, reloads;
static bool reload_fails, answers_later;
static struct control_question *question; /* that waits for its answer */
static char asked[128];

static int
on_reload(void *arg, struct fault *f)
{
	(void)arg;
	reloads++;
	return reload_fails ? fault_set(f, FAULT_TEMP, "the disk is away") : 0;
}

static void
put_status(void *arg, struct buf *out)
{
	(void)arg;
	put_text(out, "accounts=7");
}

static void
on_explain(void *arg, struct control_question *q, struct bytes line)
{
	(void)arg;
	snprintf(asked, sizeof asked, "%.*s", BYTES_ARG(line));
	question = q;
	if (!answers_later)
		control_answer(&question, BYTES("lines\nstep\n\n"));
}

static void
on_stop(struct timer *timer)
{
	(void)timer;
	loop_stop(loop);
}

static void
run_a_little(void)
{
	timer_start(&stop, 20, 0);
	loop_run(loop);
}

static int
set_up(void **state)
{
	static const struct control_handlers handlers = { on_reload, put_status, on_explain };
	struct fault f;

	(void)state;
	reloads = 0;
	reload_fails = answers_later = false;
	question = NULL;
	snprintf(folder, sizeof folder, "/tmp/mermoz-control-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/sock", folder);
	listener = net_listen_unix(path, 0600, &f);
	assert_true(listener >= 0);
	loop = loop_new();
	timer_init(&stop, loop, on_stop);
	control = control_new(loop, &handlers, NULL);
	control_listen(control, listener);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	control_free(&control);
	loop_free(&loop);
	close(listener);
	unlink(path);
	rmdir(folder);
	return 0;
}

static int
connect_client(void)
{
	struct fault f;
	int fd = net_connect_unix(path, &f);

	assert_true(fd >= 0);
	return fd;
}

/* What came within a while; "closed" when the other side hung up without a word. */
static const char *
hear(int fd)
{
	static char text[1024];
	ssize_t count;

	for (int turn = 0; turn < 500; turn++) {
		run_a_little();
		count = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);
		if (count == 0)
			return "closed";
		if (count > 0) {
			text[count] = '\0';
			return text;
		}
	}
	return "";
}

struct take_row {
	const char *in;
	enum control_command want;
	size_t left;
};

static void
a_line_is_one_command(void **state)
{
	static const struct take_row rows[] = {
		{ "", CONTROL_NONE, 0 },
		{ "reloa", CONTROL_NONE, 5 },
		{ "reload", CONTROL_NONE, 6 },
		{ "reload\n", CONTROL_RELOAD, 0 },
		{ "reload\nstatus\n", CONTROL_RELOAD, 7 },
		{ "status\n", CONTROL_STATUS, 0 },
		{ "reload\r\n", CONTROL_UNKNOWN, 0 },
		{ "Reload\n", CONTROL_UNKNOWN, 0 },
		{ "reload \n", CONTROL_UNKNOWN, 0 },
		{ "\n", CONTROL_UNKNOWN, 0 },
		{ "explain\n", CONTROL_UNKNOWN, 0 },
		{ "explain\t\n", CONTROL_QUESTION, 0 },
		{ "list\tlimit=1\n", CONTROL_QUESTION, 0 },
		{ "explain\trecipient=a\nreload\n", CONTROL_QUESTION, 7 },
	};
	static char flood[CONTROL_LINE_MAX];
	struct bytes in, line;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		in = bytes_text(rows[i].in);
		assert_int_equal(control_take(&in, &line), rows[i].want);
		assert_int_equal(in.len, rows[i].left);
	}
	memset(flood, 'x', sizeof flood);
	in = bytes_of(flood, sizeof flood - 1);
	assert_int_equal(control_take(&in, &line), CONTROL_NONE);
	in = bytes_of(flood, sizeof flood);
	assert_int_equal(control_take(&in, &line), CONTROL_UNKNOWN);
}

static void
commands_are_answered_however_they_are_cut(void **state)
{
	static const char both[] = "reload\nstatus\n";
	int fd = connect_client();

	(void)state;
	for (size_t i = 0; i < strlen(both); i++) {
		assert_int_equal(net_write(fd, bytes_of(both + i, 1)), 1);
		run_a_little();
	}
	assert_string_equal(hear(fd), "ok\nok accounts=7\n");
	assert_int_equal(reloads, 1);
	assert_int_equal(net_write(fd, bytes_text(both)), strlen(both));
	assert_string_equal(hear(fd), "ok\nok accounts=7\n");
	net_close(fd);
}

static void
a_reload_that_fails_says_why(void **state)
{
	int fd = connect_client();

	(void)state;
	reload_fails = true;
	assert_int_equal(net_write(fd, BYTES("reload\n")), 7);
	assert_string_equal(hear(fd), "error the disk is away\n");
	net_close(fd);
}

static void
who_talks_nonsense_is_cut(void **state)
{
	static char flood[CONTROL_LINE_MAX];
	int fd = connect_client();

	(void)state;
	memset(flood, 'x', sizeof flood);
	assert_int_equal(net_write(fd, bytes_of(flood, sizeof flood)), sizeof flood);
	assert_string_equal(hear(fd), "error there is no such command\n");
	net_close(fd);
	fd = connect_client();
	assert_int_equal(net_write(fd, BYTES("stop\n")), 5);
	assert_string_equal(hear(fd), "error there is no such command\n");
	assert_string_equal(hear(fd), "closed");
	net_close(fd);
}

static void
a_question_is_answered_at_once_or_later_and_stops_input_until_then(void **state)
{
	int fd = connect_client();

	(void)state;
	assert_int_equal(net_write(fd, BYTES("explain\tlogin=a\nreload\n")), 23);
	assert_string_equal(hear(fd), "lines\nstep\n\nok\n");
	assert_string_equal(asked, "explain\tlogin=a\n");
	answers_later = true;
	assert_int_equal(net_write(fd, BYTES("explain\tlogin=b\nreload\n")), 23);
	for (int turn = 0; turn < 100 && !question; turn++)
		run_a_little();
	assert_non_null(question);
	run_a_little();
	assert_int_equal(reloads, 1);
	control_answer(&question, BYTES("error none\n"));
	assert_null(question);
	assert_string_equal(hear(fd), "error none\nok\n");
	assert_int_equal(reloads, 2);
	net_close(fd);
}

static void
a_question_whose_client_is_gone_is_answered_to_nobody(void **state)
{
	int fd = connect_client();

	(void)state;
	answers_later = true;
	assert_int_equal(net_write(fd, BYTES("explain\tlogin=a\n")), 16);
	for (int turn = 0; turn < 100 && !question; turn++)
		run_a_little();
	assert_non_null(question);
	control_free(&control);
	control_answer(&question, BYTES("error none\n"));
	assert_null(question);
	assert_string_equal(hear(fd), "closed");
	net_close(fd);
}

static void
too_many_clients_are_turned_away(void **state)
{
	int fds[CONTROL_CLIENTS_MAX + 1];

	(void)state;
	for (size_t i = 0; i <= CONTROL_CLIENTS_MAX; i++)
		fds[i] = connect_client();
	assert_string_equal(hear(fds[CONTROL_CLIENTS_MAX]), "closed");
	net_close(fds[0]);
	run_a_little();
	net_close(fds[CONTROL_CLIENTS_MAX]);
	fds[0] = connect_client();
	assert_int_equal(net_write(fds[0], BYTES("status\n")), 7);
	assert_string_equal(hear(fds[0]), "ok accounts=7\n");
	for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
		net_close(fds[i]);
}

static void
who_is_connected_is_served_after_unlisten(void **state)
{
	int fd = connect_client();

	(void)state;
	assert_int_equal(net_write(fd, BYTES("status\n")), 7);
	assert_string_equal(hear(fd), "ok accounts=7\n");
	control_unlisten(control);
	assert_int_equal(net_write(fd, BYTES("status\n")), 7);
	assert_string_equal(hear(fd), "ok accounts=7\n");
	net_close(fd);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_line_is_one_command),
		TEST(commands_are_answered_however_they_are_cut),
		TEST(a_reload_that_fails_says_why),
		TEST(who_talks_nonsense_is_cut),
		TEST(a_question_is_answered_at_once_or_later_and_stops_input_until_then),
		TEST(a_question_whose_client_is_gone_is_answered_to_nobody),
		TEST(too_many_clients_are_turned_away),
		TEST(who_is_connected_is_served_after_unlisten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
