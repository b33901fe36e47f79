#include "proto/mime/charset.h"

#include "proto/rfc5322/test_rows.h"

static void
character_sets_become_utf8(void **state)
{
	static const struct {
		const char *charset, *input, *want;
	} rows[] = {
		{ "us-ascii", "abc", "abc" },
		{ "US-ASCII", "caf\xc3\xa9", "caf\xc3\xa9" },
		{ "ascii", "caf\xe9", "caf\xc3\xa9" },
		{ "utf-8", "caf\xc3\xa9", "caf\xc3\xa9" },
		{ "UTF8", "bad \xff stays", "bad \xff stays" },
		{ "iso-8859-1", "caf\xe9 \xa4", "caf\xc3\xa9 \xc2\xa4" },
		{ "latin1", "\x93quoted\x94", "\xe2\x80\x9cquoted\xe2\x80\x9d" },
		{ "ISO-8859-15", "\xa4 \xa6\xa8 \xb4\xb8 \xbc\xbd\xbe \xff",
			"\xe2\x82\xac \xc5\xa0\xc5\xa1 \xc5\xbd\xc5\xbe \xc5\x92\xc5\x93\xc5\xb8 "
			"\xc3\xbf" },
		{ "windows-1252", "\x80 \x81 \x9f \xa0 \xff",
			"\xe2\x82\xac \xc2\x81 \xc5\xb8 \xc2\xa0 \xc3\xbf" },
		{ "iso-8859-2", "\xa1\xf3", "\xc4\x84\xc3\xb3" },
		{ "iso-8859-5", "\xbf", "\xd0\x9f" },
		{ "iso-8859-7", "\xe1", "\xce\xb1" },
		{ "iso-8859-9", "\xfd", "\xc4\xb1" },
		{ "iso-8859-16", "\xa4", "\xe2\x82\xac" },
		{ "windows-1250", "\x9a", "\xc5\xa1" },
		{ "windows-1251", "\xcf\xf0\xe8", "\xd0\x9f\xd1\x80\xd0\xb8" },
		{ "koi8-r", "\xf0", "\xd0\x9f" },
		{ "KOI8-U", "\xa4", "\xd1\x94" },
		{ "gb2312", "\xc4\xe3\xba\xc3", "\xe4\xbd\xa0\xe5\xa5\xbd" },
		{ "GBK", "\xc4\xe3", "\xe4\xbd\xa0" },
		{ "gb18030", "\x81\x30\x81\x30", "\xc2\x80" },
		{ "big5", "\xa7\x41", "\xe4\xbd\xa0" },
		{ "Shift_JIS", "\x82\xa0", "\xe3\x81\x82" },
		{ "iso-2022-jp", "\x1b$B$\"\x1b(B!", "\xe3\x81\x82!" },
		{ "euc-jp", "\xa4\xa2", "\xe3\x81\x82" },
		{ "euc-kr", "\xb0\xa1", "\xea\xb0\x80" },
		{ "ks_c_5601-1987", "\xb0\xa1", "\xea\xb0\x80" },
		{ "utf-7", "a+AOk-b",
			"a\xc3\xa9"
			"b" },
		{ "gb2312", "ok\xff\xffok", "ok\xef\xbf\xbd\xef\xbf\xbdok" },
		{ "gb2312", "cut\xc4", "cut\xef\xbf\xbd" },
		{ "iso-2022-jp", "\x1b$B$", "\xef\xbf\xbd" },
	};
	struct buf got;

	(void)state;
	mime_charsets_preload();
	buf_init(&got, 1000);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct charset *charset = charset_find(bytes_text(rows[i].charset));

		if (!charset)
			fail_msg("%s is not known", rows[i].charset);
		buf_reset(&got);
		put_charset_utf8(&got, charset, bytes_text(rows[i].input));
		assert_text(rows[i].charset, &got, rows[i].want);
	}
	buf_done(&got);
}

static void
every_converter_of_the_list_is_there(void **state)
{
	static const char *const names[] = { "iso-8859-2", "iso-8859-3", "iso-8859-4", "iso-8859-5",
		"iso-8859-6", "iso-8859-7", "iso-8859-8", "iso-8859-9", "iso-8859-10",
		"iso-8859-11", "iso-8859-13", "iso-8859-14", "iso-8859-16", "windows-1250",
		"windows-1251", "windows-1253", "windows-1254", "windows-1255", "windows-1256",
		"windows-1257", "windows-1258", "koi8-r", "koi8-u", "gb18030", "gbk", "gb2312",
		"big5", "shift_jis", "iso-2022-jp", "euc-jp", "euc-kr", "utf-16", "utf-16le",
		"utf-16be", "utf-7", "tis-620", "macintosh" };
	struct buf got;

	(void)state;
	buf_init(&got, 100);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const struct charset *charset = charset_find(bytes_text(names[i]));

		if (!charset)
			fail_msg("%s is not known", names[i]);
		buf_reset(&got);
		/* What no converter opens goes through as it is: the same octet would. */
		put_charset_utf8(&got, charset, BYTES("\xff"));
		if (bytes_equal(buf_bytes(&got), BYTES("\xff")))
			fail_msg("%s has no converter", names[i]);
	}
	buf_done(&got);
}

static void
what_is_not_on_the_list_is_not_known(void **state)
{
	static const char *const names[] = { "", "x", "iso-2022-cn-ext", "ISO-2022-CN-EXT",
		"//TRANSLIT", "utf-8//IGNORE", "ebcdic-us", "../../tmp/x",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_null(charset_find(bytes_text(names[i])));
}

static void
long_texts_are_converted_whole(void **state)
{
	struct buf in, got;

	(void)state;
	buf_init(&in, 1 << 20);
	buf_init(&got, 1 << 20);
	for (int i = 0; i < 20000; i++)
		put_text(&in, "\xcf\xf0");
	put_charset_utf8(&got, charset_find(BYTES("windows-1251")), buf_bytes(&in));
	assert_int_equal(got.len, 80000);
	assert_true(bytes_is_utf8(buf_bytes(&got)));
	buf_done(&in);
	buf_done(&got);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(character_sets_become_utf8),
		cmocka_unit_test(every_converter_of_the_list_is_there),
		cmocka_unit_test(what_is_not_on_the_list_is_not_known),
		cmocka_unit_test(long_texts_are_converted_whole),
	};

	return cmocka_run_group_tests_name("mime/charset", tests, NULL, NULL);
}
