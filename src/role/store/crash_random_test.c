/* Deliveries and changes at random, until the power goes, again and again: what was answered is done, each message is where the answers say, once,
   and no uid is given twice.  commit.c, S2, S3, S4.  At last a folder is refused at recovery, and what is in the others, in it or in lost/ is all
   that has to be.  MERMOZ_CRASH_SEEDS="1000 2000" runs those from the one to the other. */
#include "role/store/crash_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALICE "/mail/alice"

enum { SEEDS = 20, LIVES = 4, STEPS = 14, CALLS = 400, MESSAGES = LIVES * STEPS, FOLDERS = 5, ON_ANOTHER_DISK = FOLDERS - 1, STEM = 16,
	LARGE = ENGINE_BODY_JOURNALED_MAX + 1, SMALL = 1200,
	SMALL_JOURNAL = 8192 };

static const char *const names[FOLDERS] = { "INBOX", "A", "B", "C", "D" };

/* What has to be. */
struct model {
	bool is_there[FOLDERS];
	uint8_t count[FOLDERS][MESSAGES];
	uint32_t uid[FOLDERS]; /* the highest that was told */
};

struct play {
	struct crashing c;
	struct engine_session *session;
	uint64_t seed;
	uint32_t state; /* of chance */
	int messages;
	struct model now, next; /* before and after what is under way */
	char told[8192];
	size_t told_len;
};

static uint32_t
chance(struct play *p, uint32_t below)
{
	p->state = p->state * 1664525 + 1013904223;
	return (uint32_t)(((uint64_t)(p->state >> 8) * below) >> 24);
}

static void __attribute__((format(printf, 2, 3)))
tell(struct play *p, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(p->told + p->told_len, sizeof p->told - p->told_len, format, args);
	va_end(args);
	if (len > 0 && (size_t)len < sizeof p->told - p->told_len)
		p->told_len += (size_t)len;
}

static void __attribute__((noreturn))
give_up(struct play *p, const char *why)
{
	(void)fprintf(stderr, "seed %llu: %s\n%s", (unsigned long long)p->seed, why, p->told);
	fail_msg("seed %llu: %s", (unsigned long long)p->seed, why);
	abort();
}

static struct bytes
body_of(int number, bool is_large)
{
	static uint8_t octets[LARGE];
	size_t len = is_large ? LARGE : SMALL;

	memset(octets, 'a' + number % 26, len);
	(void)snprintf((char *)octets, STEM, "%d:%d\n", number, is_large);
	octets[strlen((char *)octets)] = 'x';
	return bytes_of(octets, len);
}

static enum ipc_outcome
deliver(struct play *p, int folder, int number, bool is_large)
{
	struct message m = { .type = MESSAGE_DELIVER };
	struct bytes octets = body_of(number, is_large);
	struct engine_body *body;
	enum ipc_outcome outcome;
	int fd;

	if (is_large) {
		fd = engine_new_file(p->c.engine, octets.len, &outcome);
		if (fd < 0 || disk_write_all(fd, octets, 0) != 0) {
			disk_close(&fd);
			return IPC_LATER;
		}
		body = engine_body_new(BYTES_NONE, fd);
	} else {
		body = engine_body_new(octets, -1);
	}
	m.u.deliver.folder = bytes_text(names[folder]);
	p->c.has_answer = false;
	engine_submit(engine_account(p->c.engine, BYTES(ALICE)), NULL, body, p->c.outlet, &m);
	engine_body_release(&body);
	crashing_wait(&p->c);
	return p->c.outcome;
}

static enum ipc_outcome
select_folder(struct play *p, int folder)
{
	struct message m = { .type = MESSAGE_SELECT };

	m.u.select.name = bytes_text(names[folder]);
	return crashing_ask(&p->c, p->session, &m);
}

/* The last that is told. */
static void
take_uid(struct play *p, int folder, uint32_t count)
{
	if (p->c.uid <= p->now.uid[folder])
		give_up(p, "a uid is given again");
	p->next.uid[folder] = p->c.uid + count - 1;
}

static enum ipc_outcome
do_deliver(struct play *p, int folder)
{
	int number = p->messages++;
	bool is_large = chance(p, 6) == 0;
	enum ipc_outcome outcome;

	p->next.count[folder][number]++;
	tell(p, "deliver %d%s to %s", number, is_large ? " (large)" : "", names[folder]);
	outcome = deliver(p, folder, number, is_large);
	if (outcome == IPC_OK)
		take_uid(p, folder, 1);
	return outcome;
}

static enum ipc_outcome
do_copy(struct play *p, int from, int to)
{
	static const struct ipc_range all = { 1, UINT32_MAX };
	struct message m = { .type = MESSAGE_COPY };
	enum ipc_outcome outcome;
	uint32_t count = 0;

	m.u.copy.name = bytes_text(names[to]);
	m.u.copy.is_move = chance(p, 3) > 0;
	m.u.copy.uids = (struct ipc_ranges){ &all, 1 };
	tell(p, "%s %s to %s", m.u.copy.is_move ? "move" : "copy", names[from], names[to]);
	if (from == to)
		return IPC_INVALID;
	for (int i = 0; i < MESSAGES; i++) {
		p->next.count[to][i] = (uint8_t)(p->next.count[to][i] + p->now.count[from][i]);
		count += p->now.count[from][i];
		if (m.u.copy.is_move)
			p->next.count[from][i] = 0;
	}
	outcome = select_folder(p, from);
	if (outcome == IPC_OK)
		outcome = crashing_ask(&p->c, p->session, &m);
	if (outcome == IPC_OK && count)
		take_uid(p, to, count);
	return outcome;
}

static enum ipc_outcome
do_expunge(struct play *p, int folder)
{
	static const struct ipc_range all = { 1, UINT32_MAX };
	struct message m = { .type = MESSAGE_EXPUNGE };
	enum ipc_outcome outcome;

	m.u.expunge.is_forced = true;
	m.u.expunge.uids = (struct ipc_ranges){ &all, 1 };
	tell(p, "expunge %s", names[folder]);
	memset(p->next.count[folder], 0, sizeof p->next.count[folder]);
	outcome = select_folder(p, folder);
	return outcome == IPC_OK ? crashing_ask(&p->c, p->session, &m) : outcome;
}

static void
clear(struct model *m, int folder, bool is_there)
{
	m->is_there[folder] = is_there;
	memset(m->count[folder], 0, sizeof m->count[folder]);
	m->uid[folder] = 0;
}

static enum ipc_outcome
do_change(struct play *p, enum ipc_mailbox_operation operation, int folder, int other)
{
	struct message m = { .type = MESSAGE_MAILBOX_CHANGE };

	m.u.mailbox_change.operation = (uint8_t)operation;
	m.u.mailbox_change.name = bytes_text(names[folder]);
	m.u.mailbox_change.new_name = bytes_text(names[other]);
	tell(p, "%s %s %s", operation == MAILBOX_CREATE ? "create" : operation == MAILBOX_DELETE ? "delete" : "rename", names[folder],
		operation == MAILBOX_RENAME ? names[other] : "");
	if (folder == ON_ANOTHER_DISK || (operation == MAILBOX_RENAME && (folder == 0 || other == ON_ANOTHER_DISK)))
		return IPC_INVALID;
	if (operation == MAILBOX_RENAME) {
		clear(&p->next, other, true);
		memcpy(p->next.count[other], p->now.count[folder], sizeof p->next.count[other]);
		p->next.uid[other] = p->now.uid[folder];
	}
	clear(&p->next, folder, operation == MAILBOX_CREATE);
	return crashing_ask(&p->c, p->session, &m);
}

static void
begin_session(struct play *p)
{
	p->session = engine_session_new(engine_account(p->c.engine, BYTES(ALICE)), p->c.outlet);
}

/* Of something that can't be done the outcome says so. */
static enum ipc_outcome
do_something(struct play *p)
{
	int folder = (int)chance(p, FOLDERS), other = (int)chance(p, FOLDERS);

	switch (chance(p, 12)) {
	case 0:
	case 1:
		return do_change(p, MAILBOX_CREATE, folder, folder);
	case 2:
		return do_change(p, MAILBOX_DELETE, folder, folder);
	case 3:
		return do_change(p, MAILBOX_RENAME, folder, other);
	case 4:
		return do_expunge(p, folder);
	case 5:
	case 6:
	case 7:
		return do_copy(p, folder, other);
	default:
		return p->now.is_there[folder] ? do_deliver(p, folder) : IPC_ABSENT;
	}
}

struct found {
	struct play *play;
	struct model *model;
	int directory, folder;
	bool may_be_torn;
};

static bool
find_one(void *arg, const char *name, unsigned char type)
{
	static uint8_t octets[LARGE + 1];
	struct found *x = arg;
	int fd = disk->openat(x->directory, name, O_RDONLY, 0), number, is_large;
	ssize_t got = disk->pread(fd, octets, sizeof octets, 0);
	char stem[STEM + 1] = { 0 };
	bool is_whole;

	(void)type;
	disk_close(&fd);
	memcpy(stem, octets, got < STEM ? 0 : STEM);
	is_whole = sscanf(stem, "%d:%d", &number, &is_large) == 2 && number >= 0 && number < MESSAGES
		&& bytes_equal(bytes_of(octets, (size_t)got), body_of(number, is_large != 0));
	if (is_whole)
		x->model->count[x->folder][number]++;
	else if (!x->may_be_torn)
		give_up(x->play, "a message is torn");
	return true;
}

static void
find_in(struct found *x, const char *folder, const char *part)
{
	char path[64];

	(void)snprintf(path, sizeof path, "%s/%s", folder, part);
	x->directory = disk->openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
	if (x->directory >= 0)
		assert_int_equal(disk->list(x->directory, ".", find_one, x), 0);
	disk_close(&x->directory);
}

static void
find_in_folder(struct found *x, int number)
{
	char path[64];
	struct stat st;

	(void)snprintf(path, sizeof path, ALICE "/%s%s", number ? "." : "", number ? names[number] : "");
	x->folder = number;
	x->model->is_there[number] = disk->fstatat(AT_FDCWD, path, &st, 0) == 0;
	find_in(x, path, "new");
	find_in(x, path, "cur");
	if (x->may_be_torn)
		find_in(x, path, "tmp");
}

static bool
is_as(const struct model *is, const struct model *wanted)
{
	return memcmp(is->is_there, wanted->is_there, sizeof is->is_there) == 0 && memcmp(is->count, wanted->count, sizeof is->count) == 0;
}

static void
put_model(struct play *p, const char *what, const struct model *m)
{
	tell(p, "%s:", what);
	for (int f = 0; f < FOLDERS; f++) {
		if (!m->is_there[f])
			continue;
		tell(p, " %s(", names[f]);
		for (int i = 0; i < MESSAGES; i++)
			for (int n = 0; n < m->count[f][i]; n++)
				tell(p, " %d", i);
		tell(p, " )");
	}
	tell(p, "\n");
}

/* Before what was under way, or after it. */
static void
check(struct play *p)
{
	struct model is = { 0 };
	struct found x = { .play = p, .model = &is };

	for (int i = 0; i < FOLDERS; i++)
		find_in_folder(&x, i);
	if (is_as(&is, &p->next))
		p->now = p->next;
	if (is_as(&is, &p->now))
		return;
	put_model(p, "is", &is);
	put_model(p, "before", &p->now);
	put_model(p, "after", &p->next);
	give_up(p, "what is there is neither");
}

/* The power may go in the midst of the recovery, too, or a call fail before it does. */
static void
recover(struct play *p)
{
	while (chance(p, 2)) {
		bool is_cut = chance(p, 2);

		if (is_cut)
			disk_fault_cut(p->c.disk, 1 + chance(p, 60));
		else
			disk_fault_fail(p->c.disk, 1 + chance(p, 60), 1, EIO);
		if (crashing_open(&p->c)) {
			disk_fault_cut(p->c.disk, 1);
			engine_close(&p->c.engine);
		}
		tell(p, is_cut ? "cut in recovery\n" : "call fails in recovery\n");
		disk_fault_crash(p->c.disk);
	}
	assert_true(crashing_open(&p->c));
	engine_close(&p->c.engine);
}

static void
start_again(struct play *p)
{
	engine_session_end(&p->session);
	engine_close(&p->c.engine);
	tell(p, "start again\n");
	assert_true(crashing_open(&p->c));
	begin_session(p);
}

/* Until the power goes. */
static void
live(struct play *p)
{
	p->told_len = 0;
	put_model(p, "begins with", &p->now);
	disk_fault_cut(p->c.disk, 1 + chance(p, CALLS));
	for (int i = 0; i < STEPS; i++) {
		enum ipc_outcome outcome;

		if (chance(p, 10) == 0 && !disk_fault_is_cut(p->c.disk)) {
			disk_fault_cut(p->c.disk, 0);
			start_again(p);
			disk_fault_cut(p->c.disk, 1 + chance(p, CALLS));
		}
		p->next = p->now;
		outcome = do_something(p);
		tell(p, ": %d\n", (int)outcome);
		if (outcome == IPC_OK)
			p->now = p->next;
		else if (disk_fault_is_cut(p->c.disk))
			break;
		else
			p->next = p->now;
	}
	if (!disk_fault_is_cut(p->c.disk))
		disk_fault_cut(p->c.disk, 1);
	tell(p, "cut\n");
	engine_session_end(&p->session);
	engine_close(&p->c.engine);
	disk_fault_crash(p->c.disk);
}

static void
live_again(struct play *p)
{
	recover(p);
	check(p);
	assert_true(crashing_open(&p->c));
	begin_session(p);
	live(p);
}

#define HELD "/mail/held"

/* In the place of the folder is one that others may write to. */
static void
refuse(struct play *p, const char *path)
{
	int root = disk_fault_root(p->c.disk);

	assert_int_equal(disk->renameat(AT_FDCWD, path, AT_FDCWD, HELD, 0), 0);
	assert_int_equal(disk->mkdirat(AT_FDCWD, path, 0777), 0);
	assert_int_equal(disk->syncfs(root), 0);
	disk_close(&root);
}

/* All have been opened, so that what is left in tmp/ was swept. */
static void
mend(struct play *p, const char *path)
{
	assert_int_equal(disk->unlinkat(AT_FDCWD, path, AT_REMOVEDIR), 0);
	assert_int_equal(disk->renameat(AT_FDCWD, HELD, AT_FDCWD, path, 0), 0);
	assert_true(crashing_open(&p->c));
	begin_session(p);
	for (int i = 0; i < FOLDERS; i++)
		(void)select_folder(p, i);
	engine_session_end(&p->session);
	engine_close(&p->c.engine);
}

static bool
has(const struct model *m, int number)
{
	int count = 0;

	for (int i = 0; i < FOLDERS; i++)
		count += m->count[i][number];
	return count > 0;
}

static void
check_somewhere(struct play *p)
{
	struct model is = { 0 }, lost = { 0 };
	struct found x = { .play = p, .model = &is, .may_be_torn = true }, in_lost = { .play = p, .model = &lost };

	for (int i = 0; i < FOLDERS; i++)
		find_in_folder(&x, i);
	find_in(&in_lost, "/state/lost", "new");
	for (int i = 0; i < MESSAGES; i++) {
		bool may_be = has(&p->now, i) || has(&p->next, i), has_to_be = has(&p->now, i) && has(&p->next, i);

		if (has(&lost, i) ? may_be : has(&is, i) || !has_to_be)
			continue;
		put_model(p, "before", &p->now);
		put_model(p, "after", &p->next);
		put_model(p, "is", &is);
		put_model(p, "lost", &lost);
		tell(p, "message %d\n", i);
		give_up(p, has(&lost, i) ? "what nobody misses is kept" : "a message is nowhere");
	}
}

static void
recover_without_a_folder(struct play *p)
{
	int folder = 1 + (int)chance(p, ON_ANOTHER_DISK - 1);
	char path[64];
	struct stat st;

	(void)snprintf(path, sizeof path, ALICE "/.%s", names[folder]);
	if (disk->fstatat(AT_FDCWD, path, &st, 0) != 0) {
		recover(p);
		check(p);
		return;
	}
	tell(p, "%s is refused\n", names[folder]);
	refuse(p, path);
	recover(p);
	mend(p, path);
	check_somewhere(p);
}

static void
play(uint64_t seed)
{
	static struct play p;

	p = (struct play){ .seed = seed, .state = (uint32_t)(seed * 2654435761U) };
	crashing_begin(&p.c, seed);
	disk_fault_order_names(p.c.disk); /* a link reaches the disk before what is unlinked after it (copy.c) */
	if (seed % 2)
		p.c.journal_octets = SMALL_JOURNAL;
	crashing_make_folders();
	assert_int_equal(disk_make_path(ALICE "/.D", 0700, NULL), 0);
	disk_fault_mount(p.c.disk, ALICE "/.D", 2);
	assert_true(crashing_open(&p.c));
	begin_session(&p);
	assert_int_equal(select_folder(&p, 0), IPC_OK);
	assert_int_equal(select_folder(&p, ON_ANOTHER_DISK), IPC_OK);
	p.now.is_there[0] = p.now.is_there[ON_ANOTHER_DISK] = true;
	start_again(&p);
	live(&p);
	for (int i = 1; i < LIVES; i++)
		live_again(&p);
	recover_without_a_folder(&p);
	crashing_end(&p.c);
}

static void
what_was_answered_is_done_wherever_the_power_goes(void **state)
{
	const char *seeds = getenv("MERMOZ_CRASH_SEEDS");
	uint64_t from = 1, to = SEEDS;

	(void)state;
	if (seeds && sscanf(seeds, "%" SCNu64 " %" SCNu64, &from, &to) != 2)
		fail_msg("MERMOZ_CRASH_SEEDS are two numbers");
	for (uint64_t seed = from; seed <= to; seed++)
		play(seed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(what_was_answered_is_done_wherever_the_power_goes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
