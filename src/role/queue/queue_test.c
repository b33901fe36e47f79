/* The role with a front and a relay that are only peers here, and may say what they like. */
#include "role/queue/queue.h"

#include "base/map.h"
#include "role/queue/queue_internal.h"
#include "sys/disk.h"
#include "sys/net.h"
#include "sys/process.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { HERE, THERE };

/* What is under way when the role ends goes with its process. */
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
	return "detect_leaks=0";
}

static struct loop *loop;
static struct timer stop;
static struct role_self self;
static struct config config;
static char folder[64];
static struct peer *pairs[ROLE_COUNT][2]; /* the role's end, the other's */
static char events[65536];
static int answers[IPC_OUTCOMES];
static size_t sends, longest_host;
static bool is_done;
/* What goes wrong with new files below messages/. */
static int failure;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

/* ---- the clock, which goes wrong */

static int64_t wrong_by_s;

struct moment
time_now(void)
{
	struct timespec wall, mono;

	(void)clock_gettime(CLOCK_REALTIME, &wall);
	(void)clock_gettime(CLOCK_MONOTONIC, &mono);
	return (struct moment){ .wall_us = (wall.tv_sec + wrong_by_s) * 1000000 + wall.tv_nsec / 1000,
		.mono_us = mono.tv_sec * INT64_C(1000000) + mono.tv_nsec / 1000 };
}

int64_t
time_wall_us(void)
{
	return time_now().wall_us;
}

void
time_sleep_ms(uint64_t ms)
{
	(void)ms;
	fail_msg("nobody sleeps here");
}

/* ---- what role.c does */

static void
role_message(void *arg, struct peer *p, const struct message *m)
{
	(void)arg;
	queue_hooks.message(&self, p, m);
}

static void
role_lost(void *arg, struct peer *p)
{
	(void)arg;
	queue_hooks.peer_lost(&self, p);
}

struct peer *
role_peer(struct role_self *r, enum role other, uint8_t index)
{
	static const struct peer_handlers handlers = { role_message, role_lost };

	if (!pairs[other][HERE])
		pairs[other][HERE] = peer_new(r->loop, ROLE_QUEUE, other, index, &handlers, NULL);
	return pairs[other][HERE];
}

void
role_end(struct role_self *r)
{
	(void)r;
	is_done = true;
}

/* ---- the others */

static bool relay_defers;

static void
defer(struct peer *p, uint64_t request)
{
	struct message m = { .type = MESSAGE_SENT, .u.sent = { .request = request, .host = BYTES("mx.example (192.0.2.1)") } };
	struct bytes reply = BYTES("450 4.2.0 come back later");
	uint8_t space[100];
	struct buf results;

	buf_init_fixed(&results, space, sizeof space);
	put_u16(&results, 0);
	put_u8(&results, IPC_LATER);
	put_u16(&results, (uint16_t)reply.len);
	put_bytes(&results, reply);
	m.u.sent.results = buf_bytes(&results);
	assert_int_equal(peer_send(p, &m), 0);
}

static void
relay_message(void *arg, struct peer *p, const struct message *m)
{
	(void)arg;
	sends++;
	if (relay_defers)
		defer(p, m->u.send.request);
	if (m->u.send.host.len > longest_host)
		longest_host = m->u.send.host.len;
	for (size_t i = 0; i < m->fd_count; i++)
		net_close(m->fds[i]);
}

static size_t delivered[3], told_full;

/* An alias: two mailboxes and an address elsewhere. */
static void
directory_message(void *arg, struct peer *p, const struct message *m)
{
	struct message answer = { .type = MESSAGE_RESOLVED, .u.resolved = { .request = m->u.resolve.request } };
	uint8_t space[200];
	struct buf out;

	(void)arg;
	buf_init_fixed(&out, space, sizeof space);
	for (unsigned int i = 1; i <= 3; i++) {
		put_u8(&out, i == 3 ? TARGET_FOREIGN : TARGET_MAILBOX);
		put_u64(&out, i);
		put_u16(&out, 12);
		put_format(&out, "u%u@x%u.exampl", i, i);
	}
	answer.u.resolved.targets = buf_bytes(&out);
	assert_int_equal(peer_send(p, &answer), 0);
}

/* The second mailbox is full when it is asked first. */
static void
store_message(void *arg, struct peer *p, const struct message *m)
{
	struct message answer = { .type = MESSAGE_DELIVERED, .u.delivered = { .request = m->u.deliver.request } };

	(void)arg;
	for (size_t i = 0; i < m->fd_count; i++)
		net_close(m->fds[i]);
	if (m->u.deliver.account == 2 && told_full++ == 0)
		answer.u.delivered.outcome = IPC_NO_SPACE;
	else
		delivered[m->u.deliver.account]++;
	assert_int_equal(peer_send(p, &answer), 0);
}

static void
other_lost(void *arg, struct peer *p)
{
	(void)arg, (void)p;
}

static void
connect_to(enum role other)
{
	static const struct peer_handlers handlers[ROLE_COUNT] = { [ROLE_RELAY] = { relay_message, other_lost },
		[ROLE_DIRECTORY] = { directory_message, other_lost }, [ROLE_STORE] = { store_message, other_lost },
		[ROLE_FRONT] = { relay_message, other_lost } };
	struct peer *here = role_peer(&self, other, 0);
	struct fault f;
	int fds[2];

	pairs[other][THERE] = peer_new(loop, other, ROLE_QUEUE, 0, &handlers[other], NULL);
	assert_int_equal(channel_pair(fds, &f), 0);
	peer_connect(pairs[other][THERE], fds[0]);
	peer_connect(here, fds[1]);
	queue_hooks.peer_connected(&self, here);
}

static void
on_stop(struct timer *t)
{
	(void)t;
	loop_stop(loop);
}

static void
run_a_little(void)
{
	timer_start(&stop, 10, 0);
	loop_run(loop);
	timer_stop(&stop);
}

static void
keep_event(void *arg, struct bytes line)
{
	(void)arg;
	snprintf(events + strlen(events), sizeof events - strlen(events), "%.*s", BYTES_ARG(line));
}

static void
run_until_event(const char *what)
{
	for (int turn = 0; turn < 2000 && !strstr(events, what); turn++)
		run_a_little();
	if (!strstr(events, what))
		fail_msg("no \"%s\" in:\n%s", what, events);
}

static void
run_until_answered(size_t count)
{
	size_t got = 0;

	for (int turn = 0; turn < 2000 && got < count; turn++) {
		run_a_little();
		got = 0;
		for (size_t i = 0; i < IPC_OUTCOMES; i++)
			got += (size_t)answers[i];
	}
	assert_int_equal(got, count);
}

static void
on_enqueued(void *arg, const struct message *m)
{
	(void)arg;
	answers[m ? m->u.enqueued.outcome : IPC_LATER]++;
}

/* recipients: with spaces between.  fd: -1, or the body. */
static void
enqueue(int number, const char *recipients_text, int fd)
{
	struct bytes rest = bytes_text(recipients_text);
	struct message m = { .type = MESSAGE_ENQUEUE };
	char id[MAIL_ID_LEN + 1];
	uint8_t space[4000];
	struct buf recipients;

	(void)snprintf(id, sizeof id, "01JDXYZ0123456789ABC%06d", number);
	buf_init_fixed(&recipients, space, sizeof space);
	while (rest.len) {
		struct bytes one = take_until(&rest, ' ');

		put_u16(&recipients, (uint16_t)one.len);
		put_bytes(&recipients, one);
		put_u16(&recipients, 0);
	}
	m.u.enqueue = (struct ipc_enqueue){ .request = peer_request_id(pairs[ROLE_FRONT][THERE]), .mail_id = bytes_text(id),
		.sender = BYTES("alice@here.example"), .size = 20, .recipients = buf_bytes(&recipients),
		.octets = fd < 0 ? BYTES("Subject: x\n\nx\n") : BYTES_NONE };
	if (fd >= 0) {
		m.fds[0] = fd;
		m.fd_count = 1;
	}
	peer_request(pairs[ROLE_FRONT][THERE], &m, m.u.enqueue.request, 60000, on_enqueued, NULL);
}

static int
open_or_fail(int dir, const char *path, int flags, mode_t mode)
{
	if (!(flags & O_EXCL) || strlen(path) != MAIL_ID_LEN + 2)
		return disk_system.openat(dir, path, flags, mode);
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	if (failure == 0)
		return disk_system.openat(dir, path, flags, mode);
	errno = failure;
	return -1;
}

static int
set_up(void **state)
{
	static struct disk_ops ops;
	struct fault f;

	(void)state;
	memset(pairs, 0, sizeof pairs);
	memset(answers, 0, sizeof answers);
	events[0] = '\0';
	sends = longest_host = 0;
	failure = 0;
	wrong_by_s = 0;
	relay_defers = false;
	is_done = false;
	ops = disk_system;
	ops.openat = open_or_fail;
	disk_use(&ops);
	map_seed((const uint8_t[16]){ 1 });
	event_set_sink(&(struct event_sink){ .write = keep_event, .now_us = time_wall_us, .role = "queue", .least = LEVEL_INFO });
	(void)snprintf(folder, sizeof folder, "/tmp/mermoz-queue-XXXXXX");
	assert_non_null(mkdtemp(folder));
	loop = loop_new();
	timer_init(&stop, loop, on_stop);
	config = (struct config){ .hostname = BYTES("mail.here.example"), .state_directory = bytes_text(folder),
		.journal_octets_max = 4 << 20, .message_octets_max = 65536, .outgoing_max = 100, .outgoing_per_host_max = 20,
		.request_timeout_ms = 20000, .queue_retry_first_s = 300, .queue_retry_most_s = 14400, .queue_lifetime_s = 432000 };
	self = (struct role_self){ .role = ROLE_QUEUE, .loop = loop, .config = &config };
	assert_int_equal(queue_hooks.start(&self, &f), 0);
	connect_to(ROLE_FRONT);
	return 0;
}

static int
tear_down(void **state)
{
	char command[128];
	struct queue *q = self.state;

	(void)state;
	timer_stop(&q->sweep);
	timer_stop(&q->timer);
	queue_hooks.end(&self);
	for (size_t i = 0; i < ROLE_COUNT; i++) {
		peer_free(&pairs[i][HERE]);
		peer_free(&pairs[i][THERE]);
	}
	disk_use(NULL);
	(void)snprintf(command, sizeof command, "rm -r %s", folder);
	return system(command);
}

static void
an_address_with_any_domain_does_not_end_the_role(void **state)
{
	char address[321] = "a@";

	(void)state;
	memset(address + 2, 'x', 318);
	connect_to(ROLE_RELAY);
	enqueue(1, address, -1);
	enqueue(2, "a@", -1);
	enqueue(3, "a", -1);
	run_until_answered(3);
	assert_int_equal(answers[IPC_OK], 3);
	for (int turn = 0; turn < 500 && sends < 3; turn++)
		run_a_little();
	assert_int_equal(sends, 3);
	assert_true(longest_host <= 255);
}

static void
a_body_that_no_message_has_is_not_read(void **state)
{
	static uint8_t octets[300000];
	struct fault f;
	int large = process_memory_file("large", octets, sizeof octets, &f), empty = process_memory_file("empty", octets, 0, &f);
	int directory = disk_system.openat(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY, 0);
	int usual = process_memory_file("usual", octets, 66000, &f);

	(void)state;
	enqueue(1, "a@x.example", large);
	enqueue(2, "a@x.example", empty);
	enqueue(3, "a@x.example", directory);
	run_until_answered(3);
	assert_int_equal(answers[IPC_LATER], 3);
	enqueue(4, "a@x.example", usual);
	run_until_answered(4);
	assert_int_equal(answers[IPC_OK], 1);
	disk_close(&large);
	disk_close(&empty);
	disk_close(&directory);
	disk_close(&usual);
}

static void
what_is_not_durable_yet_is_bounded(void **state)
{
	(void)state;
	pthread_mutex_lock(&gate);
	for (int i = 0; i < 2001; i++) {
		enqueue(i, "a@x.example", -1);
		if (i % 100 == 0)
			run_a_little();
	}
	run_until_answered(1);
	assert_int_equal(answers[IPC_LATER], 1);
	pthread_mutex_unlock(&gate);
	run_until_answered(2001);
	assert_int_equal(answers[IPC_OK], 2000);
}

static void
what_has_expired_and_cannot_be_reported_yet_stays(void **state)
{
	struct queue *q = self.state;
	struct batch batch;

	(void)state;
	enqueue(1, "a@x.example", -1);
	run_until_answered(1);
	config.queue_lifetime_s = config.queue_retry_first_s = 0;
	failure = ENOSPC;
	queue_sweep(q);
	run_until_event("disk.full");
	while (q->reports)
		run_a_little();
	assert_int_equal(q->count, 1);
	/* It is tried once more, or given up again. */
	assert_true(schedule_next(q->schedule, queue_now_s() + 60, &batch));
	assert_true(bytes_equal(batch.destination->hop.host, BYTES("x.example")));
	schedule_return(q->schedule, batch.first, queue_now_s());
	schedule_batch_done(q->schedule, batch.destination, BATCH_NOT_TRIED, queue_now_s());
	failure = 0;
	queue_sweep(q);
	run_until_event("queue.reported");
	assert_false(is_done);
}

static void
an_attempt_leaves_out_whom_the_one_before_reached(void **state)
{
	static struct bytes domains[] = { BYTES_INIT("here.example") };
	struct queue *q = self.state;
	struct queued *m;

	(void)state;
	memset(delivered, 0, sizeof delivered);
	told_full = 0;
	config.domains = (struct config_texts){ domains, 1 };
	connect_to(ROLE_DIRECTORY);
	connect_to(ROLE_STORE);
	connect_to(ROLE_RELAY);
	enqueue(1, "all@here.example", -1);
	run_until_event("queue.deferred");
	LIST_FOREACH (m, &q->messages, link)
		if (m->count == 1 && m->at[0].attempts == 1)
			schedule_hurry(q->schedule, &m->at[0], queue_now_s());
	queue_kick(q);
	run_until_event("queue.sent");
	assert_int_equal(delivered[1], 1);
	assert_int_equal(delivered[2], 1);
	assert_int_equal(q->count, 1); /* what went on, once */
}

static void
what_a_relay_ended_over_waits_longer_each_time(void **state)
{
	struct queue *q = self.state;
	struct queued *m;

	(void)state;
	enqueue(1, "a@x.example", -1);
	run_until_answered(1);
	m = LIST_FIRST(&q->messages);
	/* No relay is there: no attempt. */
	while (m->at[0].state != DELIVERY_WAITING)
		run_a_little();
	assert_int_equal(m->at[0].attempts, 0);
	connect_to(ROLE_RELAY);
	schedule_hurry(q->schedule, &m->at[0], queue_now_s());
	queue_kick(q);
	while (sends < 1)
		run_a_little();
	peer_free(&pairs[ROLE_RELAY][THERE]);
	run_until_event("queue.deferred");
	assert_int_equal(m->at[0].attempts, 1);
	assert_true(m->at[0].next_s >= queue_now_s() + 290);
}

static size_t
count_of(const char *what)
{
	size_t count = 0;

	for (const char *at = events; (at = strstr(at, what)); at++)
		count++;
	return count;
}

static void
a_mail_to_many_hosts_is_not_kept_anew_for_each(void **state)
{
	char recipients[2000] = "", path[200];
	struct queue *q = self.state;
	struct stat st;

	(void)state;
	relay_defers = true;
	for (int i = 0; i < 50; i++)
		(void)snprintf(recipients + strlen(recipients), sizeof recipients - strlen(recipients), "%suser@host%02d.example",
			i ? " " : "", i);
	connect_to(ROLE_RELAY);
	enqueue(1, recipients, -1);
	while (count_of("queue.deferred") < 50)
		run_a_little();
	queue_keep_changed(q);
	assert_true(LIST_EMPTY(&q->changed));
	spool_close(&q->spool);
	(void)snprintf(path, sizeof path, "%s/queue/envelopes", folder);
	assert_int_equal(disk->fstatat(AT_FDCWD, path, &st, 0), 0);
	assert_in_range(st.st_size, 4000, 20000); /* 3,000 octets each at most */
}

/* The role looks at the clock each second. */
static void
wait_for_a_look(void)
{
	struct queue *q = self.state;

	for (uint32_t before = q->looks; q->looks == before;)
		run_a_little();
}

static void
a_step_of_the_clock_gives_nothing_up_and_lets_nothing_wait(void **state)
{
	static const int64_t steps[] = { 366 * 86400, -86400 };
	struct queue *q = self.state;
	struct queued *m;
	uint32_t age;

	(void)state;
	q->started_s -= 86400;
	enqueue(1, "a@x.example", -1);
	run_until_answered(1);
	m = LIST_FIRST(&q->messages);
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		while (m->at[0].state != DELIVERY_WAITING)
			run_a_little();
		wrong_by_s += steps[i];
		wait_for_a_look();
		queue_sweep(q);
		age = (uint32_t)queue_now_s() - m->arrived_s;
		assert_in_range(age, 0, 10);
		assert_true(m->at[0].state != DELIVERY_WAITING || m->at[0].next_s <= queue_now_s() + 11);
	}
	assert_null(strstr(events, "queue.expired"));
}

static void
what_expired_while_the_server_was_off_is_tried_once_more(void **state)
{
	struct queue *q = self.state;
	struct queued *m;

	(void)state;
	enqueue(1, "a@x.example", -1);
	run_until_answered(1);
	m = LIST_FIRST(&q->messages);
	m->arrived_s -= 10 * 86400;
	queue_sweep(q);
	assert_null(strstr(events, "queue.expired"));
	q->started_s -= 300;
	while (m->at[0].state != DELIVERY_WAITING)
		run_a_little();
	queue_sweep(q);
	run_until_event("queue.expired");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_address_with_any_domain_does_not_end_the_role),
		TEST(a_body_that_no_message_has_is_not_read),
		TEST(what_is_not_durable_yet_is_bounded),
		TEST(an_attempt_leaves_out_whom_the_one_before_reached),
		TEST(what_a_relay_ended_over_waits_longer_each_time),
		TEST(a_step_of_the_clock_gives_nothing_up_and_lets_nothing_wait),
		TEST(what_expired_while_the_server_was_off_is_tried_once_more),
		TEST(a_mail_to_many_hosts_is_not_kept_anew_for_each),
		TEST(what_has_expired_and_cannot_be_reported_yet_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
