#include "config/aliases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static char troubles[1000];

static void
on_trouble(void *arg, uint32_t line, uint32_t column, const char *sentence)
{
	(void)arg;
	(void)snprintf(troubles + strlen(troubles), sizeof troubles - strlen(troubles), "%u:%u %.30s;", line, column, sentence);
}

/* name>target,target; for each entry, those of a list without a name. */
static void
put_entry(const struct aliases_entry *entry, struct buf *out)
{
	put_bytes(out, entry->name.text);
	for (size_t i = 0; i < entry->target_count; i++) {
		put_text(out, i ? "," : ">");
		put_bytes(out, entry->targets[i].text);
	}
	put_char(out, ';');
}

static void
read_all(const char *text, bool is_list, struct buf *out)
{
	struct arena *arena = arena_new("test", 1 << 20, ARENA_PLAIN);
	struct aliases_entry entry;
	struct aliases reader;

	troubles[0] = '\0';
	aliases_begin(&reader, bytes_text(text), arena, on_trouble, NULL);
	if (is_list) {
		aliases_read_list(&reader, &entry);
		put_entry(&entry, out);
	}
	while (!is_list && aliases_next(&reader, &entry))
		put_entry(&entry, out);
	arena_free(&arena);
}

struct row {
	const char *text, *want, *troubles;
};

static void
check_rows(const struct row *rows, size_t count, bool is_list)
{
	for (size_t i = 0; i < count; i++) {
		char space[1000];
		struct buf out;

		buf_init_fixed(&out, space, sizeof space);
		read_all(rows[i].text, is_list, &out);
		put_char(&out, '\0');
		if (strcmp(space, rows[i].want) != 0 || strncmp(troubles, rows[i].troubles, strlen(rows[i].troubles)) != 0
			|| (rows[i].troubles[0] == '\0' && troubles[0]))
			fail_msg("%s: %s %s", rows[i].text, space, troubles);
	}
}

static void
entries_are_read_as_sendmail_and_postfix_do(void **state)
{
	static const struct row rows[] = {
		{ "", "", "" },
		{ "# nothing\n\n \t\n  # nothing\n", "", "" },
		{ "root: alice", "root>alice;", "" },
		{ "root:alice\n", "root>alice;", "" },
		{ "root :\talice , bob@example.org\r\n", "root>alice,bob@example.org;", "" },
		{ "a: b\nc: d\n", "a>b;c>d;", "" },
		{ "a: b,\n   c,\n\td\ne: f", "a>b,c,d;e>f;", "" },
		{ "a:\n b", "a>b;", "" },
		{ "a: b,\n# between\n\n  # too\n  c\n", "a>b,c;", "" },
		{ "a: b,\n", "a>b;", "" },
		{ "\"a b\": \"c d\"@example.org", "a b>c d@example.org;", "" },
		{ "\"a: \\\"b\\\"\": c", "a: \"b\">c;", "" },
		{ "@example.org: c", "@example.org>c;", "" },
		{ "a: :include:/etc/list", "a>:include:/etc/list;", "" },
		{ "a: \"|/bin/x -a, b\", c", "a>|/bin/x -a, b,c;", "" },
		{ "a: |/bin/x -a, b\nc: d", "a>|/bin/x;c>d;", "" },
		{ "a: \\a, b", "a>\\a,b;", "" },
		{ "\xC3\xA9: alice", "\xC3\xA9>alice;", "" },
	};

	(void)state;
	check_rows(rows, COUNT(rows), false);
}

static void
what_is_wrong_is_told_with_its_place_and_the_rest_is_read(void **state)
{
	static const struct row rows[] = {
		{ " a: b\nc: d", "c>d;", "1:1 this goes on with an alias, an" },
		{ "a b\nc: d", "c>d;", "1:1 an alias is written: " },
		{ "a\nc: d", "c>d;", "1:1 an alias is written: " },
		{ "a, b: c\n", "", "1:1 an alias is written: " },
		{ ": c\n", "", "1:1 an address is missing here" },
		{ "a:\nc: d", "c>d;", "1:1 there is no address behind the" },
		{ "a: b c\nd: e", "d>e;", "1:6 a comma is missing before this" },
		{ "a: b\n  c\nd: e", "d>e;", "2:3 a comma is missing before this" },
		{ "a: b,, c\n", "", "1:6 an address is missing here" },
		{ "\xC3\xA9\xC3\xA9: b c\n", "", "1:7 a comma is missing before this" },
		{ "a: \"b\nc: d", "c>d;", "1:4 the quotes that begin here are" },
		{ "a: \"b\\\nc: d", "c>d;", "1:4 the quotes that begin here are" },
		{ "a: b (Bob)\nc: d", "c>d;", "1:6 write the address alone: names" },
		{ "a: Bob <b@c>\nc: d", "c>d;", "1:8 write the address alone: names" },
		{ "a: <b@c>\nc: d", "c>d;", "1:4 write the address alone: names" },
		{ "a\n b\nx: y z\nc: d", "c>d;", "1:1 an alias is written: NAME: ADD;3:6 a comma is missing before this;" },
	};

	(void)state;
	check_rows(rows, COUNT(rows), false);
}

static void
a_list_has_an_address_on_each_line_or_commas(void **state)
{
	static const struct row rows[] = {
		{ "", ";", "" },
		{ "# nobody\n", ";", "" },
		{ "a\nb\n", ">a,b;", "" },
		{ "a, b,\n\n# c\n  c\r\n", ">a,b,c;", "" },
		{ ":include:/x\n", ">:include:/x;", "" },
		{ "a b\nc\n", ">a,c;", "1:3 a comma is missing before this" },
		{ "(x)\n\"c\n,\nd", ">d;", "1:1 write the address alone: names;2:1 the quotes that begin here are;3:1 an address is missing here;" },
	};

	(void)state;
	check_rows(rows, COUNT(rows), true);
}

static void
nothing_grows_without_a_bound(void **state)
{
	static char text[80000], space[80000];
	size_t at = (size_t)snprintf(text, sizeof text, "a: ");
	struct buf out;

	(void)state;
	for (unsigned int i = 0; i < ALIASES_TARGETS_MAX + 1; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, "x%u,", i);
	(void)snprintf(text + at, sizeof text - at, "\nb: c");
	buf_init_fixed(&out, space, sizeof space);
	read_all(text, false, &out);
	assert_true(bytes_equal(buf_bytes(&out), BYTES("b>c;")));
	assert_non_null(strstr(troubles, "there are 8192 addresses at mo"));
	memset(text, 'x', 1025);
	(void)snprintf(text + 1025, 10, ": b");
	buf_reset(&out);
	read_all(text, false, &out);
	assert_int_equal(out.len, 0);
	assert_non_null(strstr(troubles, "that is longer than any addres"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_read_as_sendmail_and_postfix_do),
		cmocka_unit_test(what_is_wrong_is_told_with_its_place_and_the_rest_is_read),
		cmocka_unit_test(a_list_has_an_address_on_each_line_or_commas),
		cmocka_unit_test(nothing_grows_without_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
