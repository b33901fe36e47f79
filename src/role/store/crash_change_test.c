/* The power goes at calls of changes, COPY and MOVE and those of folders: no message is lost, and none is there twice.  commit.c, S2. */
#include "role/store/crash_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define ALICE "/mail/a.org/alice/mailbox"
#define BOB "/mail/a.org/bob/mailbox"

/* As many as take more than one record of the journal when they are copied, by their keywords; what is delivered before leaves room in the
   segment for the first record alone. */
enum { COPIED = 1000, KEYWORDS = 26, KEYWORD_OCTETS = 48, CUTS_AROUND_THE_LOG = 6, FILLING = 28, FILLING_OCTETS = 250000,
	LARGE_JOURNAL = 16 << 20 };

static void
put_messages(void)
{
	char words[KEYWORDS * (KEYWORD_OCTETS + 8)], name[128];
	size_t at = 0;
	int fd;

	(void)snprintf(name, sizeof name, "%s/cur", ALICE);
	assert_int_equal(disk_make_path(name, 0700, NULL), 0);
	fd = disk->openat(AT_FDCWD, ALICE, O_RDONLY | O_DIRECTORY, 0);
	for (int i = 0; i < KEYWORDS; i++)
		at += (size_t)snprintf(words + at, sizeof words - at, "%d %c%0*d\n", i, 'a' + i, KEYWORD_OCTETS - 1, 0);
	crashing_put(fd, "dovecot-keywords", bytes_of((const uint8_t *)words, at));
	for (int i = 0; i < COPIED; i++) {
		(void)snprintf(name, sizeof name, "cur/1700000000.%d.other,W=17:2,Sabcdefghijklmnopqrstuvwxyz", i);
		crashing_put(fd, name, BYTES("x\n"));
	}
	assert_int_equal(disk->syncfs(fd), 0);
	disk_close(&fd);
}

static void
fill_segment(struct crashing *w)
{
	static const uint8_t text[FILLING_OCTETS];

	for (int i = 0; i < FILLING; i++) {
		struct engine_body *body = engine_body_new(bytes_of(text, FILLING_OCTETS), -1);
		struct message m = { .type = MESSAGE_DELIVER };

		w->has_answer = false;
		engine_submit(engine_account(w->engine, bytes_text(BOB)), NULL, body, w->outlet, &m);
		engine_body_release(&body);
		crashing_wait(w);
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

static int
count_in(const char *path)
{
	int count = 0, fd = disk->openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);

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
	static struct crashing w;
	struct engine_session *s;
	enum ipc_outcome outcome;
	uint64_t calls;
	int count;

	crashing_begin(&w, seed);
	w.journal_octets = LARGE_JOURNAL;
	crashing_make_folders();
	put_messages();
	assert_true(crashing_open(&w));
	s = engine_session_new(engine_account(w.engine, bytes_text(ALICE)), w.outlet);
	select.u.select.name = BYTES("INBOX");
	assert_int_equal(crashing_ask(&w, s, &select), IPC_OK);
	create.u.mailbox_change.operation = MAILBOX_CREATE;
	create.u.mailbox_change.name = copy.u.copy.name = BYTES("A");
	assert_int_equal(crashing_ask(&w, s, &create), IPC_OK);
	fill_segment(&w);
	copy.u.copy.uids = (struct ipc_ranges){ &all, 1 };
	calls = disk_fault_calls(w.disk);
	disk_fault_cut(w.disk, cut);
	outcome = crashing_ask(&w, s, &copy);
	calls = disk_fault_calls(w.disk) - calls;
	if (!disk_fault_is_cut(w.disk))
		disk_fault_cut(w.disk, 1);
	engine_session_end(&s);
	engine_close(&w.engine);
	disk_fault_crash(w.disk);
	assert_true(crashing_open(&w));
	engine_close(&w.engine);
	count = count_in(ALICE "/.A/cur");
	if (count != COPIED && (count != 0 || outcome == IPC_OK))
		fail_msg("power cut at call %llu: %d of %d copies are there", (unsigned long long)cut, count, COPIED);
	crashing_end(&w);
	return calls;
}

/* The records of a copy are several (commit.c, journal.c J10): with a part of them the disk knows of none. */
static void
a_copy_is_there_as_a_whole_or_not_at_all_wherever_the_power_goes(void **state)
{
	uint64_t calls;

	(void)state;
	calls = copy_through(0, 1);
	assert_true(calls > 2 * COPIED);
	for (uint64_t cut = COPIED - 1; cut < COPIED + CUTS_AROUND_THE_LOG; cut++)
		(void)copy_through(cut, cut);
	for (uint64_t cut = COPIED + CUTS_AROUND_THE_LOG; cut < calls; cut += calls / 3)
		(void)copy_through(cut, cut);
}

/* Messages that are delivered and then moved; the first octet tells which. */
enum { MOVED = 3, MOVED_OCTETS = 1500, SEEDS = 3, RECOVERY_CUTS = 12 };

/* What happens to them behind the point where the power may go. */
struct life {
	bool is_on_another_disk; /* the folder A */
	bool is_settled; /* the journal knows nothing of them any more */
	enum ipc_outcome (*change)(struct crashing *w, struct engine_session *s);
};

struct found {
	int directory;
	int in_inbox[MOVED], in_folders[MOVED];
	int *count; /* one of the two */
};

static struct bytes
body_of(int number)
{
	static uint8_t octets[MOVED_OCTETS];

	memset(octets, 'a' + number, sizeof octets);
	octets[0] = (uint8_t)('0' + number);
	octets[sizeof octets - 1] = '\n';
	return bytes_of(octets, sizeof octets);
}

static void
deliver(struct crashing *w, int number)
{
	struct engine_body *body = engine_body_new(body_of(number), -1);
	struct message m = { .type = MESSAGE_DELIVER };

	w->has_answer = false;
	engine_submit(engine_account(w->engine, BYTES(ALICE)), NULL, body, w->outlet, &m);
	engine_body_release(&body);
	crashing_wait(w);
	assert_int_equal(w->outcome, IPC_OK);
}

static enum ipc_outcome
change_folder(struct crashing *w, struct engine_session *s, enum ipc_mailbox_operation operation, const char *name, const char *new_name)
{
	struct message m = { .type = MESSAGE_MAILBOX_CHANGE };

	m.u.mailbox_change.operation = (uint8_t)operation;
	m.u.mailbox_change.name = bytes_text(name);
	m.u.mailbox_change.new_name = bytes_text(new_name);
	return crashing_ask(w, s, &m);
}

static enum ipc_outcome
move_all_to(struct crashing *w, struct engine_session *s, const char *name)
{
	static const struct ipc_range all = { 1, MOVED };
	struct message m = { .type = MESSAGE_COPY };

	m.u.copy.name = bytes_text(name);
	m.u.copy.is_move = true;
	m.u.copy.uids = (struct ipc_ranges){ &all, 1 };
	return crashing_ask(w, s, &m);
}

static enum ipc_outcome
move_all(struct crashing *w, struct engine_session *s)
{
	return move_all_to(w, s, "A");
}

static enum ipc_outcome
move_and_rename(struct crashing *w, struct engine_session *s)
{
	enum ipc_outcome moved = move_all(w, s);

	(void)change_folder(w, s, MAILBOX_RENAME, "A", "B");
	(void)change_folder(w, s, MAILBOX_CREATE, "A", "");
	return moved;
}

static enum ipc_outcome
select_folder(struct crashing *w, struct engine_session *s, const char *name)
{
	struct message m = { .type = MESSAGE_SELECT };

	m.u.select.name = bytes_text(name);
	return crashing_ask(w, s, &m);
}

/* From A, which is deleted then and made again. */
static enum ipc_outcome
move_through(struct crashing *w, struct engine_session *s)
{
	enum ipc_outcome moved = move_all(w, s);

	if (moved == IPC_OK && change_folder(w, s, MAILBOX_CREATE, "B", "") == IPC_OK && select_folder(w, s, "A") == IPC_OK
		&& move_all_to(w, s, "B") == IPC_OK && change_folder(w, s, MAILBOX_DELETE, "A", "") == IPC_OK)
		(void)change_folder(w, s, MAILBOX_CREATE, "A", "");
	return moved;
}

static struct engine_session *
select_inbox(struct crashing *w)
{
	struct engine_session *s = engine_session_new(engine_account(w->engine, BYTES(ALICE)), w->outlet);

	assert_int_equal(select_folder(w, s, "INBOX"), IPC_OK);
	return s;
}

static bool
find_one(void *arg, const char *name, unsigned char type)
{
	uint8_t octets[MOVED_OCTETS + 1];
	struct found *x = arg;
	int fd = disk->openat(x->directory, name, O_RDONLY, 0), number;
	ssize_t got = disk->pread(fd, octets, sizeof octets, 0);

	(void)type;
	disk_close(&fd);
	assert_int_equal(got, MOVED_OCTETS);
	number = octets[0] - '0';
	assert_in_range(number, 0, MOVED - 1);
	assert_true(bytes_equal(bytes_of(octets, (size_t)got), body_of(number)));
	x->count[number]++;
	return true;
}

static void
find_in(struct found *x, const char *path, int *count)
{
	x->directory = disk->openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
	x->count = count;
	if (x->directory >= 0)
		assert_int_equal(disk->list(x->directory, ".", find_one, x), 0);
	disk_close(&x->directory);
}

static void
check(enum ipc_outcome moved, uint64_t cut, uint64_t seed)
{
	struct found x = { 0 };

	find_in(&x, ALICE "/new", x.in_inbox);
	find_in(&x, ALICE "/cur", x.in_inbox);
	find_in(&x, ALICE "/.A/new", x.in_folders);
	find_in(&x, ALICE "/.A/cur", x.in_folders);
	find_in(&x, ALICE "/.B/new", x.in_folders);
	find_in(&x, ALICE "/.B/cur", x.in_folders);
	for (int i = 0; i < MOVED; i++)
		if (x.in_inbox[i] + x.in_folders[i] != 1 || (moved == IPC_OK && x.in_folders[i] != 1) || x.in_inbox[i] != x.in_inbox[0])
			fail_msg("power cut at call %llu, seed %llu: message %d is %d times in INBOX, %d times in folders",
				(unsigned long long)cut, (unsigned long long)seed, i, x.in_inbox[i], x.in_folders[i]);
}

/* Messages in INBOX, a folder A. */
static struct engine_session *
begin(struct crashing *w, const struct life *l)
{
	struct engine_session *s;
	int root = disk->openat(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY, 0);

	assert_int_equal(disk_make_path(ALICE "/.A", 0700, NULL), 0);
	if (l->is_on_another_disk)
		disk_fault_mount(w->disk, ALICE "/.A", 2);
	assert_int_equal(disk->syncfs(root), 0);
	disk_close(&root);
	assert_true(crashing_open(w));
	s = select_inbox(w);
	(void)change_folder(w, s, MAILBOX_CREATE, "A", "");
	for (int i = 0; i < MOVED; i++)
		deliver(w, i);
	if (!l->is_settled)
		return s;
	engine_session_end(&s);
	engine_close(&w->engine);
	assert_true(crashing_open(w));
	return select_inbox(w);
}

/* The power may go in the midst of the recovery, too. */
static void
recover(struct crashing *w, uint64_t seed)
{
	disk_fault_crash(w->disk);
	disk_fault_cut(w->disk, seed % RECOVERY_CUTS);
	if (!crashing_open(w)) {
		disk_fault_crash(w->disk);
		assert_true(crashing_open(w));
	}
	engine_close(&w->engine);
	if (!disk_fault_is_cut(w->disk)) {
		disk_fault_cut(w->disk, 0);
		return;
	}
	disk_fault_crash(w->disk);
	assert_true(crashing_open(w));
	engine_close(&w->engine);
}

/* How many calls it took. */
static uint64_t
live_through(const struct life *l, uint64_t cut, uint64_t seed)
{
	static struct crashing w;
	struct engine_session *s;
	enum ipc_outcome moved;
	uint64_t calls;

	crashing_begin(&w, seed);
	crashing_make_folders();
	s = begin(&w, l);
	calls = disk_fault_calls(w.disk);
	disk_fault_cut(w.disk, cut);
	moved = l->change(&w, s);
	calls = disk_fault_calls(w.disk) - calls;
	assert_true(cut || moved == IPC_OK);
	if (!disk_fault_is_cut(w.disk))
		disk_fault_cut(w.disk, 1);
	engine_session_end(&s);
	engine_close(&w.engine);
	recover(&w, seed);
	check(moved, cut, seed);
	crashing_end(&w);
	return calls;
}

static void
live_through_all(const struct life *l)
{
	uint64_t calls = live_through(l, 0, 1);

	assert_true(calls > 10);
	for (uint64_t cut = 1; cut <= calls + 1; cut++)
		for (uint64_t seed = 1; seed <= SEEDS; seed++)
			(void)live_through(l, cut, cut * SEEDS + seed);
	for (uint64_t seed = 1; seed <= calls; seed++)
		(void)live_through(l, 0, seed);
}

static void
what_is_moved_is_in_one_of_the_two_wherever_the_power_goes(void **state)
{
	(void)state;
	live_through_all(&(struct life){ .change = move_all });
}

/* No link leads there: the octets are copied. */
static void
what_is_moved_to_another_disk_is_in_one_of_the_two_wherever_the_power_goes(void **state)
{
	(void)state;
	live_through_all(&(struct life){ .is_on_another_disk = true, .change = move_all });
	live_through_all(&(struct life){ .is_on_another_disk = true, .is_settled = true, .change = move_all });
}

static void
what_is_moved_to_a_folder_that_gets_another_name_is_there_once(void **state)
{
	(void)state;
	live_through_all(&(struct life){ .change = move_and_rename });
}

static void
what_left_a_folder_that_is_deleted_and_made_again_is_there_once(void **state)
{
	(void)state;
	live_through_all(&(struct life){ .change = move_through });
}

enum { LARGE = ENGINE_BODY_JOURNALED_MAX + 1, REMOVALS = 40 };

/* The journal does not hold it: only the file is there. */
static void
deliver_large(struct crashing *w, const char *folder)
{
	enum ipc_outcome outcome;
	int fd = engine_new_file(w->engine, LARGE, &outcome);
	struct engine_body *body;
	struct message m = { .type = MESSAGE_DELIVER };

	assert_int_equal(disk->ftruncate(fd, LARGE), 0);
	body = engine_body_new(BYTES_NONE, fd);
	m.u.deliver.folder = bytes_text(folder);
	w->has_answer = false;
	engine_submit(engine_account(w->engine, BYTES(ALICE)), NULL, body, w->outlet, &m);
	engine_body_release(&body);
	crashing_wait(w);
	assert_int_equal(w->outcome, IPC_OK);
}

static void
what_is_in_a_folder_that_took_a_removed_ones_name_does_not_go_with_that(void **state)
{
	static struct crashing w;
	int count;

	(void)state;
	for (uint64_t seed = 1; seed <= REMOVALS; seed++) {
		struct engine_session *s;

		crashing_begin(&w, seed);
		crashing_make_folders();
		s = begin(&w, &(struct life){ 0 });
		(void)change_folder(&w, s, MAILBOX_DELETE, "A", "");
		(void)change_folder(&w, s, MAILBOX_CREATE, "A", "");
		deliver_large(&w, "A");
		engine_session_end(&s);
		disk_fault_cut(w.disk, 1);
		engine_close(&w.engine);
		recover(&w, seed);
		count = count_in(ALICE "/.A/new");
		if (count != 1)
			fail_msg("seed %llu: it is there %d times", (unsigned long long)seed, count);
		crashing_end(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_is_there_as_a_whole_or_not_at_all_wherever_the_power_goes),
		cmocka_unit_test(what_is_moved_is_in_one_of_the_two_wherever_the_power_goes),
		cmocka_unit_test(what_is_moved_to_another_disk_is_in_one_of_the_two_wherever_the_power_goes),
		cmocka_unit_test(what_is_in_a_folder_that_took_a_removed_ones_name_does_not_go_with_that),
		cmocka_unit_test(what_is_moved_to_a_folder_that_gets_another_name_is_there_once),
		cmocka_unit_test(what_left_a_folder_that_is_deleted_and_made_again_is_there_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
