/* Trees as RFC 5256 3 makes them.  A message is "date subject: own ref ref …"; ids are letters, "-" is none. */
#include "proto/imap/thread_tree.h"

#include "proto/imap/session_internal.h"
#include "proto/imap/test_rows.h"

#include <time.h>

enum { MESSAGES_MAX = 16 };

struct message {
	int64_t sent_s;
	const char *subject; /* "re:" in front: a reply */
	const char *ids;
};

static void
put_tree(struct buf *out, const struct imap_threads *t, uint32_t node)
{
	for (; node != THREAD_NONE; node = t->next[node]) {
		put_char(out, '(');
		if (node < t->count)
			put_number(out, t->messages[node].told);
		put_tree(out, t, t->first_child[node]);
		put_char(out, ')');
	}
}

/* Every node in parentheses of its own, dummies empty. */
static void
check(const char *name, enum imap_thread_algorithm algorithm, const struct message *in, uint32_t count, const char *want)
{
	struct imap_thread_message messages[MESSAGES_MAX] = { 0 };
	uint64_t ids[MESSAGES_MAX * 8];
	size_t id_count = 0;
	struct arena *arena = arena_new("tree", 1U << 20, ARENA_PLAIN);
	struct imap_tree tree;
	struct buf out;

	for (uint32_t i = 0; i < count; i++) {
		bool is_reply = strncmp(in[i].subject, "re:", 3) == 0;

		messages[i] = (struct imap_thread_message){ .told = i + 1, .is_reply = is_reply, .sent_s = in[i].sent_s,
			.subject = bytes_text(in[i].subject + (is_reply ? 3 : 0)), .ids_at = id_count,
			.id_count = strlen(in[i].ids) };
		for (const char *id = in[i].ids; *id; id++)
			ids[id_count++] = *id == '-' ? 0 : (uint64_t)(unsigned char)*id;
	}
	imap_tree_start(&tree, algorithm, messages, count, ids, id_count, arena);
	while (imap_tree_step(&tree, 3) == TREE_MORE)
		;
	buf_init(&out, 10000);
	put_tree(&out, &tree.threads, tree.threads.first);
	assert_octets(name, buf_bytes(&out), bytes_text(want));
	buf_done(&out);
	arena_free(&arena);
}

#define CHECK(algorithm, want, ...) \
	check(want, algorithm, (const struct message[]){ __VA_ARGS__ }, \
		sizeof((const struct message[]){ __VA_ARGS__ }) / sizeof(struct message), want)

static void
references_link_parents_and_children_rfc5256_3_1(void **state)
{
	(void)state;
	CHECK(THREAD_REFERENCES, "(1)(2)", { 1, "a", "a" }, { 2, "b", "b" });
	CHECK(THREAD_REFERENCES, "(1(2(3)))", { 1, "a", "a" }, { 2, "x", "ba" }, { 3, "y", "cab" });
	/* Whatever the order in which they are looked at. */
	CHECK(THREAD_REFERENCES, "(3(2(1)))", { 3, "y", "cab" }, { 2, "x", "ba" }, { 1, "a", "a" });
	/* Without an id, and with one that another one has already. */
	CHECK(THREAD_REFERENCES, "(1(3))(2)", { 1, "a", "a" }, { 2, "b", "a" }, { 3, "c", "-a" });
	/* A link that is there is not changed by who refers to both, but by the message itself. */
	CHECK(THREAD_REFERENCES, "(1(3(4)))(2)", { 1, "a", "a" }, { 2, "b", "b" }, { 3, "c", "ca" }, { 4, "d", "dbc" });
	CHECK(THREAD_REFERENCES, "(1(2(3(4))))", { 1, "a", "a" }, { 2, "b", "ba" }, { 3, "c", "c" }, { 4, "d", "dbc" });
	CHECK(THREAD_REFERENCES, "(3)(4(2(1)))", { 5, "c", "cab" }, { 4, "b", "bd" }, { 1, "a", "a" }, { 2, "d", "d" });
}

static void
no_link_makes_a_loop_rfc5256_3_1(void **state)
{
	(void)state;
	CHECK(THREAD_REFERENCES, "(1)", { 1, "a", "aa" });
	CHECK(THREAD_REFERENCES, "(2(1))", { 1, "a", "ab" }, { 2, "b", "ba" });
	CHECK(THREAD_REFERENCES, "(3(2(1)))", { 1, "a", "ab" }, { 2, "b", "bc" }, { 3, "c", "ca" });
	CHECK(THREAD_REFERENCES, "(1)", { 1, "a", "abab" });
}

static void
dummies_give_way_rfc5256_3_3(void **state)
{
	(void)state;
	/* One child: it takes the place.  Two: the dummy stays at the root, and only there. */
	CHECK(THREAD_REFERENCES, "(1)", { 1, "a", "ax" });
	CHECK(THREAD_REFERENCES, "((1)(2))", { 1, "a", "ax" }, { 2, "b", "bx" });
	CHECK(THREAD_REFERENCES, "(1(2)(3))", { 1, "a", "a" }, { 2, "b", "bax" }, { 3, "c", "cax" });
	CHECK(THREAD_REFERENCES, "((1)(2))", { 1, "a", "axyz" }, { 2, "b", "bxyw" });
	CHECK(THREAD_REFERENCES, "(1(2))", { 1, "a", "ax" }, { 2, "b", "bxa" });
}

static void
threads_are_in_the_order_of_their_dates_rfc5256_3_4(void **state)
{
	(void)state;
	CHECK(THREAD_REFERENCES, "(2)(3)(1)", { 9, "a", "a" }, { 1, "b", "b" }, { 5, "c", "c" });
	CHECK(THREAD_REFERENCES, "((3)(1))(2)", { 9, "a", "ax" }, { 5, "b", "b" }, { 1, "c", "cx" });
	CHECK(THREAD_REFERENCES, "(1(3)(2))", { 1, "a", "a" }, { 9, "b", "ba" }, { 5, "c", "ca" });
	/* RFC 5256 2.2: of two with one date the first in the mailbox. */
	CHECK(THREAD_REFERENCES, "(1)(2)", { 5, "a", "a" }, { 5, "b", "b" });
}

static void
threads_of_one_subject_are_joined_rfc5256_3_5(void **state)
{
	(void)state;
	/* Neither is a reply, or both are: a dummy holds them. */
	CHECK(THREAD_REFERENCES, "((1)(2))", { 1, "s", "a" }, { 2, "s", "b" });
	CHECK(THREAD_REFERENCES, "((1)(2)(3))", { 1, "s", "a" }, { 2, "s", "b" }, { 3, "s", "c" });
	CHECK(THREAD_REFERENCES, "((1)(2))", { 1, "re:s", "a" }, { 2, "re:s", "b" });
	/* A reply stands below what it answers, also when that is younger. */
	CHECK(THREAD_REFERENCES, "(1(2)(3))", { 1, "s", "a" }, { 2, "re:s", "b" }, { 3, "re:s", "c" });
	CHECK(THREAD_REFERENCES, "(2(1))", { 1, "re:s", "a" }, { 2, "s", "b" });
	/* Dummies: those of both are siblings, and a message joins them. */
	CHECK(THREAD_REFERENCES, "((1)(2)(3)(4))", { 1, "s", "ax" }, { 2, "p", "bx" }, { 3, "s", "cy" }, { 4, "q", "dy" });
	CHECK(THREAD_REFERENCES, "((1)(2)(3))", { 1, "s", "ax" }, { 2, "p", "bx" }, { 3, "s", "c" });
	CHECK(THREAD_REFERENCES, "((1)(2)(3))", { 1, "s", "c" }, { 2, "s", "ax" }, { 3, "p", "bx" });
	/* The empty subject joins nothing. */
	CHECK(THREAD_REFERENCES, "(1)(2)", { 1, "", "a" }, { 2, "", "b" });
	CHECK(THREAD_REFERENCES, "(1)(2)", { 1, "re:", "a" }, { 2, "", "b" });
}

static void
orderedsubject_groups_by_subject_rfc5256_3(void **state)
{
	(void)state;
	CHECK(THREAD_ORDEREDSUBJECT, "(1)(2)", { 1, "a", "-" }, { 2, "b", "-" });
	CHECK(THREAD_ORDEREDSUBJECT, "(3(4)(1))(2)", { 9, "a", "-" }, { 5, "b", "-" }, { 1, "re:a", "-" }, { 2, "a", "-" });
	CHECK(THREAD_ORDEREDSUBJECT, "(1(2))", { 1, "", "-" }, { 2, "", "-" });
}

/* A chain, the last first: each link is made below dummies, and all refer to all that they may. */
static void
a_hundred_thousand_in_one_chain_take_no_time(void **state)
{
	enum { COUNT = 100000, REFERENCES = 4 };
	struct arena *arena = arena_new("tree", IMAP_COMMAND_ARENA_MAX * 4, ARENA_PLAIN);
	struct imap_thread_message *messages = arena_take(arena, COUNT * sizeof *messages);
	uint64_t *ids = arena_take(arena, (size_t)COUNT * (REFERENCES + 1) * sizeof *ids);
	struct imap_tree tree;
	clock_t before = clock();
	size_t at = 0;
	uint32_t node;

	(void)state;
	assert_true(messages && ids);
	for (uint32_t i = 0; i < COUNT; i++) {
		uint32_t place = COUNT - i;

		messages[i] = (struct imap_thread_message){ .told = i + 1, .sent_s = 7, .ids_at = at };
		ids[at++] = place;
		for (uint32_t r = place > REFERENCES ? place - REFERENCES : 1; r < place; r++)
			ids[at++] = r;
		messages[i].id_count = at - messages[i].ids_at;
	}
	imap_tree_start(&tree, THREAD_REFERENCES, messages, COUNT, ids, at, arena);
	while (imap_tree_step(&tree, 20000) == TREE_MORE)
		;
	node = tree.threads.first;
	for (uint32_t i = 0; i < COUNT; i++) {
		assert_int_equal(tree.threads.messages[node].told, COUNT - i);
		assert_int_equal(tree.threads.next[node], THREAD_NONE);
		node = tree.threads.first_child[node];
	}
	assert_int_equal(node, THREAD_NONE);
	assert_true(clock() - before < 10 * CLOCKS_PER_SEC);
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(references_link_parents_and_children_rfc5256_3_1),
		cmocka_unit_test(no_link_makes_a_loop_rfc5256_3_1),
		cmocka_unit_test(dummies_give_way_rfc5256_3_3),
		cmocka_unit_test(threads_are_in_the_order_of_their_dates_rfc5256_3_4),
		cmocka_unit_test(threads_of_one_subject_are_joined_rfc5256_3_5),
		cmocka_unit_test(orderedsubject_groups_by_subject_rfc5256_3),
		cmocka_unit_test(a_hundred_thousand_in_one_chain_take_no_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
