/* Mailboxes on several file systems: a stop in order frees the journal (J5), so what it held is on each of them.  commit.c, S2. */
#include "role/store/crash_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>

#define ALICE "/mail/alice"

enum { SEEDS = 10, MANY = 80 };

static enum ipc_outcome
deliver(struct crashing *w, const char *folder)
{
	struct engine_body *body = engine_body_new(BYTES("Subject: x\n\nx\n"), -1);
	struct message m = { .type = MESSAGE_DELIVER };

	m.u.deliver.folder = bytes_text(folder);
	w->has_answer = false;
	engine_submit(engine_account(w->engine, BYTES(ALICE)), NULL, body, w->outlet, &m);
	engine_body_release(&body);
	crashing_wait(w);
	return w->outcome;
}

static void
make_disk(struct crashing *w, const char *path, uint64_t device)
{
	assert_int_equal(disk_make_path(path, 0700, NULL), 0);
	disk_fault_mount(w->disk, path, device);
}

static bool
check_one(void *arg, const char *name, unsigned char type)
{
	uint8_t octets[32];
	int fd = disk->openat(*(const int *)arg, name, O_RDONLY, 0);

	(void)type;
	assert_int_equal(disk->pread(fd, octets, sizeof octets, 0), 14);
	assert_memory_equal(octets, "Subject: x\n\nx\n", 14);
	disk_close(&fd);
	disk_close((int *)arg); /* found */
	return false;
}

static void
check(const char *directory)
{
	int fd = disk->openat(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY, 0);

	assert_true(fd >= 0);
	(void)disk->list(fd, ".", check_one, &fd);
	if (fd >= 0)
		fail_msg("nothing in %s", directory);
}

static void
begin(struct crashing *w, uint64_t seed)
{
	crashing_begin(w, seed);
	crashing_make_folders();
	assert_int_equal(disk_make_path(ALICE, 0700, NULL), 0);
}

static void
start(struct crashing *w)
{
	int root = disk->openat(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY, 0);

	assert_int_equal(disk->syncfs(root), 0);
	disk_close(&root);
	assert_true(crashing_open(w));
}

static void
stop(struct crashing *w)
{
	engine_close(&w->engine);
	disk_fault_crash(w->disk);
}

static void
a_folder_on_another_disk_is_synced_before_the_journal_forgets(void **state)
{
	static struct crashing w;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		begin(&w, seed);
		make_disk(&w, ALICE "/.A", 2);
		start(&w);
		assert_int_equal(deliver(&w, "A"), IPC_OK);
		stop(&w);
		check(ALICE "/.A/new");
		crashing_end(&w);
	}
}

static void
files_on_another_disk_than_the_folder_are_synced_before_the_journal_forgets(void **state)
{
	static struct crashing w;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		begin(&w, seed);
		make_disk(&w, ALICE "/tmp", 2);
		make_disk(&w, ALICE "/new", 2);
		make_disk(&w, ALICE "/cur", 2);
		start(&w);
		assert_int_equal(deliver(&w, "INBOX"), IPC_OK);
		stop(&w);
		check(ALICE "/new");
		crashing_end(&w);
	}
}

/* Recovery frees the journal, too. */
static void
what_recovery_did_on_several_disks_is_synced_before_the_journal_forgets(void **state)
{
	static struct crashing w;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		begin(&w, seed);
		make_disk(&w, ALICE "/tmp", 2);
		make_disk(&w, ALICE "/new", 2);
		make_disk(&w, ALICE "/cur", 2);
		make_disk(&w, ALICE "/.A", 3);
		start(&w);
		assert_int_equal(deliver(&w, "INBOX"), IPC_OK);
		assert_int_equal(deliver(&w, "A"), IPC_OK);
		disk_fault_cut(w.disk, 1);
		stop(&w);
		assert_true(crashing_open(&w));
		disk_fault_cut(w.disk, 1);
		stop(&w);
		check(ALICE "/new");
		check(ALICE "/.A/new");
		crashing_end(&w);
	}
}

static void
however_many_disks_there_are_each_is_synced(void **state)
{
	static struct crashing w;
	char path[64];

	(void)state;
	begin(&w, 1);
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(path, sizeof path, "%s/.%d", ALICE, i);
		make_disk(&w, path, (uint64_t)i + 2);
	}
	start(&w);
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(path, sizeof path, "%d", i);
		assert_int_equal(deliver(&w, path), IPC_OK);
	}
	stop(&w);
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(path, sizeof path, "%s/.%d/new", ALICE, i);
		check(path);
	}
	crashing_end(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_folder_on_another_disk_is_synced_before_the_journal_forgets),
		cmocka_unit_test(files_on_another_disk_than_the_folder_are_synced_before_the_journal_forgets),
		cmocka_unit_test(what_recovery_did_on_several_disks_is_synced_before_the_journal_forgets),
		cmocka_unit_test(however_many_disks_there_are_each_is_synced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
