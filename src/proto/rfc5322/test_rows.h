/* What the tests of parsers share. */
#ifndef RFC5322_TEST_ROWS_H
#define RFC5322_TEST_ROWS_H

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

/* Says the row's name when the texts differ. */
static inline void
assert_bytes(const char *name, struct bytes got, struct bytes want)
{
	if (bytes_equal(got, want))
		return;
	print_error("%s:\n got  |%.*s|\n want |%.*s|\n", name, BYTES_ARG(got), BYTES_ARG(want));
	fail();
}

static inline void
assert_text(const char *name, const struct buf *got, const char *want)
{
	assert_bytes(name, buf_bytes(got), bytes_text(want));
}

#endif
