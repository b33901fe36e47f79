/* What stands in a Maildir where files of ours are to be keeps no server from starting: somebody
   may have put it there before the Maildir was given to the store.  On the system's disk. */
#include "role/store/recover_support.h"
#include "role/store/test_support.h"
#include "view/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void
put_socket(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(strlen(path) < sizeof a.sun_path);
	memcpy(a.sun_path, path, strlen(path) + 1);
	assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof a), 0);
	close(fd);
}

static void
put_fifo(const char *path)
{
	assert_int_equal(mkfifo(path, 0600), 0);
}

static void
put_link(const char *path)
{
	assert_int_equal(symlink("/tmp", path), 0);
}

static void
put_directory(const char *path)
{
	char below[256];

	(void)snprintf(below, sizeof below, "%s/x", path);
	assert_int_equal(disk_make_path(below, 0700, NULL), 0);
}

static void (*const obstacles[])(
	const char *path) = { put_socket, put_fifo, put_link, put_directory };
enum { OBSTACLES = sizeof obstacles / sizeof *obstacles };

/* Of an account of its own, with a folder B that has what is in the way: a place that ends with '/' is that of its message. */
static void
check(struct testing *t, const char *place, size_t obstacle)
{
	struct world w = { .engine = t->engine };
	char account[192], base[64], path[512], lost[192];
	struct records x;

	(void)snprintf(base, sizeof base, "%s-%zu", strrchr(place, '/') + 1, obstacle);
	(void)snprintf(lost, sizeof lost, "%s/state/lost/new/%s", t->root, base);
	(void)snprintf(account, sizeof account, "%s%s", t->mail, base);
	(void)snprintf(path, sizeof path, "%s/.B/tmp", account);
	assert_int_equal(disk_make_path(path, 0700, NULL), 0);
	(void)snprintf(path, sizeof path, "%s/.B/new", account);
	assert_int_equal(disk_make_path(path, 0700, NULL), 0);
	(void)snprintf(path, sizeof path, "%s/%s%s", account, place, place[strlen(place) - 1] == '/' ? base : "");
	obstacles[obstacle](path);
	begin_records(&x);
	x.account = account;
	put_mailbox(&x, "INBOX", 1);
	put_append(&x, 1, "1.test", body());
	put_mailbox(&x, "B", 2);
	put_append(&x, 1, base, body());
	put_copy(&x, 2, "copy.test");
	if (!recovers(&w, &x))
		fail_msg("%s, %zu", place, obstacle);
	(void)snprintf(path, sizeof path, "%s/.B/new/%s", account, base);
	assert_true(size_of(path) == OCTETS || size_of(lost) == OCTETS);
}

static void
what_is_in_the_way_keeps_no_server_from_starting(void **state)
{
	static const char *const places[] = { ".B/dovecot-uidlist", ".B/dovecot-keywords", ".B/.dovecot-uidlist.new", ".B/.dovecot-keywords.new",
		".B/tmp/recovered", ".B/new/copy.test", ".B/new/" };

	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		for (size_t k = 0; k < OBSTACLES; k++)
			check(*state, places[i], k);
}

/* Of other programs, as long as a name may be. */
static void
a_name_that_gets_too_long_with_its_flags_keeps_no_server_from_starting(void **state)
{
	struct testing *t = *state;
	struct world w = { .engine = t->engine };
	char base[MAILDIR_NAME_MAX + 1], path[512];
	struct records x;

	memset(base, 'n', MAILDIR_NAME_MAX);
	base[MAILDIR_NAME_MAX] = '\0';
	(void)snprintf(path, sizeof path, "%s/cur", t->mail);
	assert_int_equal(disk_make_path(path, 0700, NULL), 0);
	(void)snprintf(path, sizeof path, "%s/cur/%s", t->mail, base);
	put_file(path);
	begin_records(&x);
	x.account = t->mail;
	put_mailbox(&x, "INBOX", 1);
	put_record(&x.out, &(struct record){ .kind = RECORD_ADOPT, .uid = 1, .base = bytes_text(base) });
	put_record(&x.out,
		&(struct record){ .kind = RECORD_FLAGS, .mode = FLAGS_ADD, .flags = VIEW_SEEN, .uids = BYTES("\1\0\0\0\1\0\0\0") });
	assert_true(recovers(&w, &x));
	assert_int_equal(size_of(path), OCTETS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_in_the_way_keeps_no_server_from_starting,
			testing_set_up, testing_tear_down),
		cmocka_unit_test_setup_teardown(a_name_that_gets_too_long_with_its_flags_keeps_no_server_from_starting, testing_set_up, testing_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
