#include "role/queue/queue_test_support.h"

#include "base/map.h"
#include "role/queue/tls_report.h"
#include "role/targets.h"
#include "sys/disk.h"
#include "sys/net.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* What is under way when the role ends goes with its process. */
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
	return "detect_leaks=0";
}

static struct loop *loop;
static struct timer stop;
struct role_self self;
struct config config;
char folder[64];
struct peer *pairs[ROLE_COUNT][2];
char events[65536];
int answers[IPC_OUTCOMES];
size_t sends, longest_host, last_recipients_octets;
bool is_done;
int failure;
pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

/* ---- the clock, which goes wrong */

int64_t wrong_by_s;
struct ipc_enqueue wishes;

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

bool relay_defers, relay_is_full;
enum ipc_destination relay_found;
enum ipc_outcome relay_outcome;
struct bytes relay_reply, relay_results;

static void
defer(struct peer *p, uint64_t request)
{
	struct message m = { .type = MESSAGE_SENT, .u.sent = { .request = request, .destination = (uint8_t)relay_found } };
	uint8_t space[100];
	struct buf results;

	buf_init_fixed(&results, space, sizeof space);
	put_u16(&results, 0);
	put_u8(&results, (uint8_t)relay_outcome);
	put_u8(&results, relay_found == DESTINATION_ANSWERS);
	put_u16(&results, (uint16_t)relay_reply.len);
	put_bytes(&results, relay_reply);
	if (relay_found != DESTINATION_UNKNOWN)
		m.u.sent.host = BYTES("mx.example (192.0.2.1)");
	m.u.sent.results = relay_results.len ? relay_results : buf_bytes(&results);
	assert_int_equal(peer_send(p, &m), 0);
}

static void
refuse(struct peer *p, uint64_t request)
{
	struct message m = { .type = MESSAGE_SENT, .u.sent = { .request = request } };

	assert_int_equal(peer_send(p, &m), 0);
}

struct ipc_targets targets;
enum ipc_outcome post_outcome;
size_t finds, posts, posted_octets;

/* Of reports on TLS.  False: it is about mail. */
static bool
answer_report(struct peer *p, const struct message *m)
{
	struct message answer = { .type = MESSAGE_TARGETS };

	if (m->type == MESSAGE_FIND_TARGETS) {
		finds++;
		answer.u.targets = targets;
		answer.u.targets.request = m->u.find_targets.request;
	} else if (m->type == MESSAGE_POST_REPORT) {
		posts++;
		posted_octets = m->u.post_report.octets.len;
		answer.type = MESSAGE_REPORT_POSTED;
		answer.u.report_posted = (struct ipc_report_posted){ .request = m->u.post_report.request, .outcome = (uint8_t)post_outcome,
			.reason = BYTES("the server answered 503") };
	} else {
		return false;
	}
	assert_int_equal(peer_send(p, &answer), 0);
	return true;
}

static void
relay_message(void *arg, struct peer *p, const struct message *m)
{
	(void)arg;
	if (answer_report(p, m))
		return;
	sends++;
	last_recipients_octets = m->u.send.recipients.len;
	if (relay_defers)
		defer(p, m->u.send.request);
	else if (relay_is_full)
		refuse(p, m->u.send.request);
	if (m->u.send.host.len > longest_host)
		longest_host = m->u.send.host.len;
	for (size_t i = 0; i < m->fd_count; i++)
		net_close(m->fds[i]);
}

size_t delivered[3], told_full;
uint64_t list_mailboxes, list_elsewhere;
size_t list_delivered, list_runs;

/* An alias. */
static void
directory_message(void *arg, struct peer *p, const struct message *m)
{
	struct message answer = { .type = MESSAGE_RESOLVED, .u.resolved = { .request = m->u.resolve.request } };
	struct buf out;

	(void)arg;
	buf_init(&out, IPC_TARGETS_MAX);
	for (uint64_t i = 1; i <= list_mailboxes + list_elsewhere; i++) {
		char address[32];
		int len = snprintf(address, sizeof address, "u%u@x%u.exampl", (unsigned int)i, (unsigned int)i);

		put_u8(&out, i > list_mailboxes ? TARGET_FOREIGN : TARGET_MAILBOX);
		put_u64(&out, i);
		put_u16(&out, (uint16_t)len);
		put_text(&out, address);
	}
	assert_true(targets_attach(&answer, buf_bytes(&out)));
	assert_int_equal(peer_send(p, &answer), 0);
	for (size_t i = 0; i < answer.fd_count; i++)
		net_close(answer.fds[i]);
	buf_done(&out);
}

/* The second mailbox of a short list is full when it is asked first. */
static void
store_message(void *arg, struct peer *p, const struct message *m)
{
	struct message answer = { .type = MESSAGE_DELIVERED, .u.delivered = { .request = m->u.deliver.request } };

	(void)arg;
	for (size_t i = 0; i < m->fd_count; i++)
		net_close(m->fds[i]);
	list_runs += m->u.deliver.is_last;
	if (list_mailboxes > 2)
		list_delivered++;
	else if (m->u.deliver.account == 2 && told_full++ == 0)
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

void
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

void
run_a_little(void)
{
	timer_start(&stop, 10, 0);
	loop_run(loop);
	timer_stop(&stop);
}

void
pass_time(int64_t seconds)
{
	wrong_by_s += seconds;
	tls_reports_look(((struct queue *)self.state)->tls_reports);
	for (int i = 0; i < 5; i++)
		run_a_little();
}

static void
keep_event(void *arg, struct bytes line)
{
	(void)arg;
	snprintf(events + strlen(events), sizeof events - strlen(events), "%.*s", BYTES_ARG(line));
}

size_t
count_of(const char *what)
{
	size_t count = 0;

	for (const char *at = events; (at = strstr(at, what)); at++)
		count++;
	return count;
}

void
run_until_count(const char *what, size_t count)
{
	for (int turn = 0; turn < 2000 && count_of(what) < count; turn++)
		run_a_little();
	if (count_of(what) < count)
		fail_msg("not %zu of \"%s\" in:\n%s", count, what, events);
}

void
run_until_event(const char *what)
{
	run_until_count(what, 1);
}

void
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

void
enqueue(int number, const char *recipients_text, int fd)
{
	struct bytes rest = bytes_text(recipients_text);
	struct message m = { .type = MESSAGE_ENQUEUE };
	char id[MAIL_ID_LEN + 1];
	uint8_t space[16384];
	struct buf recipients;

	(void)snprintf(id, sizeof id, "01JDXYZ0123456789ABC%06d", number);
	buf_init_fixed(&recipients, space, sizeof space);
	while (rest.len) {
		struct bytes parameters = take_until(&rest, ' '), address = take_until(&parameters, ',');

		put_u16(&recipients, (uint16_t)address.len);
		put_bytes(&recipients, address);
		put_u16(&recipients, (uint16_t)parameters.len);
		put_bytes(&recipients, parameters);
	}
	m.u.enqueue = (struct ipc_enqueue){ .request = peer_request_id(pairs[ROLE_FRONT][THERE]), .mail_id = bytes_text(id),
		.sender = wishes.sender.len ? wishes.sender : BYTES("alice@here.example"), .size = 20, .recipients = buf_bytes(&recipients),
		.flags = wishes.flags, .release_s = wishes.release_s, .deliver_by_s = wishes.deliver_by_s, .priority = wishes.priority,
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

int
set_up(void **state)
{
	static struct disk_ops ops;
	struct fault f;

	(void)state;
	memset(pairs, 0, sizeof pairs);
	memset(answers, 0, sizeof answers);
	events[0] = '\0';
	sends = longest_host = finds = posts = 0;
	targets = (struct ipc_targets){ .answer = ANSWER_FOUND };
	post_outcome = IPC_OK;
	failure = 0;
	wrong_by_s = 0;
	wishes = (struct ipc_enqueue){ .flags = 0 };
	relay_defers = relay_is_full = false;
	relay_found = DESTINATION_ANSWERS;
	relay_outcome = IPC_LATER;
	relay_reply = BYTES("450 4.2.0 come back later");
	relay_results = BYTES_NONE;
	is_done = false;
	list_mailboxes = 2;
	list_elsewhere = 1;
	list_delivered = list_runs = 0;
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

static void
end_role(void)
{
	queue_hooks.end(&self);
	for (size_t i = 0; i < ROLE_COUNT; i++) {
		peer_free(&pairs[i][HERE]);
		peer_free(&pairs[i][THERE]);
	}
}

void
restart(void)
{
	struct fault f;

	end_role();
	run_a_little();
	assert_int_equal(queue_hooks.start(&self, &f), 0);
	connect_to(ROLE_FRONT);
}

int
tear_down(void **state)
{
	char command[128];

	(void)state;
	end_role();
	loop_free(&loop);
	disk_use(NULL);
	(void)snprintf(command, sizeof command, "rm -r %s", folder);
	return system(command);
}

void
wait_for_a_look(void)
{
	struct queue *q = self.state;

	for (uint32_t before = q->looks; q->looks == before;)
		run_a_little();
}
