#include "proto/smtp/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define L10 "abcdefghij"
#define L60 L10 L10 L10 L10 L10 L10
#define L63 L60 "abc"

struct row {
	const char *in;
	/* NULL: refused */
	const char *local, *domain, *text;
};

static void
try(const struct row *row, bool may_utf8)
{
	struct bytes all = bytes_text(row->in), rest = all;
	struct arena *arena = arena_new("path", 4096, ARENA_PLAIN);
	struct smtp_path path;
	struct fault f;
	int result = smtp_path_parse(&rest, may_utf8, arena, &path, &f);

	if ((result == 0) != (row->local != NULL))
		fail_msg("%s: %s", row->in, result == 0 ? "taken" : f.text);
	if (result != 0) {
		assert_true(rest.ptr == all.ptr && rest.len == all.len);
		assert_true(f.kind == FAULT_SYNTAX || f.kind == FAULT_LIMIT);
	} else {
		assert_int_equal(rest.len, 0);
		assert_true(bytes_equal(path.local, bytes_text(row->local)));
		assert_true(bytes_equal(path.domain, bytes_text(row->domain)));
		assert_true(bytes_equal(path.text, bytes_text(row->text)));
	}
	arena_free(&arena);
}

static void
rfc5321_4_1_2_every_alternative_is_taken(void **state)
{
	static const struct row rows[] = {
		/* Reverse-path = Path / "<>" */
		{ "<>", "", "", "" },
		/* Dot-string = Atom *("." Atom) */
		{ "<a@b>", "a", "b", "a@b" },
		{ "<a.b.c@d.e>", "a.b.c", "d.e", "a.b.c@d.e" },
		{ "<!#$%&'*+-/=?^_`{|}~@d>", "!#$%&'*+-/=?^_`{|}~", "d", "!#$%&'*+-/=?^_`{|}~@d" },
		/* Quoted-string = DQUOTE *QcontentSMTP DQUOTE */
		{ "<\"\"@d>", "", "d", "\"\"@d" },
		{ "<\"a b\"@d>", "a b", "d", "\"a b\"@d" },
		{ "<\"a@b,c<d>\"@d>", "a@b,c<d>", "d", "\"a@b,c<d>\"@d" },
		{ "<\"\\\"\\\\\\a\"@d>", "\"\\a", "d", "\"\\\"\\\\\\a\"@d" },
		{ "<\"..\"@d>", "..", "d", "\"..\"@d" },
		/* Domain = sub-domain *("." sub-domain) */
		{ "<a@b-c.d9.9>", "a", "b-c.d9.9", "a@b-c.d9.9" },
		{ "<a@1.2.3.4>", "a", "1.2.3.4", "a@1.2.3.4" },
		{ "<a@" L63 "." L63 ">", "a", L63 "." L63, "a@" L63 "." L63 },
		/* leniency: "_", a final dot */
		{ "<a@my_host.d>", "a", "my_host.d", "a@my_host.d" },
		{ "<a@_b.d_>", "a", "_b.d_", "a@_b.d_" },
		{ "<a@b.c.>", "a", "b.c", "a@b.c." },
		/* address-literal */
		{ "<a@[0.0.0.0]>", "a", "[0.0.0.0]", "a@[0.0.0.0]" },
		{ "<a@[255.010.1.99]>", "a", "[255.010.1.99]", "a@[255.010.1.99]" },
		{ "<a@[IPv6:1:2:3:4:5:6:7:8]>", "a", "[IPv6:1:2:3:4:5:6:7:8]", "a@[IPv6:1:2:3:4:5:6:7:8]" },
		{ "<a@[ipv6:::]>", "a", "[ipv6:::]", "a@[ipv6:::]" },
		{ "<a@[IPv6:::1]>", "a", "[IPv6:::1]", "a@[IPv6:::1]" },
		{ "<a@[IPv6:1::]>", "a", "[IPv6:1::]", "a@[IPv6:1::]" },
		{ "<a@[IPv6:1:2:3::a:b:c]>", "a", "[IPv6:1:2:3::a:b:c]", "a@[IPv6:1:2:3::a:b:c]" },
		{ "<a@[IPv6:1:2:3:4:5:6:1.2.3.4]>", "a", "[IPv6:1:2:3:4:5:6:1.2.3.4]",
			"a@[IPv6:1:2:3:4:5:6:1.2.3.4]" },
		{ "<a@[IPv6:::ffff:1.2.3.4]>", "a", "[IPv6:::ffff:1.2.3.4]", "a@[IPv6:::ffff:1.2.3.4]" },
		{ "<a@[IPv6:1:2::3:4:1.2.3.4]>", "a", "[IPv6:1:2::3:4:1.2.3.4]", "a@[IPv6:1:2::3:4:1.2.3.4]" },
		{ "<a@[x-400:!$Z^~]>", "a", "[x-400:!$Z^~]", "a@[x-400:!$Z^~]" },
		/* [ A-d-l ":" ] is dropped */
		{ "<@a:b@c>", "b", "c", "b@c" },
		{ "<@a.b,@c.d,@e:\"x y\"@f>", "x y", "f", "\"x y\"@f" },
		/* Forward-path: <Postmaster> */
		{ "<postmaster>", "postmaster", "", "postmaster" },
		{ "<PostMaster>", "PostMaster", "", "PostMaster" },
		{ "<postmaster@d>", "postmaster", "d", "postmaster@d" },
		{ "<postmaster.x@d>", "postmaster.x", "d", "postmaster.x@d" },
		/* RFC 5321 4.5.3.1.1: 64 octets of local part must be taken, forwarders send more */
		{ "<" L60 "abcd@d>", L60 "abcd", "d", L60 "abcd@d" },
		{ "<" L60 L60 "@d>", L60 L60, "d", L60 L60 "@d" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		try(&rows[i], false);
		try(&rows[i], true);
	}
}

static void
what_is_no_path_is_refused(void **state)
{
	static const char *const rows[] = {
		"", "<", ">", "a@b", "<a@b", "a@b>", "< a@b>", "<a@b >", "<a b@c>", "<a>", "<@>", "<a@>", "<@b>", "<@b:>",
		"<.a@b>", "<a.@b>", "<a..b@c>", "<a@.b>", "<a@b..c>", "<a@b..>", "<a@-b>", "<a@b->", "<a@b-.c>", "<a@b c>",
		"<a@@b>", "<a@b@c>", "<(c)a@b>", "<a@b(c)>", "<a,b@c>", "<a;b@c>", "<a\\b@c>", "<a\"b@c>", "<a[b@c>",
		"<\"a@b>", "<\"a\"b@c>", "<\"a\"\"b\"@c>", "<\"a\\\"@b>", "<\"a\tb\"@c>", "<\"a\\\tb\"@c>", "<\"a\x7f\"@c>",
		"<a@b\n>", "<a\r@b>", "<a@[1.2.3]>", "<a@[1.2.3.4.5]>", "<a@[1.2.3.256]>", "<a@[1.2.3.0001]>",
		"<a@[1.2.3.4>", "<a@1.2.3.4]>", "<a@[]>", "<a@[IPv6:]>", "<a@[IPv6:1:2:3:4:5:6:7]>",
		"<a@[IPv6:1:2:3:4:5:6:7:8:9]>", "<a@[IPv6:1::2::3]>", "<a@[IPv6:12345::]>", "<a@[IPv6:g::]>",
		"<a@[IPv6:1:2:3:4::5:6:7]>", "<a@[IPv6:1:2:3:4:5:6:7::]>", "<a@[IPv6:1:2:3:4:5:6:7:1.2.3.4]>",
		"<a@[IPv6:1:2:3::4:5:1.2.3.4]>", "<a@[IPv6:1.2.3.4]>", "<a@[IPv6:1.2.3.4::]>", "<a@[IPv6:::1.2.3.4:1]>",
		"<a@[IPv6::1]>", "<a@[1:2]x>", "<a@[-:x]>", "<a@[a-:x]>", "<a@[tag:]>", "<a@[tag:a b]>", "<a@[tag:a[b]>",
		"<a@[tag]>", "<@a,b:c@d>", "<@a;@b:c@d>", "<@a:@b:c@d>", "<@a c@d>", "<postmasters>", "<postmaste>",
		"<a@" L63 "a>", "<<a@b>>",
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct row row = { .in = rows[i] };

		try(&row, false);
		try(&row, true);
	}
}

static void
what_stands_behind_a_path_is_left(void **state)
{
	struct bytes in = BYTES("<a@b> SIZE=1");
	struct smtp_path path;

	(void)state;
	assert_int_equal(smtp_path_parse(&in, false, NULL, &path, NULL), 0);
	assert_true(bytes_equal(in, BYTES(" SIZE=1")));
	in = BYTES("<><>");
	assert_int_equal(smtp_path_parse(&in, false, NULL, &path, NULL), 0);
	assert_true(path.is_null && bytes_equal(in, BYTES("<>")));
}

static void
rfc6531_3_3_characters_beyond_ascii_are_taken_only_when_allowed(void **state)
{
	static const struct row good[] = {
		{ "<\xc3\xb6@b>", "\xc3\xb6", "b", "\xc3\xb6@b" },
		{ "<a@b\xc3\xbc" "cher.d>", "a", "b\xc3\xbc" "cher.d", "a@b\xc3\xbc" "cher.d" },
		{ "<\"\xe4\xbd\xa0 \xf0\x9f\x93\xac\"@d>", "\xe4\xbd\xa0 \xf0\x9f\x93\xac", "d",
			"\"\xe4\xbd\xa0 \xf0\x9f\x93\xac\"@d" },
	};
	static const struct row bad[] = {
		{ .in = "<\xf6@b>" }, { .in = "<a@b\xfc>" }, { .in = "<\"\xff\"@d>" }, { .in = "<\xc0\x80@b>" },
		{ .in = "<\xed\xa0\x80@b>" }, { .in = "<\"\\\xc3\xb6\"@b>" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct row refused = { .in = good[i].in };

		try(&good[i], true);
		try(&refused, false);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		try(&bad[i], true);
		try(&bad[i], false);
	}
}

static void
rfc5321_4_5_3_1_3_a_path_has_256_octets_at_most(void **state)
{
	char text[600];

	(void)state;
	for (size_t local = 250; local <= 255; local++) {
		struct bytes in;
		struct smtp_path path;
		struct fault f;

		memset(text, 'a', sizeof text);
		text[0] = '<';
		memcpy(text + 1 + local, "@b>", 3);
		in = bytes_of(text, local + 4);
		assert_int_equal(smtp_path_parse(&in, false, NULL, &path, &f), local <= 252 ? 0 : -1);
		if (local > 252)
			assert_int_equal(f.kind, FAULT_LIMIT);
	}
}

static void
a_full_arena_refuses_a_quoted_string(void **state)
{
	struct arena *arena = arena_new("small", 4, ARENA_PLAIN);
	struct bytes in = BYTES("<\"a b\"@c>");
	struct smtp_path path;

	(void)state;
	assert_int_equal(smtp_path_parse(&in, false, arena, &path, NULL), -1);
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc5321_4_1_2_every_alternative_is_taken),
		cmocka_unit_test(what_is_no_path_is_refused),
		cmocka_unit_test(what_stands_behind_a_path_is_left),
		cmocka_unit_test(rfc6531_3_3_characters_beyond_ascii_are_taken_only_when_allowed),
		cmocka_unit_test(rfc5321_4_5_3_1_3_a_path_has_256_octets_at_most),
		cmocka_unit_test(a_full_arena_refuses_a_quoted_string),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
