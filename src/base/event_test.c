#include "base/event.h"

#include "base/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static char line[5000];
static size_t lines;

static void
keep(void *arg, struct bytes in)
{
	assert_ptr_equal(arg, line);
	assert_true(in.len < sizeof line);
	memcpy(line, in.ptr, in.len);
	line[in.len] = '\0';
	lines++;
}

static int64_t
now_us(void)
{
	return INT64_C(760686745123456);
}

static void
use(enum event_format format, enum event_level least)
{
	event_set_sink(&(struct event_sink){ .write = keep,
		.now_us = now_us,
		.arg = line,
		.role = "front",
		.pid = 42,
		.format = format,
		.least = least });
	lines = 0;
}

static void
a_line_holds_time_level_name_role_context_and_fields(void **state)
{
	const struct event_context ctx = { .session = 7, .mail_id = "01ARZ3NDEKTSV4RRFFQ69G5FAV" };

	(void)state;
	use(EVENT_KEY_VALUE, LEVEL_DEBUG);
	event(&ctx, EV_RCPT_REFUSED, TEXT("rcpt", BYTES("a@b.c")), INT("code", 550), STR("why", "no such \"user\""),
		SECRET("password"));
	assert_string_equal(line, "1994-02-08T05:52:25.123456Z info recipient.refused role=front pid=42 session=7 "
				  "mail=01ARZ3NDEKTSV4RRFFQ69G5FAV rcpt=a@b.c code=550 why=\"no such \\\"user\\\"\" password=***\n");
	event(NULL, EV_SERVER_STARTED);
	assert_string_equal(line, "1994-02-08T05:52:25.123456Z notice server.started role=front pid=42\n");
	assert_int_equal(lines, 2);
}

static void
json_is_json(void **state)
{
	(void)state;
	use(EVENT_JSON, LEVEL_DEBUG);
	event(NULL, EV_LOGIN, STR("user", "a\"b\\c\x01\n"), TEXT("raw", BYTES("\xff\xc3")), TEXT("c1", BYTES("\xc2\x85\xc2\xa0")), INT("n", -5), SECRET("s"));
	assert_string_equal(line, "{\"time\":\"1994-02-08T05:52:25.123456Z\",\"level\":\"info\",\"event\":\"login\",\"role\":\"front\","
				  "\"pid\":42,\"user\":\"a\\\"b\\\\c\\u0001\\u000a\",\"raw\":\"\\u00ff\\u00c3\",\"c1\":\"\\u0085\xc2\xa0\",\"n\":-5,\"s\":\"***\"}\n");
}

static void
what_is_below_the_level_is_dropped(void **state)
{
	(void)state;
	use(EVENT_KEY_VALUE, LEVEL_WARNING);
	event(NULL, EV_LOGIN);
	assert_int_equal(lines, 0);
	event(NULL, EV_ROLE_DIED);
	assert_int_equal(lines, 1);
}

static void
a_field_that_does_not_fit_leaves_a_whole_line(void **state)
{
	static uint8_t long_octets[8000];

	(void)state;
	memset(long_octets, '"', sizeof long_octets);
	for (size_t len = 0; len < sizeof long_octets; len += 37) {
		size_t end;

		for (int format = EVENT_KEY_VALUE; format <= EVENT_JSON; format++) {
			use((enum event_format)format, LEVEL_DEBUG);
			event(NULL, EV_LOGIN, TEXT("x", bytes_of(long_octets, len)), INT("last", 1));
			end = strlen(line);
			assert_int_equal(line[end - 1], '\n');
			assert_int_equal(strchr(line, '\n') - line, end - 1);
			if (format == EVENT_JSON)
				assert_int_equal(line[end - 2], '}');
		}
	}
}

static void
wire_octets_cannot_forge_a_line(void **state)
{
	static const struct {
		struct bytes in;
		const char *want;
	} rows[] = {
		{ BYTES_INIT("plain@example.org"), "plain@example.org" },
		{ BYTES_INIT(""), "\"\"" },
		{ BYTES_INIT("a b"), "\"a b\"" },
		{ BYTES_INIT("a=b"), "a=b" },
		{ BYTES_INIT("a\r\nb"), "\"a\\x0d\\x0ab\"" },
		{ BYTES_INIT("\0"), "\"\\x00\"" },
		{ BYTES_INIT("\x1b[1m"), "\"\\x1b[1m\"" },
		{ BYTES_INIT("\x7f"), "\"\\x7f\"" },
		{ BYTES_INIT("a\"b\\"), "\"a\\\"b\\\\\"" },
		{ BYTES_INIT("Am\xc3\xa9rique"), "\"Am\xc3\xa9rique\"" },
		{ BYTES_INIT("Am\xe9rique"), "\"Am\\xe9rique\"" },
		{ BYTES_INIT("\xc2\x85"), "\"\\xc2\\x85\"" }, /* NEL, a control character */
		{ BYTES_INIT("\xd7\x90\xe2\x80\xaegro.\xe2\x81\xa9"), "\"\xd7\x90\\xe2\\x80\\xaegro.\\xe2\\x81\\xa9\"" }, /* what turns text round, UAX 9 */
		{ BYTES_INIT("a\xe2\x80\xa8" "b\xe2\x80\x8f\xd8\x9c"), "\"a\\xe2\\x80\\xa8" "b\\xe2\\x80\\x8f\\xd8\\x9c\"" }, /* and what begins a line */
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[100] = { 0 };
		struct buf b;

		buf_init_fixed(&b, text, sizeof text - 1);
		event_put_escaped(&b, rows[i].in);
		assert_string_equal(text, rows[i].want);
	}
}

static void
every_event_has_a_name_of_its_own_and_a_sentence(void **state)
{
	(void)state;
	for (int i = 0; i < EVENT_COUNT; i++) {
		const char *sentence = event_sentence((enum event_id)i);

		assert_true(bytes_all_class(bytes_text(event_name((enum event_id)i)), CLASS_ATEXT | CLASS_FTEXT));
		assert_int_equal(sentence[strlen(sentence) - 1], '.');
		assert_non_null(event_level_name(event_level_of((enum event_id)i)));
		for (int k = 0; k < i; k++)
			assert_string_not_equal(event_name((enum event_id)i), event_name((enum event_id)k));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_holds_time_level_name_role_context_and_fields),
		cmocka_unit_test(json_is_json),
		cmocka_unit_test(what_is_below_the_level_is_dropped),
		cmocka_unit_test(a_field_that_does_not_fit_leaves_a_whole_line),
		cmocka_unit_test(wire_octets_cannot_forge_a_line),
		cmocka_unit_test(every_event_has_a_name_of_its_own_and_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
