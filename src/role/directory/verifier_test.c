#include "role/directory/verifier.h"
#include "role/directory/password.h"
#include "sys/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

struct world {
	struct loop *loop;
	struct verifier *v;
	char encoded[PASSWORD_ENCODED_MAX];
	int wanted, right, wrong;
};

static int
set_up(void **state)
{
	static struct world w;
	struct fault f;

	w = (struct world){ .loop = loop_new() };
	w.v = verifier_new(w.loop, 2);
	assert_int_equal(password_hash(BYTES("secret"), w.encoded, &f), 0);
	*state = &w;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *w = *state;

	verifier_free(&w->v);
	loop_free(&w->loop);
	return 0;
}

static void
on_done(void *arg, bool is_right)
{
	struct world *w = arg;

	if (is_right)
		w->right++;
	else
		w->wrong++;
	if (w->right + w->wrong == w->wanted)
		loop_stop(w->loop);
}

static enum verifier_result
try_for(struct world *w, const char *party, const char *name, const char *stored, const char *secret)
{
	const struct verifier_question q = { .name = bytes_text(name), .stored = bytes_text(stored),
		.secret_password = bytes_text(secret), .party = bytes_text(party) };

	return verifier_try(w->v, &q, on_done, w);
}

static enum verifier_result
try(struct world *w, const char *name, const char *stored, const char *secret)
{
	return try_for(w, "", name, stored, secret);
}

static void
run(struct world *w, int wanted)
{
	w->right = w->wrong = 0;
	w->wanted = wanted;
	loop_run(w->loop);
}

static void
right_and_wrong_are_told_apart(void **state)
{
	struct world *w = *state;

	assert_int_equal(try(w, "alice", w->encoded, "secret"), VERIFIER_PENDING);
	assert_int_equal(try(w, "alice", w->encoded, "Secret"), VERIFIER_PENDING);
	assert_int_equal(try(w, "alice", w->encoded, ""), VERIFIER_PENDING);
	assert_int_equal(try(w, "nobody", "", "secret"), VERIFIER_PENDING);
	assert_int_equal(try(w, "broken", "$argon2id$", "secret"), VERIFIER_PENDING);
	run(w, 5);
	assert_int_equal(w->right, 1);
	assert_int_equal(w->wrong, 4);
}

static void
what_was_right_is_remembered_until_the_hash_changes(void **state)
{
	struct world *w = *state;
	struct fault f;
	struct moment before;
	enum { TIMES = 1000 };

	assert_int_equal(try(w, "alice", w->encoded, "secret"), VERIFIER_PENDING);
	run(w, 1);
	before = time_now();
	for (int i = 0; i < TIMES; i++)
		assert_int_equal(try(w, "alice", w->encoded, "secret"), VERIFIER_RIGHT);
	assert_true(time_now().mono_us - before.mono_us < TIMES * 500);
	/* Nothing else is. */
	assert_int_equal(try(w, "bob", w->encoded, "secret"), VERIFIER_PENDING);
	assert_int_equal(try(w, "alice", w->encoded, "secreT"), VERIFIER_PENDING);
	assert_int_equal(password_hash(BYTES("other"), w->encoded, &f), 0);
	assert_int_equal(try(w, "alice", w->encoded, "secret"), VERIFIER_PENDING);
	run(w, 3);
	assert_int_equal(w->right, 1);
	assert_int_equal(w->wrong, 2);
	/* What was wrong never is. */
	assert_int_equal(try(w, "alice", w->encoded, "secret"), VERIFIER_PENDING);
	run(w, 1);
	assert_int_equal(w->wrong, 1);
}

static void
equal_attempts_at_once_cost_one(void **state)
{
	struct world *w = *state;
	struct moment before = time_now();
	int64_t one_us, all_us;

	assert_int_equal(try(w, "alice", w->encoded, "wrong"), VERIFIER_PENDING);
	run(w, 1);
	one_us = time_now().mono_us - before.mono_us;
	before = time_now();
	for (int i = 0; i < VERIFIER_WAITING_MAX; i++)
		assert_int_equal(try(w, "alice", w->encoded, "secret"), VERIFIER_PENDING);
	run(w, VERIFIER_WAITING_MAX);
	all_us = time_now().mono_us - before.mono_us;
	assert_int_equal(w->right, VERIFIER_WAITING_MAX);
	assert_true(all_us < 30 * one_us);
}

static void
over_the_bound_is_later(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < VERIFIER_WAITING_MAX; i++)
		assert_int_equal(try(w, "alice", w->encoded, "secret"), VERIFIER_PENDING);
	assert_int_equal(try(w, "alice", w->encoded, "secret"), VERIFIER_BUSY);
	assert_int_equal(try(w, "bob", w->encoded, "secret"), VERIFIER_BUSY);
	run(w, VERIFIER_WAITING_MAX);
	assert_int_equal(w->right, VERIFIER_WAITING_MAX);
	assert_int_equal(try(w, "bob", w->encoded, "secret"), VERIFIER_PENDING);
	run(w, 1);
}

static void
nobody_takes_more_than_a_share_of_the_queue(void **state)
{
	struct world *w = *state;
	char secret[16];

	for (int i = 0; i < VERIFIER_WAITING_PARTY_MAX; i++) {
		/* Equal ones take a place each too. */
		snprintf(secret, sizeof secret, "x%d", i % 4);
		assert_int_equal(try_for(w, "A", "alice", w->encoded, secret), VERIFIER_PENDING);
	}
	assert_int_equal(try_for(w, "A", "alice", w->encoded, "y"), VERIFIER_BUSY);
	assert_int_equal(try_for(w, "B", "alice", w->encoded, "secret"), VERIFIER_PENDING);
	assert_int_equal(try(w, "alice", w->encoded, "secret"), VERIFIER_PENDING);
	/* What is cheap takes no place. */
	assert_int_equal(try_for(w, "A", "bob", "{PLAIN}secret", "secret"), VERIFIER_RIGHT);
	run(w, VERIFIER_WAITING_PARTY_MAX + 2);
	assert_int_equal(w->right, 2);
	assert_int_equal(try_for(w, "A", "alice", w->encoded, "y"), VERIFIER_PENDING);
	/* Nor does what was right before. */
	assert_int_equal(try_for(w, "A", "alice", w->encoded, "secret"), VERIFIER_RIGHT);
	run(w, 1);
}

static void
what_is_cheap_is_answered_at_once(void **state)
{
	struct world *w = *state;

	assert_int_equal(try(w, "alice", "{SSHA}HG/9vK0+zE2lcbR7MNfYZTPlZvSPOlwAEf9+Qg==", "secret"), VERIFIER_RIGHT);
	assert_int_equal(try(w, "alice", "{SSHA}HG/9vK0+zE2lcbR7MNfYZTPlZvSPOlwAEf9+Qg==", "secreT"), VERIFIER_WRONG);
	assert_int_equal(try(w, "alice", "{PLAIN}secret", ""), VERIFIER_WRONG);
	/* One dear value makes all of them dear. */
	assert_int_equal(verifier_try(w->v,
				 &(struct verifier_question){ .name = BYTES("alice"), .secret_password = BYTES("secret"),
					 .stored = BYTES("{PLAIN}secret\0{CRYPT}$1$saltsalt$NuzA7WTAelpl95xgBGWN60") },
				 on_done, w),
		VERIFIER_PENDING);
	run(w, 1);
	assert_int_equal(w->right, 1);
}

static void
a_decoy_is_never_right(void **state)
{
	struct world *w = *state;
	struct verifier_question q = { .name = BYTES("alice"), .stored = bytes_text(w->encoded),
		.secret_password = BYTES("secret"), .is_decoy = true };

	/* Not even beside the true question, nor after it. */
	assert_int_equal(try(w, "alice", w->encoded, "secret"), VERIFIER_PENDING);
	assert_int_equal(verifier_try(w->v, &q, on_done, w), VERIFIER_PENDING);
	run(w, 2);
	assert_int_equal(w->right, 1);
	assert_int_equal(verifier_try(w->v, &q, on_done, w), VERIFIER_PENDING);
	run(w, 1);
	assert_int_equal(w->wrong, 1);
	q.stored = BYTES("{PLAIN}secret");
	assert_int_equal(verifier_try(w->v, &q, on_done, w), VERIFIER_WRONG);
}

static void
what_is_too_long_is_never_right(void **state)
{
	static char secret[PASSWORD_OCTETS_MAX + 2], stored[PASSWORD_STORED_MAX + 2];
	struct world *w = *state;

	memset(secret, 'x', sizeof secret - 1);
	memcpy(stored, "{PLAIN}", 7);
	memset(stored + 7, 'x', PASSWORD_OCTETS_MAX);
	assert_int_equal(try(w, "alice", stored, secret), VERIFIER_WRONG);
	assert_int_equal(try(w, "alice", stored, secret + 1), VERIFIER_RIGHT);
	memset(stored + 7, 'x', sizeof stored - 8);
	assert_int_equal(try(w, "alice", stored, secret + 1), VERIFIER_PENDING);
	run(w, 1);
	assert_int_equal(w->wrong, 1);
}

/* What waits is not computed any more. */
static void
it_ends_soon_with_work_under_way(void **state)
{
	struct world *w = *state;
	struct moment before = time_now();
	char secret[16];
	int64_t one_us;

	assert_int_equal(try(w, "alice", w->encoded, "x"), VERIFIER_PENDING);
	run(w, 1);
	one_us = time_now().mono_us - before.mono_us;
	for (int i = 0; i < VERIFIER_WAITING_MAX; i++) {
		snprintf(secret, sizeof secret, "x%d", i);
		assert_int_equal(try(w, "alice", w->encoded, secret), VERIFIER_PENDING);
	}
	w->wanted = -1;
	before = time_now();
	verifier_free(&w->v);
	assert_true(time_now().mono_us - before.mono_us < 30 * one_us);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(right_and_wrong_are_told_apart),
		TEST(what_was_right_is_remembered_until_the_hash_changes),
		TEST(equal_attempts_at_once_cost_one),
		TEST(over_the_bound_is_later),
		TEST(nobody_takes_more_than_a_share_of_the_queue),
		TEST(what_is_cheap_is_answered_at_once),
		TEST(a_decoy_is_never_right),
		TEST(what_is_too_long_is_never_right),
		TEST(it_ends_soon_with_work_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
