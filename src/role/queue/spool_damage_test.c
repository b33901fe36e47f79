/* A disk that tells something else than what was written, and a start that is cut short: Q1, Q2, Q4, Q6 of spool.c hold. */
#include "role/queue/spool_test_support.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A world that was closed in order with all messages in it. */
static struct world *
filled(uint64_t seed)
{
	struct world *w = world_new(seed);

	assert_int_equal(open_spool(w), 0);
	for (int i = 0; i < MESSAGES; i++)
		add(w, i);
	spool_close(&w->spool);
	return w;
}

static size_t
envelopes_octets(void)
{
	struct stat st;

	assert_int_equal(disk->fstatat(AT_FDCWD, "/queue/envelopes", &st, 0), 0);
	return (size_t)st.st_size;
}

static int
found_count(const struct world *w)
{
	int count = 0;

	for (int i = 0; i < MESSAGES; i++)
		count += w->found[i] != NULL;
	return count;
}

static bool
is_there(const char *path)
{
	struct stat st;

	return disk->fstatat(AT_FDCWD, path, &st, 0) == 0;
}

/* Its body is in lost/, whole, and nowhere else. */
static void
check_lost(int number)
{
	struct mail_id id = id_of(number);
	struct bytes want = body_of(number);
	struct buf got;
	struct fault f;
	char path[80];

	(void)snprintf(path, sizeof path, "/queue/messages/%c/%s", id.text[MAIL_ID_LEN - 1], id.text);
	assert_false(is_there(path));
	(void)snprintf(path, sizeof path, "/queue/lost/%s", id.text);
	buf_init(&got, 1 << 20);
	assert_int_equal(disk_read_file(path, 1 << 20, &got, &f), 0);
	assert_true(bytes_equal(buf_bytes(&got), want));
	buf_done(&got);
}

static void
expect_what_is_lost(struct world *w)
{
	for (int i = 0; i < MESSAGES; i++)
		if (!w->found[i]) {
			w->is_promised[i] = false;
			check_lost(i);
		}
	check(w);
	assert_false(is_there("/queue/damaged"));
}

static void
q4_q6_a_flipped_bit_costs_one_envelope_and_no_body(void **state)
{
	struct world *w = filled(1);
	size_t octets = envelopes_octets();

	(void)state;
	world_free(w);
	for (size_t at = 0; at < octets; at += 3) {
		w = filled(at);
		disk_fault_flip(w->disk, "/queue/envelopes", at, (unsigned int)at % 8);
		assert_int_equal(open_spool(w), 0);
		assert_int_equal(found_count(w), MESSAGES - 1);
		expect_what_is_lost(w);
		/* It was made anew: the next start finds no gap, and the power may go before it. */
		end_life(w);
		assert_int_equal(open_spool(w), 0);
		assert_int_equal(found_count(w), MESSAGES - 1);
		expect_what_is_lost(w);
		world_free(w);
	}
}

static void
q4_q6_a_start_that_is_cut_short_forgets_no_gap(void **state)
{
	size_t octets;
	struct world *w = filled(1);
	uint64_t calls = disk_fault_calls(w->disk);

	(void)state;
	octets = envelopes_octets();
	disk_fault_flip(w->disk, "/queue/envelopes", octets - 1, 0);
	assert_int_equal(open_spool(w), 0);
	calls = disk_fault_calls(w->disk) - calls;
	world_free(w);
	for (uint64_t cut = 1; cut <= calls; cut++) {
		w = filled(cut);
		disk_fault_flip(w->disk, "/queue/envelopes", octets - 1 - cut % 2 * octets / 2, 0);
		disk_fault_cut(w->disk, cut);
		if (open_spool(w) == 0)
			spool_close(&w->spool);
		end_life(w);
		assert_int_equal(open_spool(w), 0);
		assert_int_equal(found_count(w), MESSAGES - 1);
		expect_what_is_lost(w);
		world_free(w);
	}
}

static void
q4_q6_a_start_whose_call_fails_forgets_no_gap(void **state)
{
	struct world *w = filled(1);
	size_t octets = envelopes_octets();

	watch_events("rewrite envelopes");
	(void)state;
	world_free(w);
	for (uint64_t nth = 1; nth <= 60; nth++) {
		w = filled(nth);
		disk_fault_flip(w->disk, "/queue/envelopes", octets - 1 - nth % 2 * octets / 2, 0);
		disk_fault_fail(w->disk, nth, 1, ENOSPC);
		if (open_spool(w) == 0) {
			assert_int_equal(found_count(w), MESSAGES - 1);
			spool_close(&w->spool);
		}
		end_life(w);
		assert_int_equal(open_spool(w), 0);
		assert_int_equal(found_count(w), MESSAGES - 1);
		expect_what_is_lost(w);
		world_free(w);
	}
	/* A full disk keeps no queue from starting. */
	assert_true(events_watched() > 0);
}

static void
q6_a_file_that_nobody_was_promised_is_removed_at_every_start(void **state)
{
	struct world *w = filled(5);
	const char *path = "/queue/messages/9/01JDXYZ0123456789ABCDEFG09";
	int fd = disk->openat(AT_FDCWD, path, O_WRONLY | O_CREAT, 0600);

	(void)state;
	assert_true(fd >= 0);
	disk_close(&fd);
	assert_int_equal(open_spool(w), 0);
	assert_int_equal(found_count(w), MESSAGES);
	assert_false(is_there(path));
	assert_false(is_there("/queue/lost"));
	world_free(w);
}

/* The journal can say neither that the record is safe nor that it is not: it is there when the role begins anew. */
static void
q2_a_large_body_stays_when_its_record_may_come_back(void **state)
{
	bool came_back = false;

	(void)state;
	for (uint64_t nth = 1; nth <= 160; nth++) {
		struct world *w = world_new(nth);

		assert_int_equal(open_spool(w), 0);
		disk_fault_fail(w->disk, 8 + nth % 2, 1 + nth / 2 % 8, EIO);
		add(w, 1);
		spool_close(&w->spool);
		disk_fault_fail(w->disk, 0, 0, EIO);
		assert_int_equal(open_spool(w), 0);
		came_back |= w->found[1] && !w->is_promised[1];
		check(w);
		world_free(w);
	}
	assert_true(came_back);
}

/* What the first start made is in the kernel's memory alone when the second begins. */
static void
q1_directories_that_a_failed_start_made_are_synced_by_the_next(void **state)
{
	(void)state;
	for (uint64_t nth = 30; nth <= 60; nth++)
		for (uint64_t seed = 0; seed < 4; seed++) {
			struct world *w = world_new(seed * 100 + nth);

			disk_fault_fail(w->disk, nth, 1, EIO);
			if (open_spool(w) == 0)
				spool_close(&w->spool);
			assert_int_equal(open_spool(w), 0);
			add(w, 0);
			add(w, 1);
			assert_true(w->is_promised[0] && w->is_promised[1]);
			disk_fault_cut(w->disk, 1);
			end_life(w);
			assert_int_equal(open_spool(w), 0);
			check(w);
			world_free(w);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(q4_q6_a_flipped_bit_costs_one_envelope_and_no_body),
		cmocka_unit_test(q4_q6_a_start_that_is_cut_short_forgets_no_gap),
		cmocka_unit_test(q4_q6_a_start_whose_call_fails_forgets_no_gap),
		cmocka_unit_test(q6_a_file_that_nobody_was_promised_is_removed_at_every_start),
		cmocka_unit_test(q2_a_large_body_stays_when_its_record_may_come_back),
		cmocka_unit_test(q1_directories_that_a_failed_start_made_are_synced_by_the_next),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
