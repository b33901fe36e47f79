#include "role/directory/test_role.h"

#include "base/event.h"
#include "role/directory/password.h"
#include "sys/disk.h"
#include "sys/net.h"
#include "sys/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sqlite3.h>

static struct loop *loop;
static struct timer stop;
struct role_self self;
struct config config;
char folder[64], path[96];
struct embedded *source;
struct peer *of_front[2], *of_store, *front[2], *store;
char trace[8192], events[16384];
uint64_t account;
static const char *until;

static void
note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(trace + strlen(trace), sizeof trace - strlen(trace), format, args);
	va_end(args);
	if (until && strstr(trace, until))
		loop_stop(loop);
}

static void
keep_event(void *arg, struct bytes line)
{
	(void)arg;
	snprintf(events + strlen(events), sizeof events - strlen(events), "%.*s", BYTES_ARG(line));
}

static void
role_message(void *arg, struct peer *p, const struct message *m)
{
	(void)arg;
	directory_hooks.message(&self, p, m);
}

static void
role_lost(void *arg, struct peer *p)
{
	(void)arg;
	directory_hooks.peer_lost(&self, p);
	note("[lost]");
}

static void
note_targets(struct bytes in)
{
	uint8_t kind;
	uint16_t len;
	struct bytes address;

	while (take_u8(&in, &kind) && take_u64(&in, &account) && take_u16(&in, &len)
		&& take_octets(&in, len, &address))
		note(" %c%.*s", kind == TARGET_FOREIGN ? '!' : '=', BYTES_ARG(address));
	assert_int_equal(in.len, 0);
}

/* An answer; arg: which front asked. */
static void
on_answer(void *arg, const struct message *m)
{
	size_t index = (size_t)(uintptr_t)arg;

	if (!m)
		return;
	if (m->type == MESSAGE_RESOLVED) {
		note("front%zu resolved %u", index, m->u.resolved.outcome);
		note_targets(m->u.resolved.targets);
	} else if (m->type == MESSAGE_LOGGED_IN) {
		account = m->u.logged_in.account;
		note("front%zu logged_in %u %.*s", index, m->u.logged_in.outcome,
			BYTES_ARG(m->u.logged_in.address));
		if (m->u.logged_in.refusal)
			note("refusal %u", m->u.logged_in.refusal);
	} else if (m->type == MESSAGE_MAY_SEND_RESULT) {
		note("front%zu may_send %u", index, m->u.may_send_result.outcome);
	}
	note("\n");
}

static size_t changes_told; /* to fronts */

static void
front_message(void *arg, struct peer *p, const struct message *m)
{
	(void)arg;
	changes_told += m->type == MESSAGE_ANSWERS_CHANGED;
	if (m->type == MESSAGE_ACCOUNT_GONE)
		note("front%d gone\n", front[1] == p);
}

static void
ask(size_t index, const struct message *m, uint64_t request)
{
	peer_request(front[index], m, request, 30000, on_answer, (void *)(uintptr_t)index);
}

static void
answer_use(struct peer *p, const struct ipc_ask_use *asked)
{
	struct message m = { .type = MESSAGE_USE };

	m.u.use = (struct ipc_use){ .request = asked->request, .outcome = IPC_OK, .octets = asked->path.len, .messages = 3 };
	assert_int_equal(peer_send(p, &m), 0);
}

static void
store_message(void *arg, struct peer *p, const struct message *m)
{
	(void)arg, (void)p;
	if (m->type == MESSAGE_GRANT_DELIVERY)
		note("store delivery %u %.*s %.*s\n", m->u.grant_delivery.front,
			BYTES_ARG(m->u.grant_delivery.address), BYTES_ARG(m->u.grant_delivery.path));
	else if (m->type == MESSAGE_GRANT_SESSION)
		note("store session %u.%u %.*s %.*s\n", m->u.grant_session.front,
			(unsigned int)m->u.grant_session.session, BYTES_ARG(m->u.grant_session.address),
			BYTES_ARG(m->u.grant_session.path));
	else if (m->type == MESSAGE_REVOKE)
		note("store revoke\n");
	else if (m->type == MESSAGE_ASK_USE)
		answer_use(p, &m->u.ask_use);
}

static void
other_lost(void *arg, struct peer *p)
{
	(void)arg, (void)p;
}

static void
on_stop(struct timer *timer)
{
	(void)timer;
	loop_stop(loop);
}

void
run_a_little(void)
{
	timer_start(&stop, 30, 0);
	loop_run(loop);
}

void
run_until_event(const char *what)
{
	for (int turn = 0; turn < 600 && !strstr(events, what); turn++)
		run_a_little();
	if (!strstr(events, what))
		fail_msg("no \"%s\" in:\n%s", what, events);
}

void
run_until(const char *what)
{
	until = what;
	if (!strstr(trace, what)) {
		timer_start(&stop, 20000, 0);
		loop_run(loop);
		timer_stop(&stop);
	}
	until = NULL;
	if (!strstr(trace, what))
		fail_msg("no \"%s\" in:\n%s", what, trace);
}

void
connect_pair(struct peer *role_end, struct peer *other)
{
	struct fault f;
	int fds[2];

	assert_int_equal(channel_pair(fds, &f), 0);
	peer_connect(other, fds[0]);
	peer_connect(role_end, fds[1]);
	directory_hooks.peer_connected(&self, role_end);
}

static void
make_peers(void)
{
	static const struct peer_handlers in_role = { role_message, role_lost };
	static const struct peer_handlers in_front = { front_message, other_lost };
	static const struct peer_handlers in_store = { store_message, other_lost };

	for (uint8_t i = 0; i < 2; i++) {
		of_front[i] = peer_new(loop, ROLE_DIRECTORY, ROLE_FRONT, i, &in_role, NULL);
		front[i] = peer_new(loop, ROLE_FRONT, ROLE_DIRECTORY, 0, &in_front, NULL);
		connect_pair(of_front[i], front[i]);
	}
	of_store = peer_new(loop, ROLE_DIRECTORY, ROLE_STORE, 0, &in_role, NULL);
	store = peer_new(loop, ROLE_STORE, ROLE_DIRECTORY, 0, &in_store, NULL);
	connect_pair(of_store, store);
}

void
add_user(const char *address, const char *password, bool is_enabled)
{
	char encoded[PASSWORD_ENCODED_MAX] = "";
	struct user_record record = { .address = bytes_text(address), .is_enabled = is_enabled };
	struct fault f;

	if (password)
		assert_int_equal(password_hash(bytes_text(password), encoded, &f), 0);
	record.secret_password = bytes_text(encoded);
	assert_int_equal(embedded_add_user(source, &record, &f), EMBEDDED_DONE);
}

static void
make_source(void)
{
	struct bytes targets[] = { BYTES(ALICE), BYTES(BOB), BYTES("someone@elsewhere.net") };
	struct fault f;

	assert_int_equal(embedded_open(path, &source, &f), 0);
	add_user(ALICE, "secret", true);
	add_user(BOB, "hidden", true);
	add_user("carol@example.org", "secret", false);
	add_user("dave@example.org", NULL, true);
	assert_int_equal(embedded_add_alias(source,
				 &(struct alias_record){ BYTES("all@example.org"), targets, 3, ALIAS_MADE, BYTES_NONE }, &f),
		EMBEDDED_DONE);
}

static void
start_role(void)
{
	static struct bytes domains[] = { BYTES_INIT("example.org") };
	struct fault f;

	config = (struct config){ .hostname = BYTES("mail.example.org"), .domains = { domains, 1 },
		.recipient_delimiter = BYTES("+"), .maildir_template = BYTES("/mail/%d/%u"),
		.directory_embedded_file = bytes_text(path), .user_store = BYTES("daemon"), .request_timeout_ms = 30000,
		.quota_octets = 5000 };
	self = (struct role_self){ .role = ROLE_DIRECTORY, .loop = loop, .config = &config };
	assert_int_equal(directory_hooks.before_jail(&self, &f), 0);
	assert_int_equal(directory_hooks.start(&self, &f), 0);
}

int
set_up(void **state)
{
	static const struct event_sink sink = { .write = keep_event, .now_us = time_wall_us,
		.role = "directory" };

	(void)state;
	trace[0] = events[0] = '\0';
	event_set_sink(&sink);
	snprintf(folder, sizeof folder, "/tmp/mermoz-directory-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/directory.sqlite", folder);
	loop = loop_new();
	timer_init(&stop, loop, on_stop);
	make_source();
	start_role();
	changes_told = 0;
	make_peers();
	/* The fronts hear of the store, before anything else that a test follows. */
	for (int turn = 0; turn < 600 && changes_told < 2; turn++)
		run_a_little();
	assert_int_equal(changes_told, 2);
	return 0;
}

int
tear_down(void **state)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char name[128];

	(void)state;
	directory_hooks.end(&self);
	for (size_t i = 0; i < 2; i++) {
		peer_free(&of_front[i]);
		peer_free(&front[i]);
	}
	peer_free(&of_store);
	peer_free(&store);
	embedded_close(&source);
	loop_free(&loop);
	for (size_t i = 0; i < 3; i++) {
		snprintf(name, sizeof name, "%s%s", path, ends[i]);
		disk->unlinkat(AT_FDCWD, name, 0);
	}
	disk->unlinkat(AT_FDCWD, folder, AT_REMOVEDIR);
	return 0;
}

void
ask_resolve(size_t index, const char *address)
{
	struct message m = { .type = MESSAGE_RESOLVE };

	m.u.resolve = (struct ipc_resolve){ .request = peer_request_id(front[index]), .session = 1,
		.address = bytes_text(address) };
	ask(index, &m, m.u.resolve.request);
}

static struct message
log_in_message(enum ipc_service service, const char *name, const char *authorize_as, const char *password)
{
	struct message m = { .type = MESSAGE_LOG_IN };

	m.u.log_in = (struct ipc_log_in){ .request = peer_request_id(front[0]), .session = 42, .service = (uint8_t)service,
		.mechanism = BYTES("PLAIN"), .name = bytes_text(name),
		.authorize_as = bytes_text(authorize_as), .secret_password = bytes_text(password),
		.remote = BYTES("192.0.2.1:4000"), .local = BYTES("192.0.2.2:993"), .tls = BYTES("TLSv1.3") };
	return m;
}

void
ask_log_in_as(enum ipc_service service, const char *name, const char *authorize_as, const char *password)
{
	struct message m = log_in_message(service, name, authorize_as, password);

	ask(0, &m, m.u.log_in.request);
}

void
hand_log_in_from(const char *remote, const char *name, const char *password)
{
	struct message m = log_in_message(SERVICE_IMAPS, name, "", password);

	m.u.log_in.remote = bytes_text(remote);
	directory_hooks.message(&self, of_front[0], &m);
}

void
hand_log_in(const char *name, const char *password)
{
	hand_log_in_from("192.0.2.1:4000", name, password);
}

void
ask_log_in(const char *name, const char *password)
{
	ask_log_in_as(SERVICE_IMAPS, name, "", password);
}

void
ask_may_send(const char *address)
{
	struct message m = { .type = MESSAGE_MAY_SEND };

	m.u.may_send = (struct ipc_may_send){ .request = peer_request_id(front[0]), .account = account,
		.address = bytes_text(address) };
	ask(0, &m, m.u.may_send.request);
}

void
reload(void)
{
	struct fault f;

	assert_int_equal(directory_hooks.reload(&self, &config, &f), 0);
}

void
clear(void)
{
	run_a_little();
	trace[0] = events[0] = '\0';
}
