#include "proto/rfc5322/address.h"

#include "proto/rfc5322/test_rows.h"

/* Addresses as one text: "name|route|local|domain" with "; " between, "name{" and "}" for groups.
 */
static void
put_list(struct buf *out, struct bytes in)
{
	struct rfc5322_address a;
	struct buf scratch;
	bool is_in_group = false;

	buf_init(&scratch, in.len);
	while (take_address(&in, &is_in_group, &scratch, &a)) {
		if (out->len)
			put_text(out, "; ");
		put_bytes(out, a.name);
		if (a.kind == ADDRESS_GROUP_BEGIN)
			put_char(out, '{');
		if (a.kind == ADDRESS_GROUP_END)
			put_char(out, '}');
		if (a.kind != ADDRESS_MAILBOX)
			continue;
		put_char(out, '|');
		put_bytes(out, a.route);
		put_char(out, '|');
		put_bytes(out, a.local);
		put_char(out, '|');
		put_bytes(out, a.domain);
	}
	assert_false(scratch.has_failed);
	buf_done(&scratch);
}

struct row {
	const char *name, *input, *want;
};

static void
check_rows(const struct row *rows, size_t count)
{
	struct buf got;

	buf_init(&got, 65536);
	for (size_t i = 0; i < count; i++) {
		buf_reset(&got);
		put_list(&got, bytes_text(rows[i].input));
		assert_text(rows[i].name, &got, rows[i].want);
	}
	buf_done(&got);
}

#define CHECK(rows) check_rows(rows, sizeof rows / sizeof *rows)

static void
each_form_of_rfc5322_3_4_is_read(void **state)
{
	static const struct row rows[] = {
		{ "addr-spec", "jdoe@example.org", "||jdoe|example.org" },
		{ "angle-addr", "<jdoe@example.org>", "||jdoe|example.org" },
		{ "name-addr", "John Doe <jdoe@machine.example>",
			"John Doe||jdoe|machine.example" },
		{ "quoted name", "\"Joe Q. Public\" <john.q.public@example.com>",
			"Joe Q. Public||john.q.public|example.com" },
		{ "quoted pairs", "\"Giant; \\\"Big\\\" Box\" <sysservices@example.net>",
			"Giant; \"Big\" Box||sysservices|example.net" },
		{ "words and quoted words", "A \"B, C\" D <e@f>", "A B, C D||e|f" },
		{ "list", "Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
			"Mary Smith||mary|x.test; ||jdoe|example.org; Who?||one|y.test" },
		{ "quoted local part", "\"john doe\"@example.org", "||john doe|example.org" },
		{ "at sign in quotes", "\"a@b\"@example.org", "||a@b|example.org" },
		{ "domain literal", "jdoe@[192.0.2.1]", "||jdoe|[192.0.2.1]" },
		{ "IPv6 literal", "<jdoe@[IPv6:2001:db8::1]>", "||jdoe|[IPv6:2001:db8::1]" },
		{ "bare IPv6 literal", "jdoe@[IPv6:2001:db8::1], x@y",
			"||jdoe|[IPv6:2001:db8::1]; ||x|y" },
		{ "literal with spaces", "jdoe@[ 192.0.2.1 ]", "||jdoe|[192.0.2.1]" },
		{ "encoded word is kept", "=?utf-8?q?J=C3=B6rg?= <j@x>",
			"=?utf-8?q?J=C3=B6rg?=||j|x" },
		{ "folded", "Mary\r\n Smith\r\n\t<mary@x.test>,\r\n jdoe@example.org",
			"Mary Smith||mary|x.test; ||jdoe|example.org" },
		{ "folded in quotes", "\"Mary\r\n Smith\" <m@x>", "Mary Smith||m|x" },
		{ "folded in disk form", "\"Mary\n Smith\"\n <m@x>", "Mary Smith||m|x" },
		{ "UTF-8 of RFC 6532",
			"J\xc3\xb6rg <j\xc3\xb6rg@b\xc3\xbc"
			"cher.example>",
			"J\xc3\xb6rg||j\xc3\xb6rg|b\xc3\xbc"
			"cher.example" },
	};

	(void)state;
	CHECK(rows);
}

static void
groups_open_and_close(void **state)
{
	static const struct row rows[] = {
		{ "group", "A Group:Ed Jones <joe@where.test>,joe@where.test,John <jdoe@one.test>;",
			"A Group{; Ed Jones||joe|where.test; ||joe|where.test; "
			"John||jdoe|one.test; }" },
		{ "empty group", "Undisclosed recipients:;", "Undisclosed recipients{; }" },
		{ "empty group with comment", "Undisclosed recipients:(nobody) ;",
			"Undisclosed recipients{; }" },
		{ "without end", "undisclosed-recipients:", "undisclosed-recipients{; }" },
		{ "quoted name", "\"A: B\": x@y;", "A: B{; ||x|y; }" },
		{ "between mailboxes", "a@b, G: c@d; , e@f", "||a|b; G{; ||c|d; }; ||e|f" },
		{ "next group at once", "G: c@d; H:;", "G{; ||c|d; }; H{; }" },
		{ "obsolete commas", "G:,,a@b,,;", "G{; ||a|b; }" },
		{ "no groups in groups", "G: H: c@d;", "G{; H: c@d|||; }" },
	};

	(void)state;
	CHECK(rows);
}

static void
the_examples_of_rfc5322_appendix_a_are_read(void **state)
{
	static const struct row rows[] = {
		{ "A.1.2", "\"Joe Q. Public\" <john.q.public@example.com>",
			"Joe Q. Public||john.q.public|example.com" },
		{ "A.1.2 Cc",
			"<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>",
			"||boss|nil.test; Giant; \"Big\" Box||sysservices|example.net" },
		{ "A.5 From", "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
			"Pete||pete|silly.test" },
		{ "A.5 To",
			"A Group(Some people)\r\n     :Chris Jones <c@(Chris's "
			"host.)public.example>,\r\n"
			"         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); "
			"(the end of the group)",
			"A Group{; Chris Jones||c|public.example; ||joe|example.org; "
			"John||jdoe|one.test; }" },
		{ "A.5 Cc", "(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;",
			"Hidden recipients{; }" },
		{ "A.6.1 From", "Joe Q. Public <john.q.public@example.com>",
			"Joe Q. Public||john.q.public|example.com" },
		{ "A.6.1 To", "Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example",
			"Mary Smith|@node.test|mary|example.net; ||jdoe|test.example" },
		{ "A.6.3", "Mary Smith\r\n      \r\n          <mary@example.net>",
			"Mary Smith||mary|example.net" },
	};

	(void)state;
	CHECK(rows);
}

static void
obsolete_forms_of_rfc5322_4_4_are_read(void **state)
{
	static const struct row rows[] = {
		{ "route", "<@a.test,@b.test:c@d.test>", "|@a.test,@b.test|c|d.test" },
		{ "route with spaces", "X <@a.test , @b.test : c@d.test>, e@f",
			"X|@a.test,@b.test|c|d.test; ||e|f" },
		{ "local part with spaces", "john . q @ example . com", "||john.q|example.com" },
		{ "quoted words in local part", "\"john q\".public@x", "||john q.public|x" },
		{ "empty elements", ",, a@b ,,c@d,", "||a|b; ||c|d" },
		{ "comment as name", "pete@silly.test (Pete (the silly) one)",
			"Pete (the silly) one||pete|silly.test" },
		{ "comment with quoted pair", "a@b (one \\(two)", "one (two||a|b" },
		{ "name wins over comment", "Pete <p@x> (comment)", "Pete||p|x" },
		{ "comment behind angle", "<p@x> (comment)", "comment||p|x" },
	};

	(void)state;
	CHECK(rows);
}

static void
what_people_write_is_understood(void **state)
{
	static const struct row rows[] = {
		{ "empty", "", "" },
		{ "only spaces", " \t\r\n ", "" },
		{ "only comment", "(nobody)", "" },
		{ "no domain", "root", "||root|" },
		{ "no domain in angle", "Root <root>", "Root||root|" },
		{ "null path", "Mailer <>", "Mailer|||" },
		{ "address as name", "joe@x.test <joe@y.test>", "joe@x.test||joe|y.test" },
		{ "semicolons between", "a@b; c@d", "||a|b; ||c|d" },
		{ "no closing angle", "A <a@b, C <c@d>", "A||a|b; C||c|d" },
		{ "no closing angle at end", "A <a@b", "A||a|b" },
		{ "words before address", "John Doe jdoe@x, a@b", "John Doe jdoe@x|||; ||a|b" },
		{ "dots", "a..b.@x, .c@y", "||a..b.|x; ||.c|y" },
		{ "two at signs", "a@b@c", "||a@b|c" },
		{ "no closing quote", "\"A <a@b>, c@d", "||A <a@b>, c@d|" },
		{ "no closing comment", "a@b (c, d@e", "c, d@e||a|b" },
		{ "brackets in name", "John [Sales] <j@x>", "John [Sales]||j|x" },
		{ "closing angle alone", "> , a@b", "||>|; ||a|b" },
		{ "empty name", "\"\" <a@b>", "||a|b" },
		{ "Latin 1", "J\xf6rg <j@x>", "J\xf6rg||j|x" },
	};

	(void)state;
	CHECK(rows);
}

static void
a_small_scratch_loses_texts_and_nothing_else(void **state)
{
	struct bytes in = BYTES("A rather long name <somebody@example.org>, b@c");
	struct rfc5322_address a;
	uint8_t room[8];
	struct buf scratch;
	bool is_in_group = false;
	int count = 0;

	(void)state;
	buf_init_fixed(&scratch, room, sizeof room);
	while (take_address(&in, &is_in_group, &scratch, &a))
		count++;
	assert_int_equal(count, 2);
	assert_bytes("the last", a.domain, BYTES_NONE);
}

static void
deep_comments_and_long_lists_take_linear_time(void **state)
{
	struct buf list, got;

	(void)state;
	buf_init(&list, 1 << 20);
	buf_init(&got, 1 << 20);
	for (int i = 0; i < 100000; i++)
		put_char(&list, '(');
	put_list(&got, buf_bytes(&list));
	assert_text("comments", &got, "");
	buf_reset(&list);
	for (int i = 0; i < 100000; i++)
		put_text(&list, "<a,");
	put_list(&got, buf_bytes(&list));
	assert_true(got.len > 100000);
	buf_done(&list);
	buf_done(&got);
}

static void
message_ids_are_found(void **state)
{
	struct bytes in = BYTES(" <1234@local.machine.example> junk\r\n <5678.x@[1.2.3.4]> <open"),
		     id;

	(void)state;
	assert_true(take_message_id(&in, &id));
	assert_bytes("first", id, BYTES("1234@local.machine.example"));
	assert_true(take_message_id(&in, &id));
	assert_bytes("second", id, BYTES("5678.x@[1.2.3.4]"));
	assert_false(take_message_id(&in, &id));
	assert_bytes("untouched", in, BYTES(" <open"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_of_rfc5322_3_4_is_read),
		cmocka_unit_test(groups_open_and_close),
		cmocka_unit_test(the_examples_of_rfc5322_appendix_a_are_read),
		cmocka_unit_test(obsolete_forms_of_rfc5322_4_4_are_read),
		cmocka_unit_test(what_people_write_is_understood),
		cmocka_unit_test(a_small_scratch_loses_texts_and_nothing_else),
		cmocka_unit_test(deep_comments_and_long_lists_take_linear_time),
		cmocka_unit_test(message_ids_are_found),
	};

	return cmocka_run_group_tests_name("rfc5322/address", tests, NULL, NULL);
}
