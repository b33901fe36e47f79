#include "proto/mime/ids.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>

static uint64_t
number_of(const char *text)
{
	struct bytes in = bytes_text(text);
	uint64_t number = 0;

	return take_id_number(&in, &number) ? number : 0;
}

static void
forms_of_one_id_have_one_number_rfc5256_3(void **state)
{
	static const struct {
		const char *one, *other;
		bool is_same;
	} rows[] = {
		{ "<a@b>", " <a@b>", true },
		{ "<01KF8JCEOCBS0045PS@xxx.yyy.com>", "<\"01KF8JCEOCBS0045PS\"@xxx.yyy.com>", true },
		{ "<\"a\\b\"@c>", "<ab@c>", true },
		{ "<\"a b\"@c>", "<\"a  b\"@c>", false },
		{ "Your message of Monday (<a@b>)", "<a@b>", true },
		{ "<a b@c> <a@b>", "<a@b>", true },
		{ "<<x@y> <a@b>", "<a@b>", true },
		{ "<> <a@b>", "<a@b>", true },
		{ "<a@b>", "<A@b>", false },
		{ "<a@b>", "<a@c>", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if ((number_of(rows[i].one) == number_of(rows[i].other)) != rows[i].is_same)
			fail_msg("%s %s", rows[i].one, rows[i].other);
}

static void
what_is_no_id_has_no_number(void **state)
{
	static const char *const rows[] = { "", "a@b", "<", "<a@b", "<>", "<a b>", "<\"a@b>", "<\"a\\\">", ">a@b<", "<<a@b>" };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (number_of(rows[i]))
			fail_msg("%s", rows[i]);
}

/* The numbers as ids of `names`, a letter each; "-": none. */
static void
check(const char *header, const char *names)
{
	struct header_fields fields;
	uint8_t space[MESSAGE_IDS_MAX * MESSAGE_ID_OCTETS];
	struct buf out;
	struct bytes in;

	header_fields_find(bytes_text(header), &fields);
	buf_init_fixed(&out, space, sizeof space);
	put_message_ids(&out, &fields);
	in = buf_bytes(&out);
	for (; *names; names++) {
		char id[] = { '<', *names, '>', 0 };
		uint64_t number;

		assert_true(take_u64(&in, &number));
		assert_int_equal(number, *names == '-' ? 0 : number_of(id));
	}
	assert_int_equal(in.len, 0);
}

static void
references_come_before_in_reply_to_rfc5256_3(void **state)
{
	(void)state;
	check("Message-ID: <a>\n\n", "a");
	check("Subject: x\n\n", "-");
	check("Message-ID: none\nReferences: <b> <c>\n\n", "-bc");
	check("Message-ID: <a>\nReferences: <b>\n <c>\nIn-Reply-To: <d>\n\n", "abc");
	check("Message-ID: <a>\nReferences: nothing\nIn-Reply-To: <d> <e>\n\n", "ad");
}

static void
a_long_list_keeps_its_ends(void **state)
{
	struct header_fields fields;
	uint8_t space[MESSAGE_IDS_MAX * MESSAGE_ID_OCTETS];
	char header[2000] = "Message-ID: <own>\nReferences:", id[16];
	size_t at = 29;
	struct buf out;
	struct bytes in;
	uint64_t number;

	(void)state;
	for (int i = 0; i < 100; i++)
		at += (size_t)snprintf(header + at, sizeof header - at, " <%d>", i);
	(void)snprintf(header + at, sizeof header - at, "\n\n");
	header_fields_find(bytes_text(header), &fields);
	buf_init_fixed(&out, space, sizeof space);
	put_message_ids(&out, &fields);
	assert_int_equal(out.len, sizeof space);
	in = buf_bytes(&out);
	assert_true(take_u64(&in, &number));
	assert_int_equal(number, number_of("<own>"));
	assert_true(take_u64(&in, &number));
	assert_int_equal(number, number_of("<0>"));
	for (int i = 70; i < 100; i++) {
		(void)snprintf(id, sizeof id, "<%d>", i);
		assert_true(take_u64(&in, &number));
		assert_int_equal(number, number_of(id));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms_of_one_id_have_one_number_rfc5256_3),
		cmocka_unit_test(what_is_no_id_has_no_number),
		cmocka_unit_test(references_come_before_in_reply_to_rfc5256_3),
		cmocka_unit_test(a_long_list_keeps_its_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
