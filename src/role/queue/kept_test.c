/* MTA-STS policies over restarts, whatever the relay says and the disk does. */
#include "role/queue/kept.h"

#include "sys/disk.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], trace[16384];
static struct kept *kept;
static struct loop *loop;
static struct peer *queue, *relay;

static void
on_message(void *arg, struct peer *p, const struct message *m)
{
	const struct ipc_policy *policy = &m->u.policy;

	(void)arg, (void)p;
	assert_int_equal(m->type, MESSAGE_POLICY);
	if (bytes_equal(policy->domain, BYTES("end"))) {
		loop_stop(loop);
		return;
	}
	snprintf(trace + strlen(trace), sizeof trace - strlen(trace), "%.*s %.*s %u %.*s;", BYTES_ARG(policy->domain), BYTES_ARG(policy->id),
		(unsigned int)policy->until_s, BYTES_ARG(bytes_sub(policy->text, 0, 40)));
}

static void
on_lost(void *arg, struct peer *p)
{
	(void)arg, (void)p;
	fail_msg("the channel is lost");
}

static void
put(const char *domain, const char *id, uint64_t until_s, const char *text)
{
	const struct ipc_keep_policy m = { bytes_text(domain), bytes_text(id), until_s, bytes_text(text) };

	kept_put(kept, &m);
}

static void
start_at(int64_t now_s)
{
	struct fault f;

	if (kept_open(folder, now_s, &kept, &f) != 0)
		fail_msg("%s", f.text);
}

/* What a relay is told. */
static const char *
told(void)
{
	struct message end = { .type = MESSAGE_POLICY };

	trace[0] = '\0';
	kept_tell(kept, queue);
	end.u.policy.domain = BYTES("end");
	assert_int_equal(peer_send(queue, &end), 0);
	loop_run(loop);
	return trace;
}

static void
restart_at(int64_t now_s)
{
	kept_close(&kept);
	start_at(now_s);
}

static int
set_up(void **state)
{
	static const struct peer_handlers handlers = { on_message, on_lost };
	struct fault f;
	int fds[2];

	(void)state;
	snprintf(folder, sizeof folder, "/tmp/mermoz-kept-XXXXXX");
	assert_non_null(mkdtemp(folder));
	loop = loop_new();
	assert_int_equal(channel_pair(fds, &f), 0);
	queue = peer_new(loop, ROLE_QUEUE, ROLE_RELAY, 0, &handlers, NULL);
	relay = peer_new(loop, ROLE_RELAY, ROLE_QUEUE, 0, &handlers, NULL);
	peer_connect(queue, fds[0]);
	peer_connect(relay, fds[1]);
	start_at(100);
	return 0;
}

static int
tear_down(void **state)
{
	char command[100];

	(void)state;
	kept_close(&kept);
	peer_free(&queue);
	peer_free(&relay);
	loop_free(&loop);
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command); /* NOLINT(cert-env33-c) */
}

static void
rfc8461_5_1_a_policy_outlives_a_restart_until_it_holds_no_more(void **state)
{
	(void)state;
	put("a.example", "1", 200, "first");
	put("a.example", "2", 300, "second");
	assert_string_equal(told(), "a.example 2 300 second;");
	restart_at(300);
	assert_string_equal(told(), "a.example 2 300 second;");
	put("a.example", "2", 0, "");
	assert_string_equal(told(), "");
	put("b.example", "3", 400, "third");
	restart_at(400);
	assert_string_equal(told(), "b.example 3 400 third;");
	restart_at(401);
	assert_string_equal(told(), "");
	restart_at(0);
	assert_string_equal(told(), "");
}

static void
a_relay_that_was_taken_over_writes_nowhere_else(void **state)
{
	static const char *const names[] = { "", ".", "..", "../mermoz-escaped", "/tmp/mermoz-escaped", "a/b", ".hidden", "a b", "a\nb", "\xc3\xa9.example" };
	char longest[300], path[100];

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		put(names[i], "1", 200, "text");
	memset(longest, 'a', sizeof longest - 1);
	longest[246] = '\0';
	put(longest, "1", 200, "text");
	put("a.example", "", 200, "text");
	put("a.example", "1 2", 200, "text");
	put("a.example", "1\n", 200, "text");
	put("a.example", "1", UINT64_MAX, "text");
	assert_string_equal(told(), "");
	restart_at(100);
	assert_string_equal(told(), "");
	snprintf(path, sizeof path, "%s/../mermoz-escaped", folder);
	assert_int_equal(access(path, F_OK), -1);
	longest[245] = '\0';
	put(longest, "1", 200, "text");
	restart_at(100);
	assert_int_equal(strlen(told()), 245 + strlen(" 1 200 text;"));
}

static void
write_file(const char *name, const char *text)
{
	char path[400];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void
what_makes_no_sense_is_removed_at_the_start(void **state)
{
	static const char *const bad[] = { "", "200", "200 1", "200 1\n", "x 1\ntext", "200 \ntext", " 200 1\ntext", "200 1 2\ntext",
		"99999999999999999999 1\ntext" };

	(void)state;
	put("good.example", "1", 200, "text");
	kept_close(&kept);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		write_file("bad.example", bad[i]);
		write_file(".good.example.new", "200 1\nhalf");
		start_at(100);
		assert_string_equal(told(), "good.example 1 200 text;");
		kept_close(&kept);
	}
	start_at(100);
	assert_string_equal(told(), "good.example 1 200 text;");
}

static void
policies_of_every_length_come_back(void **state)
{
	static char text[65537];
	static const size_t lengths[] = { 1, 40, 100, 4096, 65000, 65535, 65536 };

	(void)state;
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		memset(text, 'x', lengths[i]);
		text[lengths[i]] = '\0';
		put("a.example", "1", 200, text);
		restart_at(100);
		assert_non_null(strstr(told(), "a.example 1 200 x"));
	}
}

static void
more_than_there_is_room_for_is_not_kept(void **state)
{
	static char text[65537];

	(void)state;
	memset(text, 'x', sizeof text - 1);
	for (int i = 0; i < KEPT_OCTETS_MAX / 65536; i++) {
		char name[20];

		snprintf(name, sizeof name, "%d.example", i);
		put(name, "1", 200, text);
	}
	put("last.example", "1", 200, "one too many");
	/* The same domain may have another one. */
	put("0.example", "2", 200, "short");
	put("last.example", "1", 200, "now it fits");
	restart_at(100);
	(void)told();
	assert_null(strstr(trace, "one too many"));
	assert_non_null(strstr(trace, "now it fits"));
}

/* They are told all at once, and the channel holds only so much. */
static void
what_a_policy_costs_beside_its_text_counts_too(void **state)
{
	enum { LONG = 65536, FEW = KEPT_OCTETS_MAX / LONG - 1 };
	static char text[LONG + 1];

	(void)state;
	memset(text, 'x', LONG);
	for (int i = 0; i < FEW; i++) {
		char name[20];

		snprintf(name, sizeof name, "%d.example", i);
		put(name, "1", 200, text);
	}
	text[LONG - 1000] = '\0';
	put("last.example", "1", 200, text);
	assert_null(strstr(told(), "last.example"));
	text[LONG / 4] = '\0';
	put("last.example", "1", 200, text);
	assert_non_null(strstr(told(), "last.example"));
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static int
rename_behind_the_gate(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags)
{
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	return disk_system.renameat(from_dir, from, to_dir, to, flags);
}

static bool
count_file(void *arg, const char *name, unsigned char type)
{
	(void)name, (void)type;
	++*(unsigned int *)arg;
	return true;
}

static unsigned int
count_files(void)
{
	unsigned int count = 0;
	int fd = disk->openat(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

	assert_int_equal(disk->list(fd, ".", count_file, &count), 0);
	disk_close(&fd);
	return count;
}

static void
a_relay_that_says_more_than_the_disk_can_take_costs_no_memory(void **state)
{
	static struct disk_ops slow;

	(void)state;
	slow = disk_system;
	slow.renameat = rename_behind_the_gate;
	disk = &slow;
	pthread_mutex_lock(&gate);
	for (unsigned int i = 0; i < KEPT_WRITES_MAX + 10; i++) {
		char domain[32];

		(void)snprintf(domain, sizeof domain, "%u.example", i);
		put(domain, "1", 200, "text");
	}
	pthread_mutex_unlock(&gate);
	kept_close(&kept);
	disk = &disk_system;
	assert_int_equal(count_files(), KEPT_WRITES_MAX);
	start_at(100);
	put("after.example", "1", 200, "text");
	restart_at(100);
	assert_int_equal(count_files(), KEPT_WRITES_MAX + 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rfc8461_5_1_a_policy_outlives_a_restart_until_it_holds_no_more, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_relay_that_was_taken_over_writes_nowhere_else, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_makes_no_sense_is_removed_at_the_start, set_up, tear_down),
		cmocka_unit_test_setup_teardown(policies_of_every_length_come_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_relay_that_says_more_than_the_disk_can_take_costs_no_memory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(more_than_there_is_room_for_is_not_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_a_policy_costs_beside_its_text_counts_too, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
