/* A real supervisor in a child process, with roles of our own: started again as `role NAME`, this
   program is that role.  What happens is read from the events on standard error. */
#ifndef ROLE_SUPERVISOR_TEST_SUPPORT_H
#define ROLE_SUPERVISOR_TEST_SUPPORT_H

#include "role/supervisor/supervisor.h"

#include "base/event.h"
#include "role/role.h"
#include "role/roles.h"
#include "sys/net.h"
#include "sys/time.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* --- the roles ------------------------------------------------------------------------------- */

static void
say(const char *what, struct bytes value)
{
	event(NULL, EV_ACCOUNT_CHANGED, STR("test", what), TEXT("value", value));
}

static bool
is_host(const struct role_self *r, const char *name)
{
	return bytes_equal(r->config->hostname, bytes_text(name));
}

static int
fake_start(struct role_self *r, struct fault *f)
{
	if (r->role == ROLE_STORE && is_host(r, "fail.example"))
		return fault_set(f, FAULT_TEMP, "told to fail");
	return 0;
}

static int
fake_reload(struct role_self *r, const struct config *old, struct fault *f)
{
	(void)old;
	if (r->role == ROLE_STORE && is_host(r, "refuse.example"))
		return fault_set(f, FAULT_PERM, "told to refuse");
	say("reloaded", r->config->hostname);
	return 0;
}

static void
fake_listen(struct role_self *r, const struct role_listener *l)
{
	bool is_control = l->service == SERVICE_CONTROL || l->service == SERVICE_QUEUE_CONTROL;

	(void)r;
	say("listen", is_control ? bytes_text(ipc_service_name(l->service)) : l->address);
}

static void
fake_unlisten(struct role_self *r, const struct role_listener *l)
{
	(void)r;
	say("unlisten", l->address);
}

static void
on_resolved(void *arg, const struct message *m)
{
	(void)arg;
	say("resolved", m ? m->u.resolved.targets : BYTES("nobody"));
}

static void
fake_connected(struct role_self *r, struct peer *p)
{
	struct message m = { .type = MESSAGE_RESOLVE };

	if (r->role != ROLE_FRONT || peer_role(p) != ROLE_DIRECTORY)
		return;
	m.u.resolve.request = peer_request_id(p);
	peer_request(p, &m, m.u.resolve.request, 5000, on_resolved, NULL);
}

/* Its first octets go over the wire in the clear. */
static void
say_name_of_key(struct bytes secret_key)
{
	char text[9] = "";

	assert_int_equal(secret_key.len, IPC_TICKET_KEY_OCTETS);
	(void)snprintf(text, sizeof text, "%02x%02x%02x%02x", secret_key.ptr[0], secret_key.ptr[1], secret_key.ptr[2],
		secret_key.ptr[3]);
	say("tickets", bytes_text(text));
}

static void
fake_message(struct role_self *r, struct peer *p, const struct message *m)
{
	struct message answer = { .type = MESSAGE_RESOLVED };

	if (m->type == MESSAGE_TICKET_KEYS) {
		say_name_of_key(m->u.ticket_keys.secret_current);
		return;
	}
	assert_int_equal(r->role, ROLE_DIRECTORY);
	answer.u.resolved.request = m->u.resolve.request;
	answer.u.resolved.targets = BYTES("somebody");
	/* The front may have ended meanwhile. */
	(void)!peer_send(p, &answer);
}

static void
fake_lost(struct role_self *r, struct peer *p)
{
	(void)r;
	say("lost", bytes_text(ipc_role_name(peer_role(p))));
}

static void
fake_drain(struct role_self *r, uint32_t within_ms)
{
	(void)within_ms;
	say("drain", bytes_text(ipc_role_name(r->role)));
	if (r->role == ROLE_STORE && is_host(r, "abort.example"))
		abort();
	if (r->role == ROLE_QUEUE && is_host(r, "abort.example"))
		_exit(3);
	if (!is_host(r, "hang.example"))
		role_end(r);
}

static const struct role_hooks fake_hooks = {
	.start = fake_start,
	.reload = fake_reload,
	.listen = fake_listen,
	.unlisten = fake_unlisten,
	.peer_connected = fake_connected,
	.message = fake_message,
	.peer_lost = fake_lost,
	.drain = fake_drain,
};

/* --- the server ------------------------------------------------------------------------------ */

static char dir[64], config_path[96];
static int port, port_2;
static pid_t server;
static int log_fd;
static char log_text[200000];
static size_t log_len, log_at;

static int
free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	close(fd);
	return ntohs(a.sin_port);
}

static void
write_config(const char *hostname, int listen_port, const char *more)
{
	FILE *f = fopen(config_path, "w");

	assert_non_null(f);
	fprintf(f,
		"hostname %s;\ndomain a.example;\nrun_directory %s/run;\nstate_directory %s/state;\n"
		"mailboxes maildir %s/mail/%%d/%%u;\nuser front nobody;\nuser directory nobody;\n"
		"user store nobody;\nfronts 2;\nlisten smtp 127.0.0.1:%d;\n%s\n",
		hostname, dir, dir, dir, listen_port, more);
	fclose(f);
}

/* As systemd would: the socket is descriptor 3 and blocking, its name in the environment. */
static void
hand_over(int listener)
{
	char pid[32];

	assert_int_equal(dup2(listener, 3), 3);
	assert_int_equal(fcntl(3, F_SETFL, fcntl(3, F_GETFL) & ~O_NONBLOCK), 0);
	(void)snprintf(pid, sizeof pid, "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	setenv("LISTEN_FDNAMES", "smtp", 1);
}

/* listener: a socket to hand over, or -1. */
static void
start_server_with(int listener)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	fflush(NULL);
	server = fork();
	if (server == 0) {
		/* The leak check of the sanitizer can't run in the jail of the roles. */
		setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
		dup2(ends[1], 2);
		if (listener != -1)
			hand_over(listener);
		exit(supervisor_run(config_path));
	}
	close(ends[1]);
	log_fd = ends[0];
	log_len = log_at = 0;
}

static void
start_server(void)
{
	start_server_with(-1);
}

static bool
read_log(int within_ms)
{
	struct pollfd p = { .fd = log_fd, .events = POLLIN };
	ssize_t got;

	if (poll(&p, 1, within_ms) != 1)
		return false;
	got = read(log_fd, log_text + log_len, sizeof log_text - 1 - log_len);
	if (got <= 0)
		return false;
	log_len += (size_t)got;
	log_text[log_len] = '\0';
	return true;
}

/* Waits for the text behind what was waited for before. */
static const char *
wait_for(const char *text)
{
	for (;;) {
		const char *at = log_len > log_at ? strstr(log_text + log_at, text) : NULL;

		if (at) {
			log_at = (size_t)(at - log_text) + strlen(text);
			return log_text + log_at;
		}
		if (!read_log(15000)) {
			print_error("no \"%s\" behind octet %zu of:\n%s\n", text, log_at, log_text);
			kill(server, SIGKILL);
			fail();
		}
	}
}

/* How many processes the configuration of write_config makes. */
static int
process_count(void)
{
	const struct config c = { .fronts = 2 };
	int count = 0;

	for (enum role role = 0; role < ROLE_COUNT; role++)
		count += roles_count(&c, role);
	return count;
}

static int
count_in_log(const char *text)
{
	int count = 0;

	for (const char *at = log_text; (at = strstr(at, text)); at++)
		count++;
	return count;
}

static pid_t __attribute__((unused))
pid_of(const char *started)
{
	char text[64];

	(void)snprintf(text, sizeof text, "started=%s process=", started);
	log_at = 0;
	return (pid_t)strtol(wait_for(text), NULL, 10);
}

static int
server_exit(void)
{
	int status;

	while (read_log(15000))
		;
	assert_int_equal(waitpid(server, &status, 0), server);
	close(log_fd);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
stop_server(void)
{
	int code;

	kill(server, SIGTERM);
	code = server_exit();
	if (code != 0)
		(void)fputs(log_text, stderr);
	assert_int_equal(code, 0);
	assert_non_null(strstr(log_text, " server.stopped "));
}

static bool
connects(int to)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)to),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool result = connect(fd, (struct sockaddr *)&a, sizeof a) == 0;

	close(fd);
	return result;
}

static int
set_up(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/mermoz-supervisor-XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chmod(dir, 0755), 0);
	(void)snprintf(config_path, sizeof config_path, "%s/mermoz.conf", dir);
	port = free_port();
	port_2 = free_port();
	write_config("a.example", port, "");
	log_text[0] = '\0';
	return 0;
}

static int
tear_down(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

#endif
