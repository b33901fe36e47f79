#include "proto/sasl/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
rfc4648_section_10_examples_both_ways(void **state)
{
	static const struct {
		struct bytes plain, coded;
	} rows[] = {
		{ BYTES_INIT(""), BYTES_INIT("") },
		{ BYTES_INIT("f"), BYTES_INIT("Zg==") },
		{ BYTES_INIT("fo"), BYTES_INIT("Zm8=") },
		{ BYTES_INIT("foo"), BYTES_INIT("Zm9v") },
		{ BYTES_INIT("foob"), BYTES_INIT("Zm9vYg==") },
		{ BYTES_INIT("fooba"), BYTES_INIT("Zm9vYmE=") },
		{ BYTES_INIT("foobar"), BYTES_INIT("Zm9vYmFy") },
		{ BYTES_INIT("\xfb\xff\xbf"), BYTES_INIT("+/+/") },
		{ BYTES_INIT("\0\0\0"), BYTES_INIT("AAAA") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf out;

		buf_init(&out, 100);
		assert_true(sasl_take_base64(rows[i].coded, &out));
		assert_true(bytes_equal(buf_bytes(&out), rows[i].plain));
		buf_reset(&out);
		sasl_put_base64(&out, rows[i].plain);
		assert_true(bytes_equal(buf_bytes(&out), rows[i].coded));
		buf_done(&out);
	}
}

static void
what_is_not_base64_is_refused_and_adds_nothing(void **state)
{
	static const struct bytes rows[] = {
		BYTES_INIT("Z"), BYTES_INIT("Zg"), BYTES_INIT("Zg="), BYTES_INIT("Zg==="), BYTES_INIT("="),
		BYTES_INIT("===="), BYTES_INIT("Z==="), BYTES_INIT("Zg==Zg=="), BYTES_INIT("Zm9v Zm9v"),
		BYTES_INIT(" Zm9v"), BYTES_INIT("Zm9v\r\n"), BYTES_INIT("Zm9_"), BYTES_INIT("Zm9-"),
		BYTES_INIT("Zm\09"), BYTES_INIT("Zm=v"), BYTES_INIT("Zh=="), BYTES_INIT("Zm9="), BYTES_INIT("\xc3\xa9Zm"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf out;

		buf_init(&out, 100);
		put_text(&out, "kept");
		if (sasl_take_base64(rows[i], &out))
			fail_msg("row %zu was taken", i);
		assert_true(bytes_equal(buf_bytes(&out), BYTES("kept")));
		buf_done(&out);
	}
}

static void
what_does_not_fit_is_refused(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 5);
	assert_false(sasl_take_base64(BYTES("Zm9vYmFy"), &out));
	buf_done(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc4648_section_10_examples_both_ways),
		cmocka_unit_test(what_is_not_base64_is_refused_and_adds_nothing),
		cmocka_unit_test(what_does_not_fit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
