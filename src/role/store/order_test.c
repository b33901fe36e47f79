/* What is visible when the disk is called: the invariants of commit.c by their numbers.  S2 is proven by the crash tests, S6 in engine_test.c, S8 in copy_test.c. */
#include "role/store/test_support.h"
#include "sys/disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MANY = 200 };

/* What there was to be seen at each call. */
struct seen {
	int count; /* of calls */
	int files; /* in new/, the most */
	uint32_t messages; /* in the view, the most */
	off_t uidlist_octets; /* the most */
	bool has_answer; /* once */
};

static struct {
	struct testing *t;
	const struct view *view;
	struct seen before_sync; /* of the journal */
	struct seen before_line; /* in the uidlist */
	int failing; /* so many writes to the journal fail */
	bool is_other_writing; /* another program writes the index of before over ours, as a message is written into tmp/ */
	uint8_t index[65536 * 4];
	size_t index_octets;
	bool is_unsynced; /* the journal was written */
	bool is_on;
} watched;

static bool
is_file(int fd, const char *part)
{
	char link[64], path[512];
	ssize_t len;

	(void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof path - 1);
	path[len > 0 ? len : 0] = '\0';
	return strstr(path, part) && !strstr(path, ".new");
}

static void
look(struct seen *s)
{
	struct testing *t = watched.t;
	int files = testing_count(t, "new");
	char path[512];
	struct stat st;

	(void)snprintf(path, sizeof path, "%s/dovecot-uidlist", t->mail);
	assert_int_equal(stat(path, &st), 0);
	pthread_mutex_lock(&t->lock);
	s->has_answer |= t->has_answer;
	pthread_mutex_unlock(&t->lock);
	s->count++;
	s->files = files > s->files ? files : s->files;
	s->messages = view_count(watched.view) > s->messages ? view_count(watched.view) : s->messages;
	s->uidlist_octets = st.st_size > s->uidlist_octets ? st.st_size : s->uidlist_octets;
}

static void
open_index(const char *mode, size_t (*move)(FILE *file))
{
	char path[512];
	FILE *file;

	(void)snprintf(path, sizeof path, "%s/mermoz.view", watched.t->mail);
	file = fopen(path, mode);
	assert_non_null(file);
	assert_true(move(file) > 0);
	assert_int_equal(fclose(file), 0);
}

static size_t
read_index(FILE *file)
{
	return watched.index_octets = fread(watched.index, 1, sizeof watched.index, file);
}

static size_t
write_index(FILE *file)
{
	return fwrite(watched.index, 1, watched.index_octets, file);
}

static ssize_t
watched_pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
	if (watched.is_on && is_file(fd, "/journal/segment-")) {
		if (watched.failing > 0) {
			watched.failing--;
			errno = EIO;
			return -1;
		}
		watched.is_unsynced = true;
	}
	if (watched.is_other_writing && is_file(fd, "/alice/tmp/")) {
		watched.is_other_writing = false;
		open_index("r+", write_index);
	}
	return disk_system.pwritev(fd, parts, count, at);
}

static int
watched_fdatasync(int fd)
{
	if (watched.is_on && watched.is_unsynced && is_file(fd, "/journal/segment-")) {
		look(&watched.before_sync);
		watched.is_unsynced = false;
	}
	return disk_system.fdatasync(fd);
}

static ssize_t
watched_pwrite(int fd, const void *from, size_t count, off_t at)
{
	if (watched.is_on && is_file(fd, "/dovecot-uidlist"))
		look(&watched.before_line);
	return disk_system.pwrite(fd, from, count, at);
}

/* One message is there, and the view that has it. */
static void
begin(struct testing *t, struct engine_session **s, struct testing_view *v)
{
	static struct disk_ops ops;

	ops = disk_system;
	ops.pwritev = watched_pwritev;
	ops.pwrite = watched_pwrite;
	ops.fdatasync = watched_fdatasync;
	assert_int_equal(testing_deliver(t, "one\n"), 1);
	*s = testing_session(t);
	assert_int_equal(testing_select(t, *s, "INBOX", v), IPC_OK);
	memset(&watched, 0, sizeof watched);
	watched.t = t;
	watched.view = &v->view;
	disk_use(&ops);
	watched.is_on = true;
}

static void
end(struct engine_session **s, struct testing_view *v)
{
	watched.is_on = false;
	disk_use(NULL);
	testing_unmap(v);
	engine_session_end(s);
}

static int
tear_down(void **state)
{
	watched.is_on = false;
	disk_use(NULL);
	return testing_tear_down(state);
}

static void
s1_nothing_is_visible_or_answered_before_its_record_is_durable(void **state)
{
	struct testing *t = *state;
	struct engine_session *s;
	struct testing_view v;
	char path[512];
	struct stat st;

	begin(t, &s, &v);
	(void)snprintf(path, sizeof path, "%s/dovecot-uidlist", t->mail);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(testing_deliver(t, "two\n"), 2);
	assert_int_equal(watched.before_sync.count, 1);
	assert_int_equal(watched.before_sync.files, 1);
	assert_int_equal(watched.before_sync.messages, 1);
	assert_int_equal(watched.before_sync.uidlist_octets, st.st_size);
	assert_false(watched.before_sync.has_answer);
	assert_int_equal(testing_count(t, "new"), 2);
	assert_int_equal(view_count(&v.view), 2);
	end(&s, &v);
}

/* The answers to deliveries that are all under way at once. */
struct answers {
	pthread_mutex_t lock;
	pthread_cond_t came;
	struct ipc_delivered at[MANY];
	uint32_t count;
};

static void
receive(void *arg, const struct message *m)
{
	struct answers *a = arg;

	if (m->type != MESSAGE_DELIVERED)
		return;
	pthread_mutex_lock(&a->lock);
	a->at[a->count++] = m->u.delivered;
	pthread_cond_broadcast(&a->came);
	pthread_mutex_unlock(&a->lock);
}

static void
s3_requests_of_an_account_finish_in_the_order_of_their_records(void **state)
{
	static struct answers a = { .lock = PTHREAD_MUTEX_INITIALIZER, .came = PTHREAD_COND_INITIALIZER };
	struct testing *t = *state;
	struct engine_outlet *outlet = engine_outlet_new(t->engine);
	struct engine_body *body = engine_body_new(BYTES("x\n"), -1);

	engine_outlet_connect(outlet, receive, &a);
	for (uint64_t i = 1; i <= MANY; i++) {
		struct message m = { .type = MESSAGE_DELIVER };

		m.u.deliver.request = i;
		m.u.deliver.size = 3;
		engine_submit(t->account, NULL, body, outlet, &m);
	}
	engine_body_release(&body);
	pthread_mutex_lock(&a.lock);
	while (a.count < MANY)
		pthread_cond_wait(&a.came, &a.lock);
	pthread_mutex_unlock(&a.lock);
	for (uint32_t i = 0; i < MANY; i++) {
		assert_int_equal(a.at[i].outcome, IPC_OK);
		assert_int_equal(a.at[i].request, i + 1);
		assert_int_equal(a.at[i].uid, i + 1);
	}
}

static void
s4_a_uid_whose_request_failed_is_not_given_again(void **state)
{
	struct testing *t = *state;
	struct engine_session *s;
	struct testing_view v;

	begin(t, &s, &v);
	watched.failing = 1;
	assert_int_equal(testing_deliver(t, "two\n"), 0);
	assert_int_equal(testing_count(t, "new"), 1);
	assert_int_equal(testing_deliver(t, "three\n"), 3);
	end(&s, &v);
}

static void
s5_a_message_stands_in_the_uidlist_before_it_stands_in_the_view(void **state)
{
	struct testing *t = *state;
	struct engine_session *s;
	struct testing_view v;

	begin(t, &s, &v);
	assert_int_equal(testing_deliver(t, "two\n"), 2);
	assert_int_equal(watched.before_line.count, 1);
	assert_int_equal(watched.before_line.messages, 1);
	assert_int_equal(view_count(&v.view), 2);
	end(&s, &v);
}

static void
s7_nothing_is_logged_that_was_made_of_an_index_which_another_program_wrote(void **state)
{
	struct testing *t = *state;
	struct engine_session *s;
	struct testing_view v;

	begin(t, &s, &v);
	open_index("r", read_index);
	assert_int_equal(testing_deliver(t, "two\n"), 2);
	watched.before_sync.count = 0;
	watched.is_other_writing = true;
	assert_int_equal(testing_deliver(t, "three\n"), 0);
	assert_false(watched.is_other_writing);
	assert_int_equal(watched.before_sync.count, 0);
	assert_int_not_equal(testing_deliver(t, "four\n"), 0);
	end(&s, &v);
	testing_stop(t);
	testing_resume(t);
	assert_int_equal(testing_count(t, "new"), 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(s1_nothing_is_visible_or_answered_before_its_record_is_durable, testing_set_up, tear_down),
		cmocka_unit_test_setup_teardown(s3_requests_of_an_account_finish_in_the_order_of_their_records, testing_set_up, tear_down),
		cmocka_unit_test_setup_teardown(s4_a_uid_whose_request_failed_is_not_given_again, testing_set_up, tear_down),
		cmocka_unit_test_setup_teardown(s5_a_message_stands_in_the_uidlist_before_it_stands_in_the_view, testing_set_up, tear_down),
		cmocka_unit_test_setup_teardown(s7_nothing_is_logged_that_was_made_of_an_index_which_another_program_wrote, testing_set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
