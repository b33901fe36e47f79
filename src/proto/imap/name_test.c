#include "proto/imap/name.h"

#include "proto/imap/test_rows.h"

#include <string.h>
#include <time.h>

static void
names_are_modified_utf7_rfc3501_5_1_3(void **state)
{
	static const struct {
		const char *name;
		bool is_valid;
	} rows[] = {
		{ "INBOX", true },
		{ "Sent Items", true },
		{ "a.b.c", true },
		{ "~peter.mail.&U,BTFw-.&ZeVnLIqe-", true }, /* the RFC's example */
		{ "Entw&APw-rfe", true },
		{ "R&AOk-sum&AOk-", true },
		{ "a&-b", true },
		{ "&-&-", true },
		{ "&2D3eAA-", true }, /* U+1F600 as a pair of surrogates */
		{ "&2D0-", false }, /* half of it */
		{ "&3gA-", false }, /* the other half */
		{ "&Jjo!", false }, /* the RFC: not ended */
		{ "&U,BTFw-&ZeVnLIqe-", false }, /* the RFC: superfluous shift */
		{ "&", false },
		{ "a&", false },
		{ "&AOk", false },
		{ "&AGE-", false }, /* "a" must stand for itself */
		{ "&AAA-", false }, /* NUL */
		{ "&AO-", false }, /* not a whole unit */
		{ "&AOl-", false }, /* bits left over */
		{ "&A/k-", false }, /* "," is used instead of "/" */
		{ "", false },
		{ ".", false },
		{ ".a", false },
		{ "a.", false },
		{ "a..b", false },
		{ "a*", false },
		{ "a%", false },
		{ "a/b", false },
		{ "a\tb", false },
		{ "R\xc3\xa9sum\xc3\xa9", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (imap_name_is_valid(bytes_text(rows[i].name)) != rows[i].is_valid)
			fail_msg("%s", rows[i].name);
}

static void
names_are_bounded(void **state)
{
	char name[IMAP_NAME_MAX + 1];

	(void)state;
	memset(name, 'a', sizeof name);
	assert_true(imap_name_is_valid(bytes_of(name, IMAP_NAME_MAX)));
	assert_false(imap_name_is_valid(bytes_of(name, IMAP_NAME_MAX + 1)));
}

static void
patterns_match_as_rfc3501_6_3_8_says(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool matches;
	} rows[] = {
		{ "*", "a.b", true },
		{ "*%%*", "a.b", true },
		{ "*", "", true },
		{ "%", "a", true },
		{ "%", "a.b", false },
		{ "%.%", "a.b", true },
		{ "%.%", "a.b.c", false },
		{ "%.%", "a", false },
		{ "*.%", "a.b.c", true },
		{ "*%", "a.b", true },
		{ "%*", "a.b", true },
		{ "a*c", "abbc", true },
		{ "a*c", "abbd", false },
		{ "a*b*c", "axbxbxc", true },
		{ "a%b%c", "axbxbxc", true },
		{ "a%b%c", "axb.c", false },
		{ "*a%b", "a.xab", true },
		{ "*a%b", "xa.b", false },
		{ "*.%b", "a.b.ab", true },
		{ "%b", "bab", true },
		{ "a", "a", true },
		{ "a", "A", false },
		{ "a", "ab", false },
		{ "ab", "a", false },
		{ "", "", true },
		{ "", "a", false },
		{ "inbox", "INBOX", true },
		{ "iNb%", "INBOX", true },
		{ "inbox.*", "INBOX.a", true },
		{ "inbox", "INBOX.a", false },
		{ "inbox*", "INBOXES", false },
		{ "in*", "INBOX", true },
		{ "*x", "INBOX", true },
		{ "inbox.A", "INBOX.a", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (imap_name_matches(bytes_text(rows[i].pattern), bytes_text(rows[i].name)) != rows[i].matches)
			fail_msg("%s %s", rows[i].pattern, rows[i].name);
}

/* Each "%" may begin behind each octet that the "*" passed. */
static void
a_pattern_of_many_wildcards_takes_no_longer_than_others(void **state)
{
	char pattern[IMAP_PATTERN_MAX], name[IMAP_NAME_MAX];
	clock_t before = clock();

	(void)state;
	memset(name, 'a', sizeof name);
	memset(pattern, 'a', sizeof pattern);
	memcpy(pattern, "*a%", 3);
	pattern[130] = 'b';
	for (int i = 0; i < 2000; i++)
		assert_false(imap_name_matches(bytes_of(pattern, 131), bytes_of(name, sizeof name)));
	assert_true(clock() - before < 5 * CLOCKS_PER_SEC);
}

static void
special_names_have_their_use_rfc6154_2(void **state)
{
	(void)state;
	assert_string_equal(imap_name_special_use(BYTES("Sent")), "\\Sent");
	assert_null(imap_name_special_use(BYTES("sent")));
	assert_null(imap_name_special_use(BYTES("INBOX")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_modified_utf7_rfc3501_5_1_3),
		cmocka_unit_test(names_are_bounded),
		cmocka_unit_test(patterns_match_as_rfc3501_6_3_8_says),
		cmocka_unit_test(a_pattern_of_many_wildcards_takes_no_longer_than_others),
		cmocka_unit_test(special_names_have_their_use_rfc6154_2),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
