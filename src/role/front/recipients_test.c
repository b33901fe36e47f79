#include "role/front/recipients.h"

#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { MANY = 100000 };

static bool
has(const struct recipients *r, const char *address, const char *targets)
{
	struct ipc_resolved told;

	return recipients_find(r, bytes_text(address), &told) && told.outcome == IPC_OK && bytes_equal(told.targets, bytes_text(targets));
}

static void
keep(struct recipients *r, const char *address, const char *targets)
{
	recipients_keep(r, bytes_text(address), &(struct ipc_resolved){ .has_quota = 1, .targets = bytes_text(targets) });
}

static void
what_was_told_is_found_as_it_was_asked_until_it_is_forgotten(void **state)
{
	struct recipients *r = recipients_new();
	struct ipc_resolved told;

	(void)state;
	assert_false(has(r, "a@x", "1"));
	keep(r, "a@x", "1");
	keep(r, "A@x", "2");
	assert_true(has(r, "a@x", "1"));
	assert_true(has(r, "A@x", "2"));
	assert_false(has(r, "a@", "1"));
	assert_false(has(r, "", ""));
	assert_true(recipients_find(r, BYTES("a@x"), &told));
	assert_int_equal(told.has_quota, 1);
	assert_int_equal(told.sender.len, 0);
	recipients_forget(r);
	assert_false(has(r, "a@x", "1"));
	keep(r, "a@x", "3");
	assert_true(has(r, "a@x", "3"));
	recipients_free(&r);
	assert_null(r);
}

static void
nothing_is_kept_of_an_answer_without_targets(void **state)
{
	struct recipients *r = recipients_new();

	(void)state;
	keep(r, "a@x", "");
	keep(r, "", "1");
	assert_false(has(r, "a@x", ""));
	assert_false(has(r, "", "1"));
	recipients_free(&r);
}

/* Of more than there is room for some are kept, and of none something wrong. */
static void
many_push_each_other_out(void **state)
{
	struct recipients *r = recipients_new();
	size_t kept = 0;
	char address[32];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(address, sizeof address, "u%d@x", i);
		keep(r, address, address);
		assert_true(has(r, address, address));
	}
	for (int i = 0; i < MANY; i++) {
		struct ipc_resolved told;

		(void)snprintf(address, sizeof address, "u%d@x", i);
		if (!recipients_find(r, bytes_text(address), &told))
			continue;
		assert_true(bytes_equal(told.targets, bytes_text(address)));
		kept++;
	}
	assert_in_range(kept, 8000, 8192);
	recipients_free(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_told_is_found_as_it_was_asked_until_it_is_forgotten),
		cmocka_unit_test(nothing_is_kept_of_an_answer_without_targets),
		cmocka_unit_test(many_push_each_other_out),
	};

	map_seed((const uint8_t[16]){ 1 });
	return cmocka_run_group_tests(tests, NULL, NULL);
}
