/* The power goes at each disk call of deliveries into new mailboxes, small ones (in the journal) and large ones (synced as
   files): what was answered with IPC_OK is there afterwards, once, octet for octet.  commit.c, S2. */
#include "role/store/crash_support.h"
#include "sys/disk_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGES = 4, LARGE = ENGINE_BODY_JOURNALED_MAX + 5000, SMALL = 700 };
/* Of the recorded life: calls that make the folders, which are there before a server is; how often the power goes at each other call. */
enum { SETTING_UP = 3, SEEDS = 3 };

struct world {
	struct crashing c;
	bool is_kept[MESSAGES]; /* answered with IPC_OK */
	int found[MESSAGES];
};

static uint8_t text[LARGE];

/* Which messages are large, and in whose mailbox. */
static bool
is_large(int number)
{
	return number % 2 == 0;
}

static const char *
mail_of(int number)
{
	return number < MESSAGES / 2 ? "/mail/a.org/alice/mailbox" : "/mail/a.org/bob/mailbox";
}

static struct bytes
body_of(int number)
{
	size_t len = is_large(number) ? LARGE : SMALL;

	for (size_t i = 0; i < len; i++)
		text[i] = i % 64 == 63 ? '\n' : (uint8_t)('a' + (i / 64 + (size_t)number * 7) % 26);
	text[0] = (uint8_t)('0' + number);
	return bytes_of(text, len);
}

/* A body as a front sends it: what is large lies in a file that the engine gave. */
static struct engine_body *
make_body(struct world *w, int number)
{
	struct bytes octets = body_of(number);
	enum ipc_outcome outcome;
	int fd;

	if (!is_large(number))
		return engine_body_new(octets, -1);
	fd = engine_new_file(w->c.engine, octets.len, &outcome);
	if (fd < 0)
		return NULL;
	if (disk_write_all(fd, octets, 0) == 0)
		return engine_body_new(BYTES_NONE, fd);
	disk_close(&fd);
	return NULL;
}

static void
deliver(struct world *w, int number)
{
	struct engine_body *body = make_body(w, number);
	struct message m = { .type = MESSAGE_DELIVER };

	if (!body)
		return;
	w->c.has_answer = false;
	m.u.deliver.request = (uint64_t)number + 1;
	m.u.deliver.size = is_large(number) ? LARGE : SMALL;
	engine_submit(engine_account(w->c.engine, bytes_text(mail_of(number))), NULL, body, w->c.outlet, &m);
	engine_body_release(&body);
	crashing_wait(&w->c);
	w->is_kept[number] = w->c.outcome == IPC_OK;
}

struct search {
	struct world *w;
	int directory;
};

static bool
count_one(void *arg, const char *name, unsigned char type)
{
	static uint8_t octets[LARGE + 1];
	struct search *s = arg;
	int fd = disk->openat(s->directory, name, O_RDONLY, 0);
	ssize_t got = disk->pread(fd, octets, sizeof octets, 0);
	int number;

	(void)type;
	disk_close(&fd);
	assert_true(got > 0);
	number = octets[0] - '0';
	assert_in_range(number, 0, MESSAGES - 1);
	assert_true(bytes_equal(bytes_of(octets, (size_t)got), body_of(number)));
	s->w->found[number]++;
	return true;
}

static void
count_in(struct world *w, const char *mail, const char *part)
{
	char path[80];
	struct search s = { .w = w };

	(void)snprintf(path, sizeof path, "%s/%s", mail, part);
	s.directory = disk->openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
	if (s.directory < 0)
		return;
	assert_int_equal(disk->list(s.directory, ".", count_one, &s), 0);
	disk_close(&s.directory);
}

static void
check(struct world *w, uint64_t cut, uint64_t failing)
{
	memset(w->found, 0, sizeof w->found);
	for (int i = 0; i < MESSAGES; i += MESSAGES / 2) {
		count_in(w, mail_of(i), "new");
		count_in(w, mail_of(i), "cur");
	}
	for (int i = 0; i < MESSAGES; i++)
		if (w->found[i] > 1 || (w->is_kept[i] && w->found[i] == 0))
			fail_msg("power cut at call %llu, failure of call %llu: message %d is there %d times",
				(unsigned long long)cut, (unsigned long long)failing, i, w->found[i]);
}

/* How many calls it took.  cut: the power goes at this one, 0: when all is said; failing: this one fails, 0: none. */
static uint64_t
live_through(uint64_t cut, uint64_t failing)
{
	static struct world w;
	uint64_t calls;

	memset(&w, 0, sizeof w);
	crashing_begin(&w.c, cut + failing + 1);
	crashing_make_folders();
	assert_true(crashing_open(&w.c));
	calls = disk_fault_calls(w.c.disk);
	disk_fault_cut(w.c.disk, cut);
	if (failing)
		disk_fault_fail(w.c.disk, failing, 1, failing % 2 ? EIO : ENOSPC);
	for (int i = 0; i < MESSAGES && !disk_fault_is_cut(w.c.disk); i++)
		deliver(&w, i);
	calls = disk_fault_calls(w.c.disk) - calls;
	for (int i = 0; i < MESSAGES; i++)
		assert_true(w.is_kept[i] || cut + failing > 0);
	if (!disk_fault_is_cut(w.c.disk))
		disk_fault_cut(w.c.disk, 1);
	engine_close(&w.c.engine);
	disk_fault_crash(w.c.disk);
	assert_true(crashing_open(&w.c));
	engine_close(&w.c.engine);
	check(&w, cut, failing);
	crashing_end(&w.c);
	return calls;
}

/* A stop in order between, which makes a checkpoint. */
static struct disk_record *
record_workload(void)
{
	static struct world w;
	struct disk_record *r;

	memset(&w, 0, sizeof w);
	crashing_begin(&w.c, 1);
	r = disk_record_new();
	crashing_make_folders();
	assert_true(crashing_open(&w.c));
	for (int i = 0; i < MESSAGES; i++) {
		deliver(&w, i);
		assert_true(w.is_kept[i]);
		disk_record_note(r, i);
		if (i == MESSAGES / 2) {
			engine_close(&w.c.engine);
			assert_true(crashing_open(&w.c));
		}
	}
	engine_close(&w.c.engine);
	disk_record_stop(r);
	crashing_end(&w.c);
	return r;
}

static void
noted(void *arg, int number)
{
	struct world *w = arg;

	w->is_kept[number] = true;
}

static void
crash(const struct disk_record *r, size_t calls, uint64_t seed)
{
	static struct world w;

	memset(&w, 0, sizeof w);
	crashing_begin(&w.c, seed);
	disk_record_replay(r, calls, noted, &w);
	disk_fault_crash(w.c.disk);
	if (!crashing_open(&w.c))
		fail_msg("after %zu calls, seed %llu: it does not start", calls, (unsigned long long)seed);
	engine_close(&w.c.engine);
	check(&w, calls, 0);
	crashing_end(&w.c);
}

/* The calls of one life, done again up to each of them; what a power cut leaves is another choice each time. */
static void
s2_what_was_answered_survives_wherever_the_power_goes_and_whatever_it_leaves(void **state)
{
	struct disk_record *r;
	size_t points = 0;

	(void)state;
	r = record_workload();
	for (size_t calls = SETTING_UP; calls <= disk_record_calls(r); calls++)
		for (uint64_t seed = 1; seed <= SEEDS; seed++, points++)
			crash(r, calls, calls * SEEDS + seed);
	disk_record_free(&r);
	print_message("%zu crash points\n", points);
	assert_true(points > 500);
}

static void
s2_what_was_answered_survives_a_power_cut_at_each_call(void **state)
{
	uint64_t calls;

	(void)state;
	calls = live_through(0, 0);
	assert_true(calls > 50);
	for (uint64_t cut = 1; cut <= calls; cut++)
		(void)live_through(cut, 0);
}

static void
s2_what_was_answered_survives_a_call_that_fails_and_a_power_cut(void **state)
{
	uint64_t calls;

	(void)state;
	calls = live_through(0, 0);
	for (uint64_t failing = 1; failing <= calls; failing++)
		(void)live_through(0, failing);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(s2_what_was_answered_survives_a_power_cut_at_each_call),
		cmocka_unit_test(s2_what_was_answered_survives_wherever_the_power_goes_and_whatever_it_leaves),
		cmocka_unit_test(s2_what_was_answered_survives_a_call_that_fails_and_a_power_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
