/* RFC 3501 9, rule by rule: what is taken, what is left, what is refused. */
#include "proto/imap/grammar.h"

#include "proto/imap/test_rows.h"
#include "view/view.h"

static struct arena *arena;

/* want: what was taken; NULL: refused, and nothing is taken. */
struct row {
	const char *name, *in, *want, *rest;
};

typedef bool take_text_rule(struct bytes *in, struct bytes *out);

static void
check_rows(const struct row *rows, size_t count, take_text_rule *take)
{
	for (size_t i = 0; i < count; i++) {
		struct bytes in = bytes_text(rows[i].in), out = BYTES_NONE;
		bool is_taken = take(&in, &out);

		arena_reset(arena);
		if (is_taken != (rows[i].want != NULL))
			fail_msg("%s: %s", rows[i].name, is_taken ? "taken" : "refused");
		assert_octets(rows[i].name, in, bytes_text(is_taken ? rows[i].rest : rows[i].in));
	}
	for (size_t i = 0; i < count; i++) {
		struct bytes in = bytes_text(rows[i].in), out = BYTES_NONE;

		if (take(&in, &out))
			assert_octets(rows[i].name, out, bytes_text(rows[i].want));
		arena_reset(arena);
	}
}

static bool
take_string(struct bytes *in, struct bytes *out)
{
	return take_imap_string(in, arena, out);
}

static bool
take_astring(struct bytes *in, struct bytes *out)
{
	return take_imap_astring(in, arena, out);
}

static bool
take_list_mailbox(struct bytes *in, struct bytes *out)
{
	return take_imap_list_mailbox(in, arena, out);
}

static bool
take_mailbox(struct bytes *in, struct bytes *out)
{
	return take_imap_mailbox(in, arena, out);
}

static bool
take_nstring(struct bytes *in, struct bytes *out)
{
	bool is_nil;

	if (!take_imap_nstring(in, arena, &is_nil, out))
		return false;
	if (is_nil)
		*out = BYTES("(nil)");
	return true;
}

static void
tag_is_astring_chars_without_plus(void **state)
{
	static const struct row rows[] = {
		{ "usual", "A001 NOOP", "A001", " NOOP" },
		{ "resp-specials", "a]b x", "a]b", " x" },
		{ "specials that atoms may have", ".!#$&'-/:;<=>?@[^_`|}~ x", ".!#$&'-/:;<=>?@[^_`|}~", " x" },
		{ "ends at plus", "a+b", "a", "+b" },
		{ "plus first", "+a", NULL, NULL },
		{ "empty", "", NULL, NULL },
		{ "space", " a", NULL, NULL },
		{ "quoted", "\"a\"", NULL, NULL },
		{ "wildcard", "*", NULL, NULL },
	};

	(void)state;
	check_rows(rows, COUNT_OF(rows), take_imap_tag);
}

static void
atom_is_atom_chars(void **state)
{
	static const struct row rows[] = {
		{ "letters", "NOOP", "NOOP", "" },
		{ "ends at parenthesis", "a(b", "a", "(b" },
		{ "ends at closing one", "a)", "a", ")" },
		{ "ends at brace", "a{1}", "a", "{1}" },
		{ "ends at space", "a b", "a", " b" },
		{ "ends at percent", "a%", "a", "%" },
		{ "ends at star", "a*", "a", "*" },
		{ "ends at quote", "a\"", "a", "\"" },
		{ "ends at backslash", "a\\", "a", "\\" },
		{ "ends at bracket", "a]", "a", "]" },
		{ "ends at control", "a\x7f", "a", "\x7f" },
		{ "ends at high", "a\xc3\xa9", "a", "\xc3\xa9" },
		{ "opening bracket", "BODY[TEXT]", "BODY[TEXT", "]" },
		{ "empty", "", NULL, NULL },
	};

	(void)state;
	check_rows(rows, COUNT_OF(rows), take_imap_atom);
}

static void
string_is_quoted_or_literal(void **state)
{
	static const struct row rows[] = {
		{ "quoted", "\"a b\" x", "a b", " x" },
		{ "empty", "\"\"", "", "" },
		{ "escaped", "\"a\\\"b\\\\c\"", "a\"b\\c", "" },
		{ "escape of another", "\"a\\b\"", NULL, NULL },
		{ "no end", "\"a", NULL, NULL },
		{ "no end behind escape", "\"a\\", NULL, NULL },
		{ "CR", "\"a\rb\"", NULL, NULL },
		{ "LF", "\"a\nb\"", NULL, NULL },
		{ "UTF-8 is let through", "\"\xc3\xa9\"", "\xc3\xa9", "" },
		{ "literal", "{3}\r\na\"b x", "a\"b", " x" },
		{ "literal without waiting", "{3+}\r\na\r\nx", "a\r\n", "x" },
		{ "empty literal", "{0}\r\nx", "", "x" },
		{ "short literal", "{3}\r\nab", NULL, NULL },
		{ "no line end", "{3}abc", NULL, NULL },
		{ "no number", "{}\r\nabc", NULL, NULL },
		{ "atom", "abc", NULL, NULL },
	};

	(void)state;
	check_rows(rows, COUNT_OF(rows), take_string);
}

static void
string_literal_has_no_nul(void **state)
{
	struct bytes in = BYTES("{3}\r\na\0b"), out;

	(void)state;
	assert_false(take_imap_string(&in, arena, &out));
	in = BYTES("\"a\0b\"");
	assert_false(take_imap_string(&in, arena, &out));
}

static void
nstring_is_string_or_nil(void **state)
{
	static const struct row rows[] = {
		{ "NIL", "NIL)", "(nil)", ")" },
		{ "nil", "nil", "(nil)", "" },
		{ "NILS", "NILS", NULL, NULL },
		{ "quoted NIL", "\"NIL\"", "NIL", "" },
		{ "atom", "x", NULL, NULL },
	};

	(void)state;
	check_rows(rows, COUNT_OF(rows), take_nstring);
}

static void
astring_is_astring_chars_or_string(void **state)
{
	static const struct row rows[] = {
		{ "atom", "abc def", "abc", " def" },
		{ "resp-specials", "a]b", "a]b", "" },
		{ "quoted", "\"a b\"", "a b", "" },
		{ "literal", "{1}\r\n(", "(", "" },
		{ "wildcards end it", "a*", "a", "*" },
		{ "empty", "", NULL, NULL },
		{ "parenthesis", "(", NULL, NULL },
	};

	(void)state;
	check_rows(rows, COUNT_OF(rows), take_astring);
}

static void
list_mailbox_has_wildcards(void **state)
{
	static const struct row rows[] = {
		{ "star", "*", "*", "" },
		{ "mixed", "a.%]*b c", "a.%]*b", " c" },
		{ "quoted", "\"a *\"", "a *", "" },
		{ "empty quoted", "\"\"", "", "" },
		{ "empty", "", NULL, NULL },
	};

	(void)state;
	check_rows(rows, COUNT_OF(rows), take_list_mailbox);
}

static void
mailbox_inbox_is_in_capitals(void **state)
{
	static const struct row rows[] = {
		{ "inbox", "inBoX x", "INBOX", " x" },
		{ "quoted", "\"inbox\"", "INBOX", "" },
		{ "below", "inbox.a", "INBOX.a", "" },
		{ "quoted below", "\"InBox.inbox\"", "INBOX.inbox", "" },
		{ "no level of its own", "inboxes", "inboxes", "" },
		{ "none", "\"\"", "", "" },
		{ "another", "Sent", "Sent", "" },
	};

	(void)state;
	check_rows(rows, COUNT_OF(rows), take_mailbox);
}

static void
numbers_are_of_32_bits(void **state)
{
	static const struct {
		const char *in;
		bool is_number, is_nz;
		uint32_t value;
	} rows[] = {
		{ "0", true, false, 0 },
		{ "1", true, true, 1 },
		{ "4294967295", true, true, UINT32_MAX },
		{ "4294967296", false, false, 0 },
		{ "99999999999999999999", false, false, 0 },
		{ "007", true, false, 7 },
		{ "x", false, false, 0 },
		{ "", false, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bytes in = bytes_text(rows[i].in), again = in;
		uint32_t number = 0, nz = 0;

		assert_int_equal(take_imap_number(&in, &number), rows[i].is_number);
		assert_int_equal(take_imap_nz_number(&again, &nz), rows[i].is_nz);
		assert_int_equal(number, rows[i].value);
		assert_int_equal(nz, rows[i].is_nz ? rows[i].value : 0);
	}
}

static void
flag_lists(void **state)
{
	static const struct {
		const char *in, *keywords;
		bool is_taken;
		uint32_t flags;
	} rows[] = {
		{ "()", "", true, 0 },
		{ "(\\Seen)", "", true, VIEW_SEEN },
		{ "(\\answered \\FLAGGED \\Deleted \\Draft)", "", true,
			VIEW_ANSWERED | VIEW_FLAGGED | VIEW_DELETED | VIEW_DRAFT },
		{ "($Junk \\Seen NonJunk)", "$Junk NonJunk", true, VIEW_SEEN },
		{ "($Junk $JUNK)", "$Junk", true, 0 },
		{ "(\\Extension)", "", true, 0 },
		{ "(\\Recent)", "", false, 0 },
		{ "(Recent)", "Recent", true, 0 },
		{ "(\\*)", "", false, 0 },
		{ "(\\Seen", "", false, 0 },
		{ "( \\Seen)", "", false, 0 },
		{ "(\\Seen )", "", false, 0 },
		{ "(\\)", "", false, 0 },
		{ "\\Seen", "", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bytes in = bytes_text(rows[i].in);
		struct imap_flags flags;

		assert_int_equal(take_imap_flag_list(&in, arena, &flags), rows[i].is_taken);
		if (!rows[i].is_taken)
			continue;
		assert_int_equal(flags.flags, rows[i].flags);
		assert_octets(rows[i].in, flags.keywords, bytes_text(rows[i].keywords));
	}
}

static void
dates(void **state)
{
	static const struct {
		const char *in;
		bool is_taken;
		int64_t day;
	} rows[] = {
		{ "1-Jan-1970", true, 0 },
		{ "01-Jan-1970", true, 0 },
		{ "\"2-jan-1970\"", true, 1 },
		{ "31-Dec-1969", true, -1 },
		{ "29-Feb-2000", true, 11016 },
		{ "29-Feb-1900", false, 0 },
		{ "29-Feb-2001", false, 0 },
		{ "31-Apr-2001", false, 0 },
		{ "0-Jan-2001", false, 0 },
		{ "32-Jan-2001", false, 0 },
		{ "1-Foo-2001", false, 0 },
		{ "1-Jan-01", false, 0 },
		{ "\"1-Jan-2001", false, 0 },
		{ "001-Jan-2001", false, 0 },
		{ "1 Jan 2001", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bytes in = bytes_text(rows[i].in);
		int64_t day = 0;

		if (take_imap_date(&in, &day) != rows[i].is_taken)
			fail_msg("%s", rows[i].in);
		if (rows[i].is_taken)
			assert_int_equal(day, rows[i].day);
	}
}

static void
date_times(void **state)
{
	static const struct {
		const char *in;
		bool is_taken;
		int64_t unix_s;
	} rows[] = {
		{ "\"17-Jul-1996 02:44:25 -0700\"", true, 837596665 },
		{ "\" 1-Jan-1970 00:00:00 +0000\"", true, 0 },
		{ "\"01-Jan-1970 01:30:00 +0130\"", true, 0 },
		{ "\"01-Jan-1970 00:00:60 +0000\"", true, 60 },
		{ "\"1-Jan-1970 00:00:00 +0000\"", false, 0 },
		{ "\" 01-Jan-1970 00:00:00 +0000\"", false, 0 },
		{ "\"01-Jan-1970 24:00:00 +0000\"", false, 0 },
		{ "\"01-Jan-1970 00:60:00 +0000\"", false, 0 },
		{ "\"01-Jan-1970 00:00:00 0000\"", false, 0 },
		{ "\"01-Jan-1970 00:00:00 +2400\"", false, 0 },
		{ "\"01-Jan-1970 00:00:00 GMT\"", false, 0 },
		{ "\"01-Jan-1970 00:00:00 +0000", false, 0 },
		{ "01-Jan-1970 00:00:00 +0000", false, 0 },
		{ "\"30-Feb-1970 00:00:00 +0000\"", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bytes in = bytes_text(rows[i].in);
		int64_t unix_s = 0;

		if (take_imap_date_time(&in, &unix_s) != rows[i].is_taken)
			fail_msg("%s", rows[i].in);
		if (rows[i].is_taken)
			assert_int_equal(unix_s, rows[i].unix_s);
		else
			assert_int_equal(in.len, strlen(rows[i].in));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tag_is_astring_chars_without_plus),
		cmocka_unit_test(atom_is_atom_chars),
		cmocka_unit_test(string_is_quoted_or_literal),
		cmocka_unit_test(string_literal_has_no_nul),
		cmocka_unit_test(nstring_is_string_or_nil),
		cmocka_unit_test(astring_is_astring_chars_or_string),
		cmocka_unit_test(list_mailbox_has_wildcards),
		cmocka_unit_test(mailbox_inbox_is_in_capitals),
		cmocka_unit_test(numbers_are_of_32_bits),
		cmocka_unit_test(flag_lists),
		cmocka_unit_test(dates),
		cmocka_unit_test(date_times),
	};
	int failed;

	arena = arena_new("test", 1U << 20, ARENA_PLAIN);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_free(&arena);
	return failed;
}
