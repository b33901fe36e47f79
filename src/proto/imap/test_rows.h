/* What the tests of the IMAP parts share. */
#ifndef IMAP_TEST_ROWS_H
#define IMAP_TEST_ROWS_H

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* Says the row's name when the octets differ. */
static inline void
assert_octets(const char *name, struct bytes got, struct bytes want)
{
	if (!bytes_equal(got, want))
		fail_msg("%s:\n got  |%.*s|\n want |%.*s|", name, BYTES_ARG(got), BYTES_ARG(want));
}

#endif
