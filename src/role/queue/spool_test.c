/* The power goes at each disk call, and each call fails in turn: Q1 … Q7 of spool.c hold. */
#include "role/queue/spool.h"

#include "base/event.h"
#include "base/map.h"
#include "base/memory.h"
#include "sys/disk_fault.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MESSAGES = 5, LARGE = SPOOL_BODY_JOURNALED_MAX + 9000, SMALL = 600 };

struct world {
	struct disk_fault *disk;
	struct spool *spool;
	struct queued *live[MESSAGES]; /* answered with SPOOL_OK, not removed */
	struct queued *found[MESSAGES];
	bool is_promised[MESSAGES], may_be_gone[MESSAGES];
	pthread_mutex_t lock;
	pthread_cond_t woken;
	bool is_woken;
	int answers;
	enum spool_outcome outcome;
	struct buf body; /* read back */
	int error;
};

static struct mail_id
id_of(int number)
{
	struct mail_id id;
	char text[MAIL_ID_LEN + 1];

	(void)snprintf(text, sizeof text, "01JDXYZ0123456789ABCDEFG%02d", number);
	assert_true(mail_id_parse(bytes_text(text), &id));
	return id;
}

static struct bytes
body_of(int number)
{
	static uint8_t text[LARGE];
	size_t len = number % 2 ? LARGE : SMALL;

	for (size_t i = 0; i < len; i++)
		text[i] = i % 70 == 69 ? '\n' : (uint8_t)('a' + (i + (size_t)number * 5) % 26);
	return bytes_of(text, len);
}

static struct queued *
message(int number)
{
	struct envelope e = { .id = id_of(number), .sender = BYTES("s@here.example"), .size = 100 };
	uint8_t space[100];
	struct buf recipients;

	buf_init_fixed(&recipients, space, sizeof space);
	for (int i = 0; i < 2; i++) {
		put_u16(&recipients, 11);
		put_format(&recipients, "r%d@x.exampl", i);
		put_u16(&recipients, 0);
	}
	e.recipients = buf_bytes(&recipients);
	return queued_new(&e);
}

static void
on_wake(void *arg)
{
	struct world *w = arg;

	pthread_mutex_lock(&w->lock);
	w->is_woken = true;
	pthread_cond_broadcast(&w->woken);
	pthread_mutex_unlock(&w->lock);
}

static void
put_all(void *arg, struct spool *s)
{
	struct world *w = arg;

	for (int i = 0; i < MESSAGES; i++)
		if (w->live[i])
			spool_put(s, w->live[i]);
}

static void
note(void *arg, struct queued *m)
{
	struct world *w = arg;
	int number = m->id.text[MAIL_ID_LEN - 1] - '0';

	assert_in_range(number, 0, MESSAGES - 1);
	assert_null(w->found[number]);
	w->found[number] = m;
}

static int
open_spool(struct world *w)
{
	const struct spool_settings settings = { .directory = "/queue", .journal_octets_max = 1 << 20, .threads = 2,
		.wake = on_wake, .put_all = put_all, .arg = w };
	struct fault f;

	return spool_open(&settings, note, &w->spool, &f);
}

static struct world *
world_new(uint64_t seed)
{
	struct world *w = memory_new(sizeof *w);

	w->disk = disk_fault_new(seed);
	buf_init(&w->body, 1 << 20);
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->woken, NULL);
	return w;
}

static void
forget(struct queued *list[MESSAGES])
{
	for (int i = 0; i < MESSAGES; i++)
		queued_free(&list[i]);
}

static void
world_free(struct world *w)
{
	if (w->spool)
		spool_close(&w->spool);
	forget(w->live);
	forget(w->found);
	disk_fault_free(&w->disk);
	buf_done(&w->body);
	(void)pthread_mutex_destroy(&w->lock);
	(void)pthread_cond_destroy(&w->woken);
	memory_free(w);
}

static void
wait_for_answer(struct world *w)
{
	int before = w->answers;

	while (w->answers == before) {
		pthread_mutex_lock(&w->lock);
		while (!w->is_woken)
			(void)pthread_cond_wait(&w->woken, &w->lock);
		w->is_woken = false;
		pthread_mutex_unlock(&w->lock);
		spool_run(w->spool);
	}
}

static void
added(void *arg, enum spool_outcome outcome)
{
	struct world *w = arg;

	w->outcome = outcome;
	w->answers++;
}

static int
file_with(struct bytes octets)
{
	int fd = disk->openat(AT_FDCWD, "/source", O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd >= 0 && disk_write_all(fd, octets, 0) == 0)
		return fd;
	disk_close(&fd);
	return -1;
}

static void
add(struct world *w, int number)
{
	struct queued *m = message(number);
	struct bytes body = body_of(number);
	bool is_large = body.len > SPOOL_BODY_JOURNALED_MAX;
	int fd = is_large ? file_with(body) : -1;

	if (is_large && fd < 0) {
		queued_free(&m);
		return;
	}
	spool_add(w->spool, m, is_large ? BYTES_NONE : body, fd, added, w);
	wait_for_answer(w);
	if (w->outcome == SPOOL_OK) {
		w->live[number] = m;
		w->is_promised[number] = true;
	} else {
		queued_free(&m);
	}
}

static void
take_away(struct world *w, int number)
{
	if (!w->live[number])
		return;
	spool_remove(w->spool, &w->live[number]->id);
	w->may_be_gone[number] = true;
	queued_free(&w->live[number]);
}

/* Two come, one changes, one goes, three more come. */
static void
run_workload(struct world *w)
{
	add(w, 0);
	add(w, 1);
	if (w->live[0]) {
		delivery_set_reply(&w->live[0]->at[0], BYTES("450 later"));
		delivery_done(&w->live[0]->at[1]);
		spool_update(w->spool, w->live[0]);
	}
	take_away(w, 1);
	for (int i = 2; i < MESSAGES; i++)
		add(w, i);
	take_away(w, 2);
}

static void
got_body(void *arg, int fd, int error)
{
	struct world *w = arg;
	struct fault f;

	buf_reset(&w->body);
	w->error = error;
	if (fd >= 0 && disk_read_descriptor(fd, 1 << 20, &w->body, &f) != 0)
		w->error = EIO;
	disk_close(&fd);
	w->answers++;
}

static void
check(struct world *w)
{
	for (int i = 0; i < MESSAGES; i++) {
		struct mail_id id = id_of(i);

		if (w->is_promised[i] && !w->may_be_gone[i])
			assert_non_null(w->found[i]); /* the guarantee */
		if (!w->found[i])
			continue;
		spool_open_body(w->spool, &id, got_body, w);
		wait_for_answer(w);
		assert_int_equal(w->error, 0); /* Q2 */
		assert_true(bytes_equal(buf_bytes(&w->body), body_of(i)));
	}
}

static uint64_t
count_calls(void)
{
	struct world *w = world_new(1);
	uint64_t calls;

	assert_int_equal(open_spool(w), 0);
	run_workload(w);
	spool_close(&w->spool);
	calls = disk_fault_calls(w->disk);
	world_free(w);
	return calls;
}

static void
end_life(struct world *w)
{
	if (w->spool)
		spool_close(&w->spool);
	disk_fault_crash(w->disk);
	forget(w->found);
}

static void
q1_q2_q4_what_was_answered_survives_a_power_cut_at_each_call(void **state)
{
	uint64_t calls = count_calls();

	(void)state;
	for (uint64_t cut = 1; cut <= calls + 2; cut++) {
		struct world *w = world_new(cut * 7 + 3);

		disk_fault_cut(w->disk, cut);
		if (open_spool(w) == 0)
			run_workload(w);
		end_life(w);
		assert_int_equal(open_spool(w), 0);
		check(w);
		/* And once more, without a change between. */
		end_life(w);
		assert_int_equal(open_spool(w), 0);
		check(w);
		world_free(w);
	}
}

static void
q1_q3_what_was_answered_survives_a_call_that_fails(void **state)
{
	uint64_t calls = count_calls();

	(void)state;
	for (uint64_t nth = 1; nth <= calls; nth++) {
		struct world *w = world_new(nth);

		disk_fault_fail(w->disk, nth, 1 + nth % 3, nth % 2 ? EIO : ENOSPC);
		if (open_spool(w) == 0)
			run_workload(w);
		end_life(w);
		assert_int_equal(open_spool(w), 0);
		check(w);
		world_free(w);
	}
}

static void
a_clean_stop_keeps_everything_as_it_was(void **state)
{
	struct world *w = world_new(9);

	(void)state;
	assert_int_equal(open_spool(w), 0);
	run_workload(w);
	spool_close(&w->spool);
	assert_int_equal(open_spool(w), 0);
	check(w);
	assert_null(w->found[1]);
	assert_null(w->found[2]);
	assert_int_equal(w->found[0]->count, 1);
	assert_true(bytes_equal(delivery_reply(&w->found[0]->at[0]), BYTES("450 later")));
	world_free(w);
}

static void
q6_a_file_that_nobody_was_promised_is_removed_after_a_crash(void **state)
{
	struct world *w = world_new(5);
	struct stat st;
	int fd;

	(void)state;
	assert_int_equal(open_spool(w), 0);
	add(w, 0);
	fd = disk->openat(AT_FDCWD, "/queue/messages/9/01JDXYZ0123456789ABCDEFG09", O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	disk_close(&fd);
	fd = disk->openat(AT_FDCWD, "/queue/messages", O_RDONLY | O_DIRECTORY, 0);
	assert_int_equal(disk->syncfs(fd), 0);
	disk_close(&fd);
	/* Without a checkpoint, as a crash leaves it. */
	disk_fault_cut(w->disk, 1);
	end_life(w);
	assert_int_equal(open_spool(w), 0);
	check(w);
	assert_int_equal(disk->fstatat(AT_FDCWD, "/queue/messages/9/01JDXYZ0123456789ABCDEFG09", &st, 0), -1);
	world_free(w);
}

static void
add_octets(struct world *w, int number, struct bytes octets, int fd)
{
	struct queued *m = message(number);

	spool_add(w->spool, m, octets, fd, added, w);
	wait_for_answer(w);
	queued_free(&m);
}

static void
q7_an_id_that_is_there_leads_to_nobody_elses_file(void **state)
{
	struct world *w = world_new(11);

	(void)state;
	assert_int_equal(open_spool(w), 0);
	add(w, 0);
	add(w, 1);
	for (int number = 0; number < 2; number++) {
		add_octets(w, number, BYTES("another's\n"), -1);
		assert_int_equal(w->outcome, SPOOL_LATER);
		add_octets(w, number, BYTES_NONE, file_with(body_of(3)));
		assert_int_equal(w->outcome, SPOOL_LATER);
	}
	end_life(w);
	assert_int_equal(open_spool(w), 0);
	check(w);
	world_free(w);
}

static void
q7_a_failure_to_open_removes_nobody_elses_file(void **state)
{
	struct world *w = world_new(12);

	(void)state;
	assert_int_equal(open_spool(w), 0);
	add(w, 0);
	disk_fault_fail(w->disk, 1, 1, EMFILE);
	add_octets(w, 0, BYTES("another's\n"), -1);
	assert_int_equal(w->outcome, SPOOL_LATER);
	spool_close(&w->spool);
	assert_int_equal(open_spool(w), 0);
	check(w);
	world_free(w);
}

/* A report on a thousand recipients. */
static void
q1_octets_beyond_the_journals_limit_are_kept_in_a_file(void **state)
{
	struct mail_id id = id_of(1);
	struct world *w = world_new(13);

	(void)state;
	assert_int_equal(open_spool(w), 0);
	assert_true(body_of(1).len > SPOOL_BODY_JOURNALED_MAX);
	add_octets(w, 1, body_of(1), -1);
	assert_int_equal(w->outcome, SPOOL_OK);
	w->is_promised[1] = true;
	spool_open_body(w->spool, &id, got_body, w);
	wait_for_answer(w);
	assert_true(bytes_equal(buf_bytes(&w->body), body_of(1)));
	disk_fault_cut(w->disk, 1);
	end_life(w);
	assert_int_equal(open_spool(w), 0);
	check(w);
	world_free(w);
}

static void
q5_envelopes_are_made_anew_when_most_of_it_counts_no_more(void **state)
{
	struct world *w = world_new(6);
	struct stat st;
	char reply[400];

	(void)state;
	assert_int_equal(open_spool(w), 0);
	add(w, 0);
	for (int i = 0; i < 16000; i++) {
		(void)snprintf(reply, sizeof reply, "450 %0380d", i);
		delivery_set_reply(&w->live[0]->at[0], bytes_text(reply));
		spool_update(w->spool, w->live[0]);
		if (i % 500 == 0)
			add(w, 2);
	}
	spool_close(&w->spool);
	assert_int_equal(disk->fstatat(AT_FDCWD, "/queue/envelopes", &st, 0), 0);
	assert_true(st.st_size < 6 << 20);
	assert_int_equal(open_spool(w), 0);
	check(w);
	assert_true(bytes_equal(delivery_reply(&w->found[0]->at[0]), bytes_text(reply)));
	world_free(w);
}

static void
write_nothing(void *arg, struct bytes line)
{
	(void)arg;
	(void)line;
}

static int64_t
no_time(void)
{
	return 0;
}

static int
set_up(void **state)
{
	(void)state;
	map_seed((const uint8_t[16]){ 1 });
	event_set_sink(&(struct event_sink){ .write = write_nothing, .now_us = no_time, .role = "test" });
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clean_stop_keeps_everything_as_it_was),
		cmocka_unit_test(q1_q2_q4_what_was_answered_survives_a_power_cut_at_each_call),
		cmocka_unit_test(q1_q3_what_was_answered_survives_a_call_that_fails),
		cmocka_unit_test(q5_envelopes_are_made_anew_when_most_of_it_counts_no_more),
		cmocka_unit_test(q7_an_id_that_is_there_leads_to_nobody_elses_file),
		cmocka_unit_test(q7_a_failure_to_open_removes_nobody_elses_file),
		cmocka_unit_test(q1_octets_beyond_the_journals_limit_are_kept_in_a_file),
		cmocka_unit_test(q6_a_file_that_nobody_was_promised_is_removed_after_a_crash),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
