#include "role/store/way.h"

#include "base/memory.h"
#include "sys/disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SOMEBODY = 54321, OTHERS_MAX = 8 };

/* The system's disk, but for who owns some directories and where another file system begins, which only root could arrange. */
static char root[64];
static ino_t others[OTHERS_MAX], mounted, hidden;
static int hidden_error; /* of who looks at that */
static size_t other_count;

static void
disguise(struct stat *st)
{
	for (size_t i = 0; i < other_count; i++)
		if (others[i] == st->st_ino)
			st->st_uid = SOMEBODY;
	if (mounted == st->st_ino)
		st->st_dev++;
}

static int
disguised_fstat(int fd, struct stat *st)
{
	int result = fstat(fd, st);

	if (result == 0)
		disguise(st);
	if (result == 0 && hidden == st->st_ino) {
		errno = hidden_error;
		return -1;
	}
	return result;
}

static int
disguised_fstatat(int dir, const char *path, struct stat *st, int flags)
{
	int result = fstatat(dir, path, st, flags);

	if (result == 0)
		disguise(st);
	return result;
}

static const char *
at(const char *name)
{
	static char paths[4][256];
	static size_t next;
	char *path = paths[next++ % 4];

	(void)snprintf(path, sizeof paths[0], "%s/%s", root, name);
	return path;
}

static void
make(const char *name)
{
	assert_int_equal(disk_make_path(at(name), 0700, NULL), 0);
}

static ino_t
number_of(const char *name)
{
	struct stat st;

	assert_int_equal(lstat(at(name), &st), 0);
	return st.st_ino;
}

static void
belongs_to_somebody(const char *name)
{
	others[other_count++] = number_of(name);
}

static bool
is_there(const char *name)
{
	struct stat st;

	return lstat(at(name), &st) == 0;
}

static int
set_up(void **state)
{
	static struct disk_ops disguised;

	(void)state;
	disguised = disk_system;
	disguised.fstat = disguised_fstat;
	disguised.fstatat = disguised_fstatat;
	disk_use(&disguised);
	other_count = 0;
	mounted = hidden = 0;
	(void)snprintf(root, sizeof root, "/tmp/way-test-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	make("home/bob/Maildir/cur");
	make("home/alice");
	belongs_to_somebody("home/alice");
	belongs_to_somebody("home/bob");
	return 0;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

static int
tear_down(void **state)
{
	(void)state;
	disk_use(NULL);
	return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Opens, and lets go: 0, or the errno. */
static int
try(const char *path, bool is_made, struct fault *f)
{
	char home[128];
	struct way way;

	memset(f, 0, sizeof *f);
	(void)snprintf(home, sizeof home, "%s/home", root);
	if (way_open(home, at(path), is_made, &way, f) != 0) {
		assert_int_equal(way.directory, -1);
		return errno;
	}
	disk_close(&way.directory);
	return 0;
}

static void
refused(const char *path)
{
	struct fault f;

	assert_int_not_equal(try(path, false, &f), 0);
	assert_int_equal(f.kind, FAULT_DENIED);
	assert_int_not_equal(try(path, true, &f), 0);
	assert_int_equal(f.kind, FAULT_DENIED);
}

static void
a_mailbox_of_the_store_in_a_home_of_others_is_opened_and_made(void **state)
{
	struct fault f;

	(void)state;
	assert_int_equal(try("home/bob/Maildir", false, &f), 0);
	assert_int_equal(try("home/alice/Maildir", false, &f), ENOENT);
	assert_int_equal(try("home/alice/Maildir", true, &f), 0);
	assert_true(is_there("home/alice/Maildir"));
	assert_int_equal(try("home//new/of/all/", true, &f), 0);
	assert_true(is_there("home/new/of/all"));
}

static void
a_link_in_a_directory_of_others_is_refused_wherever_it_leads(void **state)
{
	(void)state;
	make("home/alice/own");
	for (int i = 0; i < 4; i++) {
		const char *const to[] = { at("home/bob/Maildir"), "../bob/Maildir", "own", "nowhere" };

		assert_int_equal(symlink(to[i], at("home/alice/Maildir")), 0);
		refused("home/alice/Maildir");
		refused("home/alice/Maildir/deeper");
		assert_int_equal(unlink(at("home/alice/Maildir")), 0);
	}
	assert_false(is_there("home/bob/Maildir/deeper"));
	assert_false(is_there("home/alice/nowhere"));
}

static void
a_directory_or_a_file_of_others_in_the_place_of_a_mailbox_is_refused(void **state)
{
	(void)state;
	make("home/alice/Maildir/mine");
	belongs_to_somebody("home/alice/Maildir");
	refused("home/alice/Maildir");
	assert_int_equal(rename(at("home/alice/Maildir"), at("home/alice/away")), 0);
	assert_int_equal(mkfifo(at("home/alice/Maildir"), 0666), 0);
	refused("home/alice/Maildir");
	/* A directory of the store's below one that is not: there is none that others could put there. */
	make("home/alice/away/Maildir");
	struct fault f;
	assert_int_equal(try("home/alice/away/Maildir", false, &f), 0);
}

static void
links_of_the_administrator_are_followed(void **state)
{
	struct fault f;

	(void)state;
	make("disk/a.org/awa");
	assert_int_equal(symlink(at("disk/a.org"), at("home/a.org")), 0);
	assert_int_equal(try("home/a.org/awa", false, &f), 0);
	assert_int_equal(try("home/a.org/new", true, &f), 0);
	assert_true(is_there("disk/a.org/new"));
	/* The place itself, and what is above it. */
	assert_int_equal(rename(at("home"), at("other-disk")), 0);
	assert_int_equal(symlink("other-disk", at("home")), 0);
	assert_int_equal(try("home/a.org/awa", false, &f), 0);
	assert_int_equal(try("home/bob/Maildir", false, &f), 0);
	assert_int_equal(unlink(at("home")), 0);
	assert_int_equal(rename(at("other-disk"), at("home")), 0);
}

static void
who_may_write_says_whether_a_mailbox_is_opened(void **state)
{
	static const struct {
		mode_t mode;
		bool is_opened, is_opened_in_a_home;
	} rows[] = {
		{ 0700, true, true },
		{ 0755, true, true },
		{ 0770, true, false },
		{ 02770, true, false },
		{ 0772, false, false },
		{ 0777, false, false },
	};
	struct fault f;

	(void)state;
	make("home/a.org/awa");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(chmod(at("home/a.org/awa"), rows[i].mode), 0);
		assert_int_equal(chmod(at("home/bob/Maildir"), rows[i].mode), 0);
		assert_int_equal(try("home/a.org/awa", false, &f), rows[i].is_opened ? 0 : EPERM);
		assert_int_equal(try("home/bob/Maildir", false, &f), rows[i].is_opened_in_a_home ? 0 : EPERM);
	}
	/* A directory that everybody writes to is nobody's: a link in it is not followed. */
	assert_int_equal(chmod(at("home/a.org/awa"), 0700), 0);
	assert_int_equal(chmod(at("home/a.org"), 01777), 0);
	assert_int_equal(try("home/a.org/awa", false, &f), 0);
	assert_int_equal(symlink("awa", at("home/a.org/link")), 0);
	refused("home/a.org/link");
}

static void
a_file_system_that_begins_where_others_write_is_refused(void **state)
{
	struct fault f;

	(void)state;
	mounted = number_of("home/bob/Maildir");
	refused("home/bob/Maildir");
	make("home/a.org");
	mounted = number_of("home/a.org");
	assert_int_equal(try("home/a.org", false, &f), 0);
}

/* As FUSE answers whoever did not mount it, and whoever comes when its process has ended. */
static void
a_file_system_of_others_that_can_not_be_looked_at_is_refused(void **state)
{
	(void)state;
	hidden = number_of("home/bob");
	hidden_error = EACCES;
	refused("home/bob/Maildir");
	hidden = number_of("home/bob/Maildir");
	refused("home/bob/Maildir");
	hidden_error = ENOTCONN;
	refused("home/bob/Maildir");
}

static void
a_path_that_does_not_lead_downwards_is_refused(void **state)
{
	static const char *const paths[] = { "home", "home/", "homes/x", "elsewhere/x", "home/..", "home/bob/../alice/x", "home/./bob" };

	(void)state;
	make("elsewhere/x");
	make("homes/x");
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		refused(paths[i]);
}

/* An account's directory with may_follow or without; its folder .Old and the parts of that. */
static struct way
open_account(bool may_follow)
{
	struct way account = { open(at("home/bob/Maildir"), O_RDONLY | O_DIRECTORY), may_follow };

	assert_true(account.directory >= 0);
	return account;
}

static void
folders_and_their_parts_are_no_links_below_homes(void **state)
{
	static const bool follows[] = { false, true };
	struct fault f;

	(void)state;
	make("victim/cur");
	assert_int_equal(symlink(at("victim"), at("home/bob/Maildir/.Old")), 0);
	make("home/bob/Maildir/.New");
	assert_int_equal(symlink(at("victim/cur"), at("home/bob/Maildir/.New/cur")), 0);
	for (size_t i = 0; i < 2; i++) {
		struct way account = open_account(follows[i]);
		struct way folder = { way_open_folder(&account, BYTES("Old"), &f), follows[i] };

		assert_int_equal(folder.directory >= 0, follows[i]);
		if (!follows[i])
			assert_int_equal(f.kind, FAULT_DENIED);
		disk_close(&folder.directory);
		folder.directory = way_open_folder(&account, BYTES("New"), &f);
		assert_true(folder.directory >= 0);
		assert_int_equal(way_make_parts(&folder, &f), follows[i] ? 0 : -1);
		if (!follows[i])
			assert_int_equal(f.kind, FAULT_DENIED);
		disk_close(&folder.directory);
		disk_close(&account.directory);
	}
}

static void
folders_and_their_parts_are_the_stores_alone(void **state)
{
	struct way account, folder;
	struct fault f;

	(void)state;
	make("home/bob/Maildir/.Old/new");
	belongs_to_somebody("home/bob/Maildir/.Old");
	make("home/bob/Maildir/.New/new");
	assert_int_equal(chmod(at("home/bob/Maildir/.New/new"), 0777), 0);
	account = open_account(true);
	assert_int_equal(way_open_folder(&account, BYTES("Old"), &f), -1);
	assert_int_equal(f.kind, FAULT_DENIED);
	folder = (struct way){ way_open_folder(&account, BYTES("New"), &f), true };
	assert_true(folder.directory >= 0);
	assert_int_equal(way_make_parts(&folder, &f), -1);
	assert_int_equal(f.kind, FAULT_DENIED);
	assert_int_equal(chmod(at("home/bob/Maildir/.New/new"), 0700), 0);
	assert_int_equal(way_make_parts(&folder, &f), 0);
	assert_true(is_there("home/bob/Maildir/.New/cur"));
	disk_close(&folder.directory);
	disk_close(&account.directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_mailbox_of_the_store_in_a_home_of_others_is_opened_and_made, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_link_in_a_directory_of_others_is_refused_wherever_it_leads, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_directory_or_a_file_of_others_in_the_place_of_a_mailbox_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(links_of_the_administrator_are_followed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_may_write_says_whether_a_mailbox_is_opened, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_file_system_that_begins_where_others_write_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_file_system_of_others_that_can_not_be_looked_at_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_path_that_does_not_lead_downwards_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(folders_and_their_parts_are_no_links_below_homes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(folders_and_their_parts_are_the_stores_alone, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
