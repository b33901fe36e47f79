#include "role/directory/verifier.h"
#include "role/directory/password.h"
#include "sys/time.h"

#include <setjmp.h>
#include <stdarg.h>
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
try(struct world *w, const char *name, const char *encoded, const char *secret)
{
	return verifier_try(w->v, bytes_text(name), bytes_text(encoded), bytes_text(secret), on_done, w);
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
it_ends_with_work_under_way(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 3; i++)
		assert_int_equal(try(w, i ? "alice" : "bob", w->encoded, i == 2 ? "x" : "y"), VERIFIER_PENDING);
	w->wanted = -1;
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
		TEST(it_ends_with_work_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
