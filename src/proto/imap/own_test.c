#include "proto/imap/session_internal.h"
#include "proto/imap/test_rows.h"

enum { ROUNDS = 200, ADDED = 40, MANY = 500000, MODSEQ_MAX = 200 };

static uint32_t
roll(uint64_t *random, uint32_t sides)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return (uint32_t)(*random >> 32) % sides;
}

/* As the store answers: each is higher than the last, or 0. */
static void
play(uint64_t random)
{
	struct imap_command c = { .arena = arena_new("own", 1U << 20, ARENA_PLAIN) };
	bool is_own[MODSEQ_MAX] = { false };
	uint64_t modseq = 0;

	for (int i = 0; i < ADDED; i++) {
		bool is_change = roll(&random, 4) > 0;

		modseq += is_change ? 1 + roll(&random, MODSEQ_MAX / ADDED - 1) : 0;
		is_own[modseq] |= is_change;
		imap_own_add(&c, is_change ? modseq : 0);
		if (roll(&random, 4) == 0)
			imap_own_add(&c, modseq);
		for (uint64_t at = 0; at < MODSEQ_MAX; at++)
			assert_int_equal(imap_own_has(&c, at), is_own[at]);
	}
	arena_free(&c.arena);
}

static void
what_was_added_is_there_and_nothing_else(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= ROUNDS; seed++)
		play(seed * 0x9e3779b97f4a7c15);
}

/* FETCH of a million unseen messages. */
static void
each_is_found_among_many_in_no_time(void **state)
{
	struct imap_command c = { .arena = arena_new("own", IMAP_COMMAND_ARENA_MAX, ARENA_PLAIN) };

	(void)state;
	for (uint64_t i = 1; i <= MANY; i++)
		imap_own_add(&c, i * 2);
	for (uint64_t i = 1; i <= MANY; i++)
		assert_true(imap_own_has(&c, i * 2) && !imap_own_has(&c, i * 2 + 1));
	arena_free(&c.arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_added_is_there_and_nothing_else),
		cmocka_unit_test(each_is_found_among_many_in_no_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
