#include "base/fault.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void
a_fault_says_what_and_why(void **state)
{
	struct fault f = { .offset = 9 };

	(void)state;
	assert_int_equal(fault_set(&f, FAULT_LIMIT, "%d is too many", 7), -1);
	assert_int_equal(f.kind, FAULT_LIMIT);
	assert_int_equal(f.offset, 0);
	assert_string_equal(f.text, "7 is too many");
	assert_int_equal(fault_errno(&f, EACCES, "open %s", "/x"), -1);
	assert_int_equal(f.kind, FAULT_TEMP);
	assert_string_equal(f.text, "open /x: Permission denied");
	assert_int_equal(fault_set(NULL, FAULT_TEMP, "nobody asks"), -1);
	assert_int_equal(fault_errno(NULL, EIO, "nobody asks"), -1);
}

static void
long_texts_are_cut(void **state)
{
	char text[FAULT_TEXT_MAX * 2];
	struct fault f;

	(void)state;
	memset(text, 'x', sizeof text);
	for (size_t len = FAULT_TEXT_MAX - 30; len < FAULT_TEXT_MAX + 10; len++) {
		(void)fault_errno(&f, EACCES, "%.*s", (int)len, text);
		assert_true(strlen(f.text) < FAULT_TEXT_MAX);
		(void)fault_set(&f, FAULT_PERM, "%.*s", (int)len, text);
		assert_int_equal(strlen(f.text), len < FAULT_TEXT_MAX ? len : FAULT_TEXT_MAX - 1);
	}
}

static void
kinds_have_names(void **state)
{
	(void)state;
	assert_string_equal(fault_kind_name(FAULT_NONE), "none");
	assert_string_equal(fault_kind_name(FAULT_TEMP), "temporary");
	assert_string_equal(fault_kind_name(FAULT_DENIED), "denied");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fault_says_what_and_why),
		cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(kinds_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
