#include "proto/mime/search.h"

#include "proto/rfc5322/test_rows.h"

static void
texts_are_folded(void **state)
{
	static const struct {
		const char *name, *input, *want;
	} rows[] = {
		{ "ASCII", "Hello, WORLD @[`{ AZaz 0123456789",
			"hello, world @[`{ azaz 0123456789" },
		{ "accents are decomposed and kept", "\xc3\x89t\xc3\xa9", "e\xcc\x81te\xcc\x81" },
		{ "decomposed already", "E\xcc\x81", "e\xcc\x81" },
		{ "marks get their order", "a\xcc\x81\xcc\xa3", "a\xcc\xa3\xcc\x81" },
		{ "sharp s",
			"Stra\xc3\x9f"
			"e",
			"strasse" },
		{ "Greek sigma", "\xce\xa3\xcf\x82", "\xcf\x83\xcf\x83" },
		{ "Cyrillic", "\xd0\x9f\xd1\x80\xd0\xb8", "\xd0\xbf\xd1\x80\xd0\xb8" },
		{ "full width", "\xef\xbc\xa1", "a" },
		{ "ligature", "\xef\xac\x81n", "fin" },
		{ "CJK stays", "\xe4\xbd\xa0", "\xe4\xbd\xa0" },
		{ "broken UTF-8 stays",
			"A\xff\xc3"
			"B",
			"a\xff\xc3"
			"b" },
		{ "empty", "", "" },
	};
	struct buf got;

	(void)state;
	buf_init(&got, 1000);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		buf_reset(&got);
		put_folded(&got, bytes_text(rows[i].input));
		assert_text(rows[i].name, &got, rows[i].want);
	}
	buf_done(&got);
}

static void
every_ascii_octet_is_folded_as_one(void **state)
{
	uint8_t octets[128], want[128];
	struct buf got;

	(void)state;
	for (unsigned int i = 0; i < 128; i++) {
		octets[i] = (uint8_t)i;
		want[i] = byte_lower((uint8_t)i);
	}
	buf_init(&got, 128);
	put_folded(&got, bytes_of(octets, 128));
	assert_bytes("all", buf_bytes(&got), bytes_of(want, 128));
	buf_done(&got);
}

static void
check_contains(const char *haystack, const char *needle, bool want)
{
	struct buf folded;

	buf_init(&folded, 1000);
	put_folded(&folded, bytes_text(needle));
	if (text_contains(bytes_text(haystack), buf_bytes(&folded)) != want)
		fail_msg("%s in %s", needle, haystack);
	buf_done(&folded);
}

static void
needles_are_found(void **state)
{
	(void)state;
	check_contains("Hello, World", "WORLD", true);
	check_contains("Hello, World", "", true);
	check_contains("", "", true);
	check_contains("", "a", false);
	check_contains("abc", "abc", true);
	check_contains("abc", "abcd", false);
	check_contains("CAF\xc3\x89 au lait", "caf\xc3\xa9 AU", true);
	check_contains("r\xc3\xa9sum\xc3\xa9", "resume", false);
	check_contains("resume", "r\xc3\xa9sum\xc3\xa9", false);
	check_contains("STRASSE",
		"stra\xc3\x9f"
		"e",
		true);
}

static void
needles_are_found_wherever_chunks_end(void **state)
{
	static const char *const fillers[] = { "a", "\xc3\xa9", "\xe4\xbd\xa0" };
	struct buf text;

	(void)state;
	buf_init(&text, 1 << 20);
	for (size_t filler = 0; filler < sizeof fillers / sizeof *fillers; filler++) {
		for (int before = 0; before < 40; before++) {
			buf_reset(&text);
			while (text.len < 16384 - 40 + (size_t)before)
				put_text(&text, fillers[filler]);
			put_text(&text, "Needle \xc3\x89t\xc3\xa9");
			for (int i = 0; i < 9000; i++)
				put_text(&text, fillers[filler]);
			assert_true(text_contains(
				buf_bytes(&text), BYTES("needle e\xcc\x81te\xcc\x81")));
			assert_false(text_contains(buf_bytes(&text), BYTES("needle x")));
		}
	}
	buf_done(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_folded),
		cmocka_unit_test(every_ascii_octet_is_folded_as_one),
		cmocka_unit_test(needles_are_found),
		cmocka_unit_test(needles_are_found_wherever_chunks_end),
	};

	return cmocka_run_group_tests_name("mime/search", tests, NULL, NULL);
}
