#include "config/tree.h"

#include "base/memory.h"
#include "config/test_support.h"

#include <stdio.h>
#include <string.h>

/* A tree as one line: name(value,value){…}; */
static void
put_nodes(struct buf *out, const struct config_node *node)
{
	for (; node; node = node->next) {
		put_bytes(out, node->name.text);
		for (size_t i = 0; i < node->value_count; i++) {
			put_char(out, '|');
			put_bytes(out, node->values[i].text);
		}
		if (node->has_block) {
			put_char(out, '{');
			put_nodes(out, node->children);
			put_char(out, '}');
		}
		put_char(out, ';');
	}
}

struct row {
	const char *text, *tree;
	const char *errors; /* "line:column " for each */
};

static const struct row rows[] = {
	{ "", "", "" },
	{ " \t\r\n # nothing\n#", "", "" },
	{ "a;", "a;", "" },
	{ "a b c;", "a|b|c;", "" },
	{ "a\n  b # x\n  c\n;", "a|b|c;", "" },
	{ "a{}", "a{};", "" },
	{ "a b { c d; e; }", "a|b{c|d;e;};", "" },
	{ "a { b { c; } } d;", "a{b{c;};};d;", "" },
	{ "a {};;b;", "a{};b;", "" },
	{ "a \"\";", "a|;", "" },
	{ "a \"b c;{}#\" d;", "a|b c;{}#|d;", "" },
	{ "a \"\\\\ \\\" \\n\\r\\t\";", "a|\\ \" \n\r\t;", "" },
	{ "a\"b\"c;", "a|b|c;", "" },
	{ "a b#c;", "a|b#c;", "" },
	{ "a /x/%{b}/%u;", "a|/x/%{b}/%u;", "" },
	{ "a (&(b=c)(d=*));", "a|(&(b=c)(d=*));", "" },
	{ "a b\\c;", "a|b\\c;", "" },
	{ "\xef\xbb\xbf" "a;", "a;", "" },
	{ "a b", "a|b;", "1:1 " },
	{ "a { b", "a{b;};", "1:5 1:3 " },
	{ "a { b }", "a{b;};", "1:5 " },
	{ "}", "", "1:1 " },
	{ "a; } b;", "a;b;", "1:4 " },
	{ "{ a; } b;", "b;", "1:1 " },
	{ "a \"b\nc;", "a|b|c;", "1:3 " },
	{ "a \"\\x\";", "a|x;", "1:5 " },
	{ "a \"b\\\nc;", "a|b |c;", "1:6 1:3 " },
	{ "a \x01 b;", "a|b;", "1:3 " },
	{ "a %{b c;", "a|%{b|c;", "1:3 " },
	{ "\xc3\xa9\xc3\xa9 \x7f;", "\xc3\xa9\xc3\xa9;", "1:4 " },
	{ "a {\n b {\n c {\n d {\n e {\n", "a{b{c{d{e;};};};};", "5:4 " },
};

static void
statements_are_read_and_every_error_is_placed(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena *arena = arena_new("test", 65536, ARENA_PLAIN);
		struct config_errors *errors = NEW(struct config_errors);
		struct config_node *first;
		char tree[512] = "", places[256] = "";
		struct buf out, at;
		int result = config_tree_read(bytes_text(rows[i].text), "f", arena, &first, errors);

		buf_init_fixed(&out, tree, sizeof tree - 1);
		buf_init_fixed(&at, places, sizeof places - 1);
		put_nodes(&out, first);
		for (size_t e = 0; e < errors->count; e++)
			put_format(&at, "%u:%u ", errors->at[e].line, errors->at[e].column);
		assert_string_equal(tree, rows[i].tree);
		assert_string_equal(places, rows[i].errors);
		assert_int_equal(result, errors->count ? -1 : 0);
		memory_free(errors);
		arena_free(&arena);
	}
}

static void
limits_end_the_reading_with_one_error(void **state)
{
	struct config_errors *errors = NEW(struct config_errors);
	struct config_node *first;
	struct arena *arena = arena_new("test", 4096, ARENA_PLAIN);
	struct buf text;

	(void)state;
	buf_init(&text, 100000);
	for (int i = 0; i < 2000; i++)
		put_text(&text, "a b;\n");
	assert_int_equal(config_tree_read(buf_bytes(&text), "f", arena, &first, errors), -1);
	assert_int_equal(errors->count, 1);
	arena_free(&arena);

	arena = arena_new("test", 1 << 20, ARENA_PLAIN);
	buf_reset(&text);
	errors->count = 0;
	for (int i = 0; i < CONFIG_VALUES_MAX + 2; i++)
		put_text(&text, "a ");
	put_text(&text, ";");
	assert_int_equal(config_tree_read(buf_bytes(&text), "f", arena, &first, errors), -1);
	assert_int_equal(errors->count, 1);
	arena_free(&arena);
	buf_done(&text);
	memory_free(errors);
}

static const char *const values[] = { "", "a", "a b", "#", "a#", "%{x}", "a%{x}b", "%{x", "{", "}", ";", "\"", "\\", "a\nb\r\t",
	"\xc3\xa9", "%{a b}", "%%{x}", "-----BEGIN X-----\nQQ==\n" };

static void
a_printed_value_reads_back_as_it_was(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		struct arena *arena = arena_new("test", 65536, ARENA_PLAIN);
		struct config_errors *errors = NEW(struct config_errors);
		struct config_node *first;
		struct buf out;

		buf_init(&out, 1000);
		put_text(&out, "a ");
		config_tree_put_value(&out, bytes_text(values[i]));
		put_text(&out, ";");
		assert_int_equal(config_tree_read(buf_bytes(&out), "f", arena, &first, errors), 0);
		assert_int_equal(first->value_count, 1);
		assert_true(bytes_equal(first->values[0].text, bytes_text(values[i])));
		buf_done(&out);
		memory_free(errors);
		arena_free(&arena);
	}
}

static void
more_errors_than_fit_are_counted(void **state)
{
	struct arena *arena = arena_new("test", 65536, ARENA_PLAIN);
	struct config_errors *errors = NEW(struct config_errors);
	struct config_node *first;
	char text[CONFIG_ERRORS_MAX + 51];

	(void)state;
	memset(text, '}', sizeof text);
	assert_int_equal(config_tree_read(bytes_of(text, sizeof text), "f", arena, &first, errors), -1);
	assert_int_equal(errors->count, sizeof text);
	memory_free(errors);
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statements_are_read_and_every_error_is_placed),
		cmocka_unit_test(limits_end_the_reading_with_one_error),
		cmocka_unit_test(a_printed_value_reads_back_as_it_was),
		cmocka_unit_test(more_errors_than_fit_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
