#include "role/queue/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define ID "01JDXYZ0123456789ABCDEFGHJ"

static const struct hop mx = { .kind = HOP_KIND_RELAY, .protocol = HOP_MX, .host = BYTES_INIT("one.example") };
static const struct hop routed = { .kind = HOP_KIND_RELAY, .protocol = HOP_SMTP, .port = 2525, .host = BYTES_INIT("relay.example") };
static const struct hop refused = { .kind = HOP_KIND_NOBODY };
static const struct hop local = { .kind = HOP_KIND_MAILBOXES, .protocol = HOP_MX };

static uint8_t space[1024];

static int
take(const char *line, struct command *c)
{
	struct buf values;
	struct fault f;

	buf_init_fixed(&values, space, sizeof space);
	return command_take(bytes_text(line), &values, c, &f);
}

static struct queued *
make(const char *sender)
{
	struct envelope e = { .sender = bytes_text(sender), .size = 1, .arrived_s = 1000 };
	uint8_t octets[64];
	struct buf recipients;
	struct queued *m;

	assert_true(mail_id_parse(BYTES(ID), &e.id));
	buf_init_fixed(&recipients, octets, sizeof octets);
	put_u16(&recipients, 15);
	put_text(&recipients, "Bob@One.example");
	put_u16(&recipients, 0);
	e.recipients = buf_bytes(&recipients);
	m = queued_new(&e);
	assert_non_null(m);
	delivery_set_reply(m->at, BYTES("450 4.2.0 Greylisted, come back"), BYTES_NONE);
	return m;
}

struct take_row {
	const char *line;
	bool is_command;
};

static void
a_line_is_a_command_only_when_all_of_it_is_understood(void **state)
{
	static const struct take_row rows[] = {
		{ "list\tolder_s=0\n", true },
		{ "list\tlimit=5\tsender=a@b.example\n", true },
		{ "show\tid=" ID "\n", true },
		{ "stats\tolder_s=0\n", true },
		{ "next\tcursor=7\n", true },
		{ "hold\tall=1\n", true },
		{ "remove\tid=" ID "\n", true },
		{ "bounce\treason=full\n", true },
		{ "retry\tolder_s=60\n", true },
		{ "reroute\tall=1\tto=Relay.example:587\n", true },
		{ "reroute\tid=" ID "\tto=lmtp:127.0.0.1:24\n", true },
		{ "reroute\tid=" ID "\tto=[2001:db8::1]:25\n", true },
		{ "reroute\tid=" ID "\tto=mx:one.example\n", true },
		{ "reroute\tid=" ID "\tto=default\n", true },
		{ "stats\tsender=a@b.example\n", true },
		{ "reroute\tid=" ID "\n", false },
		{ "reroute\tid=" ID "\tto=\n", false },
		{ "reroute\tid=" ID "\tto=mailboxes\n", false },
		{ "reroute\tid=" ID "\tto=relay.example:0\n", false },
		{ "reroute\tid=" ID "\tto=-x\n", false },
		{ "reroute\tto=relay.example\n", false },
		{ "retry\tid=" ID "\tto=relay.example\n", false },
		{ "", false },
		{ "list", false },
		{ "mail\tid=" ID "\n", false },
		{ "show\tid=1\n", false },
		{ "list\tcolour=red\n", false },
		{ "list\tlimit=-1\n", false },
		{ "list\tlimit=1x\n", false },
		{ "list\tlimit=99999999999999999999\n", false },
		{ "list\tsender=\n", false },
		{ "hold\tall=0\n", false },
		{ "body\tid=" ID "\n", true },
		{ "body\tlimit=1\n", false },
	};
	struct command c;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(take(rows[i].line, &c) == 0, rows[i].is_command);
	assert_int_equal(take("release\tid=" ID "\tlimit=3\n", &c), 0);
	assert_int_equal(c.verb, QUEUE_RELEASE);
	assert_int_equal(c.limit, 3);
	assert_true(bytes_equal(c.id, BYTES(ID)));
}

static void
an_action_that_names_nobody_is_refused(void **state)
{
	static const char *const rows[] = { "hold\tlimit=1\n", "release\tolder_s=0\n", "retry\tlimit=1\n", "remove\tolder_s=0\n", "bounce\tcursor=1\n" };
	struct command c;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(take(rows[i], &c), -1);
}

struct meant_row {
	const char *selection;
	const struct hop *hop;
	bool is_meant;
};

static void
all_that_is_said_has_to_hold(void **state)
{
	static const struct meant_row rows[] = {
		{ "id=" ID, &mx, true },
		{ "id=01JDXYZ0123456789ABCDEFGHK", &mx, false },
		{ "sender=ALICE@here.example", &mx, true },
		{ "sender=bob@here.example", &mx, false },
		{ "sender=<>", &mx, false },
		{ "recipient=bob@one.example", &mx, true },
		{ "recipient=ob@one.example", &mx, false },
		{ "recipient=@ONE.example", &mx, true },
		{ "recipient=@example", &mx, false },
		{ "destination=ONE.example", &mx, true },
		{ "destination=relay.example", &routed, true },
		{ "destination=relay.example:2525", &routed, true },
		{ "destination=relay.example:25", &routed, false },
		{ "destination=local", &local, true },
		{ "destination=local", &mx, false },
		{ "destination=error", &refused, true },
		{ "reason=greylisted", &mx, true },
		{ "reason=come back", &mx, true },
		{ "reason=come back later", &mx, false },
		{ "older_s=100", &mx, true },
		{ "older_s=101", &mx, false },
		{ "reason=450\tsender=alice@here.example\trecipient=@one.example", &mx, true },
		{ "reason=450\tsender=alice@here.example\trecipient=@two.example", &mx, false },
	};
	struct queued *m = make("alice@here.example");

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char octets[200];
		struct command c;
		struct buf line;

		buf_init_fixed(&line, octets, sizeof octets);
		put_format(&line, "list\t%s\n", rows[i].selection);
		put_char(&line, '\0');
		assert_int_equal(take(octets, &c) == 0 && command_means_message(&c, m, 1100) && command_means(&c, m->at, rows[i].hop),
			rows[i].is_meant);
	}
	queued_free(&m);
}

static void
the_null_path_is_written_as_in_smtp(void **state)
{
	struct queued *m = make("");
	struct command c;

	(void)state;
	assert_int_equal(take("list\tsender=<>\n", &c), 0);
	assert_true(command_means_message(&c, m, 1100));
	queued_free(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_a_command_only_when_all_of_it_is_understood),
		cmocka_unit_test(an_action_that_names_nobody_is_refused),
		cmocka_unit_test(all_that_is_said_has_to_hold),
		cmocka_unit_test(the_null_path_is_written_as_in_smtp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
