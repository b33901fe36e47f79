#include "role/directory/test_targets.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* As in struct row. */
static void
print_targets(const struct targets *t, char *out, size_t size)
{
	struct buf b;

	buf_init_fixed(&b, out, size);
	for (size_t i = 0; i < t->count; i++) {
		if (i)
			put_char(&b, ' ');
		if (!t->at[i].account) {
			put_char(&b, '!');
			put_bytes(&b, t->at[i].address);
			continue;
		}
		put_bytes(&b, account_address(t->at[i].account));
		if (!bytes_equal(account_address(t->at[i].account), t->at[i].address)) {
			put_char(&b, '=');
			put_bytes(&b, t->at[i].address);
		}
	}
	put_char(&b, 0);
	assert_false(b.has_failed);
}

void
check_targets(struct accounts *a, const struct row *rows, size_t count)
{
	struct targets *targets = NEW(struct targets);

	for (size_t i = 0; i < count; i++) {
		char got[1024];

		assert_int_equal(accounts_resolve(a, bytes_text(rows[i].address), targets), rows[i].want);
		print_targets(targets, got, sizeof got);
		if (rows[i].targets)
			assert_string_equal(got, rows[i].targets);
	}
	memory_free(targets);
}
