#include "role/relay/test_role.h"

#include "base/event.h"
#include "config/test_certificate.h"
#include "proto/tlsrpt/tlsrpt.h"
#include "sys/net.h"
#include "sys/process.h"
#include "sys/time.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct loop *loop;
static struct timer stop;
union test_life life;
struct config config;
static struct peer *of_resolver, *resolver;
struct peer *of_queue, *queue;
char trace[262144], events[65536];
enum ipc_destination last_destination;
struct server *servers[SERVERS_MAX];
static const char *zone, *until, *until_event;
static struct bytes message;
static uint64_t message_size;
static uint32_t send_flags;
static const char *sender;
static uint16_t port;

static void
note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(trace + strlen(trace), sizeof trace - strlen(trace), format, args);
	va_end(args);
}

static void
stop_when_done(void)
{
	if ((until && strstr(trace, until)) || (until_event && strstr(events, until_event)))
		loop_stop(loop);
}

static void
keep_event(void *arg, struct bytes line)
{
	(void)arg;
	snprintf(events + strlen(events), sizeof events - strlen(events), "%.*s", BYTES_ARG(line));
	stop_when_done();
}

static void
on_sent(const struct ipc_sent *m)
{
	static const char signs[IPC_OUTCOMES] = { [IPC_OK] = '=', [IPC_LATER] = '~', [IPC_INVALID] = '-' };
	struct bytes rest = m->results, text;
	uint16_t index, len;
	uint8_t outcome, is_theirs;

	note("%u %.*s tls=%.*s dsn=%u%s:", (unsigned int)m->request, BYTES_ARG(m->host), BYTES_ARG(bytes_sub(m->tls, 0, 7)),
		m->has_dsn, m->host.len && m->destination == DESTINATION_SILENT ? " silent" : "");
	last_destination = (enum ipc_destination)m->destination;
	while (take_u16(&rest, &index) && take_u8(&rest, &outcome) && take_u8(&rest, &is_theirs) && take_u16(&rest, &len) &&
		take_octets(&rest, len, &text))
		note(" %u%c%.*s;", index, signs[outcome], BYTES_ARG(text));
	assert_int_equal(rest.len, 0);
	note("\n");
	stop_when_done();
}

static void
on_tls_session(const struct ipc_tls_session *m)
{
	note("{%.*s %s %s %.*s %.*s %.*s %.*s: %.*s}", BYTES_ARG(m->domain), tlsrpt_policy_type_name(m->policy_type), tlsrpt_result_name(m->result),
		BYTES_ARG(m->mx), BYTES_ARG(m->sending_ip), BYTES_ARG(m->receiving_ip), BYTES_ARG(m->helo), BYTES_ARG(m->reason));
	assert_true(m->policy.len > 0 || m->policy_type != TLSRPT_TLSA || m->result == TLSRPT_DNSSEC_INVALID);
}

static void
on_targets(const struct ipc_targets *m)
{
	struct bytes rest = m->targets, target;
	uint16_t len;
	uint8_t kind;

	note("targets %u", m->answer);
	while (take_u8(&rest, &kind) && take_u16(&rest, &len) && take_octets(&rest, len, &target))
		note(" %u=%.*s", kind, BYTES_ARG(target));
	assert_int_equal(rest.len, 0);
	note(" end\n");
	stop_when_done();
}

static void
queue_message(void *arg, struct peer *p, const struct message *m)
{
	(void)arg, (void)p;
	if (m->type == MESSAGE_TLS_SESSION)
		on_tls_session(&m->u.tls_session);
	if (m->type == MESSAGE_SENT)
		on_sent(&m->u.sent);
	if (m->type == MESSAGE_KEEP_POLICY) {
		note("[%.*s %.*s %zu]", BYTES_ARG(m->u.keep_policy.domain), BYTES_ARG(m->u.keep_policy.id), m->u.keep_policy.text.len);
		stop_when_done();
	}
}

static void
on_answer(void *arg, const struct message *m)
{
	(void)arg;
	if (m && m->type == MESSAGE_PLANNED) {
		note("planned\n%.*send\n", BYTES_ARG(m->u.planned.lines));
		stop_when_done();
	} else if (m && m->type == MESSAGE_TARGETS) {
		on_targets(&m->u.targets);
	} else if (m && m->type == MESSAGE_REPORT_POSTED) {
		note("posted %u %.*s end\n", m->u.report_posted.outcome, BYTES_ARG(m->u.report_posted.reason));
		stop_when_done();
	} else if (m) {
		on_sent(&m->u.sent);
	}
}

void
find_targets(const char *domain)
{
	struct message m = { .type = MESSAGE_FIND_TARGETS };

	m.u.find_targets = (struct ipc_find_targets){ .request = peer_request_id(queue), .domain = bytes_text(domain) };
	peer_request(queue, &m, m.u.find_targets.request, 60000, on_answer, NULL);
}

void
post_report(const char *url, const char *octets)
{
	struct message m = { .type = MESSAGE_POST_REPORT };

	m.u.post_report = (struct ipc_post_report){ .request = peer_request_id(queue), .url = bytes_text(url), .octets = bytes_text(octets) };
	peer_request(queue, &m, m.u.post_report.request, 60000, on_answer, NULL);
}

void
ask_for_plan(enum ipc_hop hop, const char *host)
{
	struct message m = { .type = MESSAGE_PLAN };

	m.u.plan = (struct ipc_plan){ .request = peer_request_id(queue), .hop = (uint8_t)hop, .host = bytes_text(host), .sender = bytes_text(sender) };
	peer_request(queue, &m, m.u.plan.request, 60000, on_answer, NULL);
}

static void
put_mx(struct bytes list, struct buf *out)
{
	while (list.len) {
		struct bytes entry = bytes_trim(take_until(&list, ','));
		uint64_t preference;

		assert_true(take_number(&entry, 65535, &preference));
		take_spaces(&entry);
		put_u16(out, (uint16_t)preference);
		put_u16(out, (uint16_t)entry.len);
		put_bytes(out, entry);
	}
}

static void
put_addresses(struct bytes list, int family, struct buf *out)
{
	while (list.len) {
		struct bytes entry = bytes_trim(take_until(&list, ','));
		char text[64];
		uint8_t octets[16];

		snprintf(text, sizeof text, "%.*s", BYTES_ARG(entry));
		assert_int_equal(inet_pton(family, text, octets), 1);
		put_bytes(out, bytes_of(octets, family == AF_INET ? 4 : 16));
	}
}

static void
put_tlsa(struct bytes record, struct buf *out)
{
	uint64_t fields[3];
	struct buf octets;

	for (size_t i = 0; i < 3; i++) {
		assert_true(take_number(&record, 255, &fields[i]));
		take_spaces(&record);
		put_u8(out, (uint8_t)fields[i]);
	}
	buf_init(&octets, 1000);
	for (; record.len >= 2; record = bytes_sub(record, 2, record.len)) {
		char digits[3] = { (char)record.ptr[0], (char)record.ptr[1], '\0' };

		put_u8(&octets, (uint8_t)strtoul(digits, NULL, 16));
	}
	put_u16(out, (uint16_t)octets.len);
	put_bytes(out, buf_bytes(&octets));
	buf_done(&octets);
}

static void
put_txt(struct bytes text, struct buf *out)
{
	put_u16(out, (uint16_t)text.len);
	put_bytes(out, text);
}

/* What the zone says; nothing: ANSWER_NO_RECORD. */
static enum ipc_answer
look_up(const struct ipc_look_up *m, struct buf *out)
{
	static const char *const kinds[IPC_RECORDS] = { [RECORD_A] = "A", [RECORD_AAAA] = "AAAA", [RECORD_MX] = "MX",
		[RECORD_TLSA] = "TLSA", [RECORD_TXT] = "TXT", [RECORD_CNAME] = "CNAME" };
	struct bytes rest = bytes_text(zone);

	while (rest.len) {
		struct bytes line = take_until(&rest, '\n'), kind = take_until(&line, ' '), name = take_until(&line, ' ');

		if (!bytes_equal(name, m->name) || bytes_equal(kind, BYTES("INSECURE")))
			continue;
		if (bytes_equal(kind, BYTES("NONE")))
			return ANSWER_NO_NAME;
		if (bytes_equal(kind, BYTES("LATER")) || (m->record == RECORD_AAAA && bytes_equal(kind, BYTES("LATER-AAAA"))))
			return ANSWER_LATER;
		if (!bytes_equal(kind, bytes_text(kinds[m->record])))
			continue;
		if (m->record == RECORD_MX)
			put_mx(line, out);
		else if (m->record == RECORD_TLSA)
			put_tlsa(line, out);
		else if (m->record == RECORD_TXT || m->record == RECORD_CNAME)
			put_txt(line, out);
		else
			put_addresses(line, m->record == RECORD_A ? AF_INET : AF_INET6, out);
		return ANSWER_FOUND;
	}
	return ANSWER_NO_RECORD;
}

static bool
is_signed(struct bytes name)
{
	struct bytes rest = bytes_text(zone);
	bool is = take_text(&rest, BYTES("SIGNED\n"));

	while (rest.len) {
		struct bytes line = take_until(&rest, '\n');

		is &= !(take_text(&line, BYTES("INSECURE ")) && bytes_equal(line, name));
	}
	return is;
}

/* Where the name leads as an alias, or it itself. */
static struct bytes
follow_alias(struct bytes name)
{
	struct bytes rest = bytes_text(zone);

	while (rest.len) {
		struct bytes line = take_until(&rest, '\n');

		if (take_text(&line, BYTES("CNAME ")) && bytes_equal(take_until(&line, ' '), name))
			return line;
	}
	return name;
}

static void
resolver_message(void *arg, struct peer *p, const struct message *m)
{
	struct message answer = { .type = MESSAGE_LOOKED_UP };
	struct ipc_look_up question = m->u.look_up;
	struct buf records;

	(void)arg;
	buf_init(&records, 32768);
	answer.u.looked_up.request = question.request;
	if (question.record != RECORD_CNAME)
		question.name = follow_alias(question.name);
	if (!bytes_equal(question.name, m->u.look_up.name))
		answer.u.looked_up.canonical = question.name;
	answer.u.looked_up.answer = (uint8_t)look_up(&question, &records);
	answer.u.looked_up.is_authentic = is_signed(question.name);
	answer.u.looked_up.records = buf_bytes(&records);
	assert_int_equal(peer_send(p, &answer), 0);
	buf_done(&records);
}

static void
role_message(void *arg, struct peer *p, const struct message *m)
{
	(void)arg;
	relay_hooks.message(&self, p, m);
}

static void
role_lost(void *arg, struct peer *p)
{
	(void)arg;
	relay_hooks.peer_lost(&self, p);
	note("[lost]");
	stop_when_done();
}

static void
other_lost(void *arg, struct peer *p)
{
	(void)arg, (void)p;
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
	timer_start(&stop, 30, 0);
	loop_run(loop);
	timer_stop(&stop);
}

static void
run_for(const char *what, const char *where)
{
	for (int turn = 0; turn < 10 && !strstr(where, what); turn++) {
		timer_start(&stop, 3000, 0);
		loop_run(loop);
		timer_stop(&stop);
	}
	until = until_event = NULL;
	if (!strstr(where, what))
		fail_msg("no \"%s\" in:\n%s\n%s", what, trace, events);
}

void
run_until(const char *what)
{
	until = what;
	run_for(what, trace);
}

void
run_until_event(const char *what)
{
	until_event = what;
	run_for(what, events);
}

static void
connect_pair(struct peer *role_end, struct peer *other)
{
	struct fault f;
	int fds[2];

	assert_int_equal(channel_pair(fds, &f), 0);
	peer_connect(other, fds[0]);
	peer_connect(role_end, fds[1]);
	relay_hooks.peer_connected(&self, role_end);
}

void
connect_queue(void)
{
	static const struct peer_handlers in_role = { role_message, role_lost }, in_queue = { queue_message, other_lost };

	peer_free(&queue);
	if (!of_queue)
		of_queue = peer_new(loop, ROLE_RELAY, ROLE_QUEUE, 0, &in_role, NULL);
	queue = peer_new(loop, ROLE_QUEUE, ROLE_RELAY, 0, &in_queue, NULL);
	connect_pair(of_queue, queue);
}

void
connect_peers(void)
{
	static const struct peer_handlers in_role = { role_message, role_lost };
	static const struct peer_handlers in_resolver = { resolver_message, other_lost };

	peer_free(&of_resolver);
	peer_free(&resolver);
	of_resolver = peer_new(loop, ROLE_RELAY, ROLE_RESOLVER, 0, &in_role, NULL);
	resolver = peer_new(loop, ROLE_RESOLVER, ROLE_RELAY, 0, &in_resolver, NULL);
	connect_pair(of_resolver, resolver);
	connect_queue();
}

void
set_dns(const char *text)
{
	zone = text;
}

void
set_flags(uint32_t flags)
{
	send_flags = flags;
}

void
set_sender(const char *address)
{
	sender = address;
}

void
set_message(struct bytes octets)
{
	message = octets;
	message_size = octets.len;
}

void
set_size(uint64_t octets)
{
	message_size = octets;
}

void
serve(const char *address, const char *const *scripts)
{
	size_t at = 0;

	while (servers[at])
		at++;
	assert_true(at < SERVERS_MAX);
	servers[at] = server_new(loop, address, port, scripts);
	port = server_port(servers[at]);
}

void
send_raw(uint64_t request, enum ipc_hop hop, const char *host, struct bytes list)
{
	struct message m = { .type = MESSAGE_SEND, .fd_count = 1 };
	struct fault f;

	m.u.send = (struct ipc_send){ .request = request, .mail_id = BYTES("01ARZ3NDEKTSV4RRFFQ69G5FAV"), .hop = (uint8_t)hop,
		.host = bytes_text(host), .port = port, .sender = bytes_text(sender), .size = message_size, .recipients = list,
		.flags = send_flags };
	m.fds[0] = process_memory_file("message", message.ptr, message.len, &f);
	assert_true(m.fds[0] >= 0);
	peer_request(queue, &m, request, 60000, on_answer, NULL);
	net_close(m.fds[0]);
}

void
send_to(uint64_t request, enum ipc_hop hop, const char *host, const char *recipients)
{
	struct bytes rest = bytes_text(recipients);
	struct buf list;

	buf_init(&list, 65536);
	while (rest.len) {
		struct bytes one = take_until(&rest, ' ');

		put_u16(&list, (uint16_t)one.len);
		put_bytes(&list, one);
		put_u16(&list, 0);
	}
	send_raw(request, hop, host, buf_bytes(&list));
	buf_done(&list);
}

uint16_t
port_of_servers(void)
{
	return port;
}

/* The servers' certificate is one to trust. */
static void
write_trusted(char path[32])
{
	int fd;

	snprintf(path, 32, "/tmp/mermoz-relay-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, testing_chain, strlen(testing_chain)), strlen(testing_chain));
	close(fd);
}

int
set_up(void **state)
{
	char trusted[32];

	static const struct event_sink sink = { .write = keep_event, .now_us = time_wall_us, .role = "relay",
		.least = LEVEL_INFO };
	struct fault f;

	(void)state;
	trace[0] = events[0] = '\0';
	zone = "";
	port = 0;
	set_message(BYTES("Subject: x\n\n.hi\n"));
	send_flags = 0;
	sender = "a@us.example";
	event_set_sink(&sink);
	loop = loop_new();
	timer_init(&stop, loop, on_stop);
	config = (struct config){ .hostname = BYTES("us.example"), .request_timeout_ms = 20000, .outgoing_max = 10,
		.outgoing_per_host_max = 2, .outgoing_loopback = OUTGOING_LOOPBACK_YES };
	self = (struct role_self){ .role = ROLE_RELAY, .loop = loop, .config = &config };
	write_trusted(trusted);
	config.outgoing_ca_file = bytes_text(trusted);
	assert_int_equal(relay_hooks.before_jail(&self, &f), 0);
	unlink(trusted);
	config.outgoing_ca_file = BYTES_NONE;
	assert_int_equal(relay_hooks.start(&self, &f), 0);
	connect_peers();
	return 0;
}

int
tear_down(void **state)
{
	(void)state;
	relay_hooks.end(&self);
	for (size_t i = 0; i < SERVERS_MAX; i++)
		server_free(&servers[i]);
	peer_free(&of_queue);
	peer_free(&queue);
	peer_free(&of_resolver);
	peer_free(&resolver);
	loop_free(&loop);
	return 0;
}
