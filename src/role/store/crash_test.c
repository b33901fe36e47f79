/* The power goes at each disk call of deliveries into new mailboxes, small ones (in the journal) and large ones (synced as
   files): what was answered with IPC_OK is there afterwards, once, octet for octet.  commit.c, S2. */
#include "role/store/engine_internal.h"
#include "sys/disk_fault.h"
#include "sys/disk_record.h"

#include "base/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGES = 4, LARGE = ENGINE_BODY_JOURNALED_MAX + 5000, SMALL = 700 };
/* Of the recorded life: calls that make the folders, which are there before a server is; how often the power goes at each other call. */
enum { SETTING_UP = 3, SEEDS = 3 };

struct world {
	struct disk_fault *disk;
	struct engine *engine;
	struct engine_outlet *outlet;
	uint64_t journal_octets;
	pthread_mutex_t lock;
	pthread_cond_t came;
	enum ipc_outcome outcome;
	bool has_answer;
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

static void
write_line(void *arg, struct bytes line)
{
	(void)arg;
	if (getenv("TESTING_LOG"))
		(void)fwrite(line.ptr, 1, line.len, stderr);
}

static int64_t
no_time(void)
{
	return 0;
}

static void
receive(void *arg, const struct message *m)
{
	struct world *w = arg;

	if (m->type == MESSAGE_CHANGED)
		return;
	pthread_mutex_lock(&w->lock);
	w->outcome = (enum ipc_outcome)m->u.done.outcome; /* every answer begins so */
	w->has_answer = true;
	pthread_cond_broadcast(&w->came);
	pthread_mutex_unlock(&w->lock);
}

static bool
open_engine(struct world *w)
{
	const struct engine_settings settings = {
		.state_directory = "/state",
		.mailboxes = "/mail",
		.hostname = BYTES("test"),
		.threads = 2,
		.mailboxes_max = 100,
		.journal_octets_max = w->journal_octets,
		.requests_octets_max = UINT64_MAX,
	};
	struct fault f = { 0 };

	if (engine_open(&settings, &w->engine, &f) != 0)
		return false;
	w->outlet = engine_outlet_new(w->engine);
	engine_outlet_connect(w->outlet, receive, w);
	return true;
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
	fd = engine_new_file(w->engine, octets.len, &outcome);
	if (fd < 0)
		return NULL;
	if (disk_write_all(fd, octets, 0) == 0)
		return engine_body_new(BYTES_NONE, fd);
	disk_close(&fd);
	return NULL;
}

static void
wait_for_answer(struct world *w)
{
	pthread_mutex_lock(&w->lock);
	while (!w->has_answer)
		pthread_cond_wait(&w->came, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

static void
deliver(struct world *w, int number)
{
	struct engine_body *body = make_body(w, number);
	struct message m = { .type = MESSAGE_DELIVER };

	if (!body)
		return;
	w->has_answer = false;
	m.u.deliver.request = (uint64_t)number + 1;
	m.u.deliver.size = is_large(number) ? LARGE : SMALL;
	engine_submit(engine_account(w->engine, bytes_text(mail_of(number))), NULL, body, w->outlet, &m);
	engine_body_release(&body);
	wait_for_answer(w);
	w->is_kept[number] = w->outcome == IPC_OK;
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

static void
begin_life(struct world *w, uint64_t seed)
{
	*w = (struct world){ .disk = disk_fault_new(seed), .journal_octets = 1 << 20 };
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->came, NULL);
}

static void
end_life(struct world *w)
{
	pthread_cond_destroy(&w->came);
	pthread_mutex_destroy(&w->lock);
	disk_fault_free(&w->disk);
}

static void
make_folders(void)
{
	int root = disk->openat(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY, 0);

	assert_int_equal(disk->mkdirat(AT_FDCWD, "/state", 0700), 0);
	assert_int_equal(disk->mkdirat(AT_FDCWD, "/mail", 0700), 0);
	assert_int_equal(disk->fsync(root), 0);
	disk_close(&root);
}

/* How many calls it took.  cut: the power goes at this one, 0: when all is said; failing: this one fails, 0: none. */
static uint64_t
live_through(uint64_t cut, uint64_t failing)
{
	static struct world w;
	uint64_t calls;

	begin_life(&w, cut + failing + 1);
	make_folders();
	assert_true(open_engine(&w));
	calls = disk_fault_calls(w.disk);
	disk_fault_cut(w.disk, cut);
	if (failing)
		disk_fault_fail(w.disk, failing, 1, failing % 2 ? EIO : ENOSPC);
	for (int i = 0; i < MESSAGES && !disk_fault_is_cut(w.disk); i++)
		deliver(&w, i);
	calls = disk_fault_calls(w.disk) - calls;
	for (int i = 0; i < MESSAGES; i++)
		assert_true(w.is_kept[i] || cut + failing > 0);
	if (!disk_fault_is_cut(w.disk))
		disk_fault_cut(w.disk, 1);
	engine_close(&w.engine);
	disk_fault_crash(w.disk);
	assert_true(open_engine(&w));
	engine_close(&w.engine);
	check(&w, cut, failing);
	end_life(&w);
	return calls;
}

/* A stop in order between, which makes a checkpoint. */
static struct disk_record *
record_workload(void)
{
	static struct world w;
	struct disk_record *r;

	begin_life(&w, 1);
	r = disk_record_new();
	make_folders();
	assert_true(open_engine(&w));
	for (int i = 0; i < MESSAGES; i++) {
		deliver(&w, i);
		assert_true(w.is_kept[i]);
		disk_record_note(r, i);
		if (i == MESSAGES / 2) {
			engine_close(&w.engine);
			assert_true(open_engine(&w));
		}
	}
	engine_close(&w.engine);
	disk_record_stop(r);
	end_life(&w);
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

	begin_life(&w, seed);
	disk_record_replay(r, calls, noted, &w);
	disk_fault_crash(w.disk);
	if (!open_engine(&w))
		fail_msg("after %zu calls, seed %llu: it does not start", calls, (unsigned long long)seed);
	engine_close(&w.engine);
	check(&w, calls, 0);
	end_life(&w);
}

/* The calls of one life, done again up to each of them; what a power cut leaves is another choice each time. */
static void
what_was_answered_survives_wherever_the_power_goes_and_whatever_it_leaves(void **state)
{
	const struct event_sink sink = { .write = write_line, .now_us = no_time, .role = "test" };
	struct disk_record *r;
	size_t points = 0;

	(void)state;
	event_set_sink(&sink);
	r = record_workload();
	for (size_t calls = SETTING_UP; calls <= disk_record_calls(r); calls++)
		for (uint64_t seed = 1; seed <= SEEDS; seed++, points++)
			crash(r, calls, calls * SEEDS + seed);
	disk_record_free(&r);
	print_message("%zu crash points\n", points);
	assert_true(points > 500);
}

static void
what_was_answered_survives_a_power_cut_at_each_call(void **state)
{
	const struct event_sink sink = { .write = write_line, .now_us = no_time, .role = "test" };
	uint64_t calls;

	(void)state;
	event_set_sink(&sink);
	calls = live_through(0, 0);
	assert_true(calls > 50);
	for (uint64_t cut = 1; cut <= calls; cut++)
		(void)live_through(cut, 0);
}

static void
what_was_answered_survives_a_call_that_fails_and_a_power_cut(void **state)
{
	const struct event_sink sink = { .write = write_line, .now_us = no_time, .role = "test" };
	uint64_t calls;

	(void)state;
	event_set_sink(&sink);
	calls = live_through(0, 0);
	for (uint64_t failing = 1; failing <= calls; failing++)
		(void)live_through(0, failing);
}

/* As many as take more than one record of the journal when they are copied, by their keywords; what is delivered before leaves room in the
   segment for the first record alone. */
enum { COPIED = 1000, KEYWORDS = 26, KEYWORD_OCTETS = 48, CUTS_AROUND_THE_LOG = 6, FILLING = 28, FILLING_OCTETS = 250000,
	LARGE_JOURNAL = 16 << 20 };

static void
put_file(int directory, const char *path, struct bytes octets)
{
	int fd = disk->openat(directory, path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(disk_write_all(fd, octets, 0), 0);
	disk_close(&fd);
}

static void
put_messages(void)
{
	char words[KEYWORDS * (KEYWORD_OCTETS + 8)], name[128];
	size_t at = 0;
	int fd;

	(void)snprintf(name, sizeof name, "%s/cur", mail_of(0));
	assert_int_equal(disk_make_path(name, 0700, NULL), 0);
	fd = disk->openat(AT_FDCWD, mail_of(0), O_RDONLY | O_DIRECTORY, 0);
	for (int i = 0; i < KEYWORDS; i++)
		at += (size_t)snprintf(words + at, sizeof words - at, "%d %c%0*d\n", i, 'a' + i, KEYWORD_OCTETS - 1, 0);
	put_file(fd, "dovecot-keywords", bytes_of((const uint8_t *)words, at));
	for (int i = 0; i < COPIED; i++) {
		(void)snprintf(name, sizeof name, "cur/1700000000.%d.other,W=17:2,Sabcdefghijklmnopqrstuvwxyz", i);
		put_file(fd, name, BYTES("x\n"));
	}
	assert_int_equal(disk->syncfs(fd), 0);
	disk_close(&fd);
}

static enum ipc_outcome
ask(struct world *w, struct engine_session *s, struct message *m)
{
	w->has_answer = false;
	engine_submit(NULL, s, NULL, w->outlet, m);
	wait_for_answer(w);
	return w->outcome;
}

static void
fill_segment(struct world *w)
{
	for (int i = 0; i < FILLING; i++) {
		struct engine_body *body = engine_body_new(bytes_of(text, FILLING_OCTETS), -1);
		struct message m = { .type = MESSAGE_DELIVER };

		w->has_answer = false;
		engine_submit(engine_account(w->engine, bytes_text(mail_of(MESSAGES - 1))), NULL, body, w->outlet, &m);
		engine_body_release(&body);
		wait_for_answer(w);
		assert_int_equal(w->outcome, IPC_OK);
	}
}

static bool
count_name(void *arg, const char *name, unsigned char type)
{
	(void)name;
	(void)type;
	++*(int *)arg;
	return true;
}

/* Of the folder A. */
static int
count_copies(void)
{
	char path[80];
	int count = 0, fd;

	(void)snprintf(path, sizeof path, "%s/.A/cur", mail_of(0));
	fd = disk->openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
	if (fd >= 0)
		assert_int_equal(disk->list(fd, ".", count_name, &count), 0);
	disk_close(&fd);
	return count;
}

/* How many calls the copy took. */
static uint64_t
copy_through(uint64_t cut, uint64_t seed)
{
	static const struct ipc_range all = { 1, COPIED };
	struct message select = { .type = MESSAGE_SELECT }, create = { .type = MESSAGE_MAILBOX_CHANGE }, copy = { .type = MESSAGE_COPY };
	static struct world w;
	struct engine_session *s;
	enum ipc_outcome outcome;
	uint64_t calls;
	int count;

	begin_life(&w, seed);
	w.journal_octets = LARGE_JOURNAL;
	make_folders();
	put_messages();
	assert_true(open_engine(&w));
	s = engine_session_new(engine_account(w.engine, bytes_text(mail_of(0))), w.outlet);
	select.u.select.name = BYTES("INBOX");
	assert_int_equal(ask(&w, s, &select), IPC_OK);
	create.u.mailbox_change.operation = MAILBOX_CREATE;
	create.u.mailbox_change.name = copy.u.copy.name = BYTES("A");
	assert_int_equal(ask(&w, s, &create), IPC_OK);
	fill_segment(&w);
	copy.u.copy.uids = (struct ipc_ranges){ &all, 1 };
	calls = disk_fault_calls(w.disk);
	disk_fault_cut(w.disk, cut);
	outcome = ask(&w, s, &copy);
	calls = disk_fault_calls(w.disk) - calls;
	if (!disk_fault_is_cut(w.disk))
		disk_fault_cut(w.disk, 1);
	engine_session_end(&s);
	engine_close(&w.engine);
	disk_fault_crash(w.disk);
	assert_true(open_engine(&w));
	engine_close(&w.engine);
	count = count_copies();
	if (count != COPIED && (count != 0 || outcome == IPC_OK))
		fail_msg("power cut at call %llu: %d of %d copies are there", (unsigned long long)cut, count, COPIED);
	end_life(&w);
	return calls;
}

/* The records of a copy are several (commit.c, journal.c J10): with a part of them the disk knows of none. */
static void
a_copy_is_there_as_a_whole_or_not_at_all_wherever_the_power_goes(void **state)
{
	const struct event_sink sink = { .write = write_line, .now_us = no_time, .role = "test" };
	uint64_t calls;

	(void)state;
	event_set_sink(&sink);
	calls = copy_through(0, 1);
	assert_true(calls > 2 * COPIED);
	for (uint64_t cut = COPIED - 1; cut < COPIED + CUTS_AROUND_THE_LOG; cut++)
		(void)copy_through(cut, cut);
	for (uint64_t cut = COPIED + CUTS_AROUND_THE_LOG; cut < calls; cut += calls / 3)
		(void)copy_through(cut, cut);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_is_there_as_a_whole_or_not_at_all_wherever_the_power_goes),
		cmocka_unit_test(what_was_answered_survives_a_power_cut_at_each_call),
		cmocka_unit_test(what_was_answered_survives_wherever_the_power_goes_and_whatever_it_leaves),
		cmocka_unit_test(what_was_answered_survives_a_call_that_fails_and_a_power_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
