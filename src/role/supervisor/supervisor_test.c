/* A real supervisor in a child process, with roles of our own: started again as `role NAME`, this
   program is that role.  What happens is read from the events on standard error. */
#include "role/supervisor/supervisor.h"

#include "base/event.h"
#include "role/role.h"
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
	(void)r;
	if (l->service != SERVICE_CONTROL)
		say("listen", l->address);
	else
		say("listen", BYTES("control"));
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

static void
fake_message(struct role_self *r, struct peer *p, const struct message *m)
{
	struct message answer = { .type = MESSAGE_RESOLVED };

	assert_int_equal(r->role, ROLE_DIRECTORY);
	answer.u.resolved.request = m->u.resolve.request;
	answer.u.resolved.targets = BYTES("somebody");
	assert_int_equal(peer_send(p, &answer), 0);
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

/* As systemd would: the socket is descriptor 3, its name in the environment. */
static void
hand_over(int listener)
{
	char pid[32];

	assert_int_equal(dup2(listener, 3), 3);
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

static int
count_in_log(const char *text)
{
	int count = 0;

	for (const char *at = log_text; (at = strstr(at, text)); at++)
		count++;
	return count;
}

static pid_t
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
	kill(server, SIGTERM);
	assert_int_equal(server_exit(), 0);
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

/* --- the tests ------------------------------------------------------------------------------- */

static void
all_roles_start_jailed_and_wired_and_stop_in_order(void **state)
{
	(void)state;
	start_server();
	wait_for(" server.started ");
	assert_true(connects(port));
	log_at = 0;
	wait_for("test=resolved value=somebody");
	wait_for("test=resolved value=somebody");
	stop_server();
	assert_int_equal(count_in_log(" role.started "), 4);
	assert_int_equal(count_in_log(" role.sandbox "), 4);
	assert_int_equal(count_in_log("seccomp=yes"), 4);
	assert_int_equal(count_in_log("test=listen value=127.0.0.1"), 2);
	assert_int_equal(count_in_log("test=listen value=control"), 1);
	assert_int_equal(count_in_log(" role.died "), 0);
	assert_int_equal(count_in_log(" channel.lost "), 0);
	const char *store_drain = strstr(log_text, "test=drain value=store");
	assert_non_null(store_drain);
	/* Both fronts before the store. */
	assert_null(strstr(store_drain, "test=drain value=front"));
	assert_int_equal(count_in_log("test=drain value=front"), 2);
	assert_false(connects(port));
}

static void
a_role_that_is_killed_is_started_and_wired_again(void **state)
{
	(void)state;
	start_server();
	wait_for(" server.started ");
	log_at = 0;
	wait_for("test=resolved value=somebody");
	wait_for("test=resolved value=somebody");
	size_t behind = log_at;
	kill(pid_of("directory index=0"), SIGKILL);
	wait_for("died=directory index=0");
	wait_for("by=\"signal 9\" again_in_ms=0");
	wait_for("started=directory index=0");
	log_at = behind;
	wait_for("test=resolved value=somebody");
	wait_for("test=resolved value=somebody");
	stop_server();
	assert_true(count_in_log("test=lost value=directory") >= 3);
	assert_int_equal(count_in_log(" server.started "), 1);
}

static void
a_killed_front_comes_back_with_its_sockets(void **state)
{
	(void)state;
	start_server();
	wait_for(" server.started ");
	kill(pid_of("front index=1"), SIGKILL);
	wait_for("died=front index=1");
	wait_for("test=listen value=127.0.0.1");
	wait_for("started=front index=1");
	assert_true(connects(port));
	stop_server();
}

static void
a_role_that_can_not_start_is_tried_again_ever_later_and_never_silently(void **state)
{
	(void)state;
	write_config("fail.example", port, "");
	start_server();
	wait_for(" role.failed ");
	wait_for("at=start error=\"told to fail\"");
	wait_for("died=store index=0");
	wait_for("by=\"exit 1\" again_in_ms=0");
	wait_for("again_in_ms=100");
	wait_for("again_in_ms=200");
	wait_for("again_in_ms=400");
	stop_server();
	assert_int_equal(count_in_log(" server.started "), 0);
}

static void
a_reload_reaches_every_role_and_changes_the_sockets(void **state)
{
	char want[64];

	(void)state;
	start_server();
	wait_for(" server.started ");
	write_config("b.example", port_2, "");
	kill(server, SIGHUP);
	wait_for(" config.reloaded ");
	(void)snprintf(want, sizeof want, "test=listen value=127.0.0.1:%d", port_2);
	log_at = 0;
	wait_for(want);
	wait_for(want);
	assert_true(connects(port_2));
	log_at = 0;
	wait_for("test=unlisten");
	wait_for("test=unlisten");
	/* The last of them closes it when it has said so. */
	for (int i = 0; i < 5000 && connects(port); i++)
		time_sleep_ms(1);
	assert_false(connects(port));
	stop_server();
	assert_int_equal(count_in_log("test=reloaded value=b.example"), 4);
}

static void
a_reload_with_errors_names_their_places_and_changes_nothing(void **state)
{
	(void)state;
	start_server();
	wait_for(" server.started ");
	write_config("b.example", port_2, "nonsense 1;\nlog { level loud; }");
	kill(server, SIGHUP);
	wait_for(" config.refused ");
	wait_for("line=11 column=1");
	wait_for(" config.refused ");
	wait_for("line=12 column=");
	write_config("b.example", port_2, "store_threads 3;");
	kill(server, SIGHUP);
	wait_for("store_threads");
	assert_true(connects(port));
	assert_false(connects(port_2));
	stop_server();
	assert_int_equal(count_in_log("test=reloaded"), 0);
}

static void
what_one_role_refuses_is_taken_back_from_all(void **state)
{
	(void)state;
	start_server();
	wait_for(" server.started ");
	write_config("refuse.example", port_2, "");
	kill(server, SIGHUP);
	wait_for("error=\"store: told to refuse\"");
	log_at = 0;
	for (int i = 0; i < 3; i++)
		wait_for("test=reloaded value=a.example");
	assert_true(connects(port));
	assert_false(connects(port_2));
	stop_server();
	assert_int_equal(count_in_log("test=reloaded value=refuse.example"), 3);
	assert_int_equal(count_in_log(" config.reloaded "), 0);
}

static void
a_second_server_on_the_same_directory_is_refused_with_a_sentence(void **state)
{
	char want[128];

	(void)state;
	start_server();
	wait_for(" server.started ");
	pid_t first = server;
	int first_log = log_fd;
	start_server();
	assert_int_equal(server_exit(), 1);
	(void)snprintf(want, sizeof want, "another mermoz (process %d) serves in %s/run already", (int)first,
		dir);
	assert_non_null(strstr(log_text, want));
	server = first;
	log_fd = first_log;
	stop_server();
	start_server();
	wait_for(" server.started ");
	stop_server();
}

static void
a_socket_that_is_taken_keeps_the_server_from_starting(void **state)
{
	struct net_address a;
	struct fault f;
	char text[64];

	(void)state;
	(void)snprintf(text, sizeof text, "127.0.0.1:%d", port);
	assert_int_equal(net_address_parse(bytes_text(text), 0, &a, &f), 0);
	int fd = net_listen(&a, 5, &f);
	start_server();
	assert_int_equal(server_exit(), 1);
	assert_non_null(strstr(log_text, "listen on 127.0.0.1:"));
	close(fd);
}

static void
systemd_hands_over_sockets_and_hears_when_the_server_is_ready(void **state)
{
	char name[96], got[32] = "", text[64];
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct net_address address;
	struct fault f;

	(void)state;
	(void)snprintf(name, sizeof name, "%s/notify", dir);
	memcpy(a.sun_path, name, strlen(name) + 1);
	int notify = socket(AF_UNIX, SOCK_DGRAM, 0);
	assert_int_equal(bind(notify, (struct sockaddr *)&a, sizeof a), 0);
	(void)snprintf(text, sizeof text, "127.0.0.1:%d", port);
	assert_int_equal(net_address_parse(bytes_text(text), 0, &address, &f), 0);
	int listener = net_listen(&address, 5, &f);
	assert_true(listener >= 0);
	setenv("NOTIFY_SOCKET", name, 1);
	start_server_with(listener);
	unsetenv("NOTIFY_SOCKET");
	wait_for(" server.started ");
	assert_int_equal(recv(notify, got, sizeof got - 1, 0), 7);
	assert_string_equal(got, "READY=1");
	close(listener);
	assert_true(connects(port));
	stop_server();
	assert_int_equal(recv(notify, got, sizeof got - 1, 0), 10);
	assert_memory_equal(got, "STOPPING=1", 10);
	close(notify);
	assert_false(connects(port));
}

static void
a_broken_configuration_keeps_the_server_from_starting(void **state)
{
	char want[128];

	(void)state;
	write_config("a.example", port, "nonsense 1;");
	start_server();
	assert_int_equal(server_exit(), 1);
	(void)snprintf(want, sizeof want, "%s:11:1: ", config_path);
	assert_non_null(strstr(log_text, want));
}

static void
a_second_signal_ends_what_hangs(void **state)
{
	(void)state;
	write_config("hang.example", port, "");
	start_server();
	wait_for(" server.started ");
	kill(server, SIGINT);
	wait_for(" server.stopping ");
	wait_for("test=drain value=front");
	wait_for("test=drain value=front");
	kill(server, SIGINT);
	wait_for(" role.killed ");
	assert_int_equal(server_exit(), 0);
}

static void
when_the_supervisor_is_killed_no_role_stays(void **state)
{
	(void)state;
	start_server();
	wait_for(" server.started ");
	pid_t store = pid_of("store index=0"), front = pid_of("front index=0");
	kill(server, SIGKILL);
	/* The end of the log is when the last role that holds it is gone. */
	while (read_log(15000))
		;
	assert_int_equal(waitpid(server, NULL, 0), server);
	for (int i = 0; i < 5000 && (kill(store, 0) == 0 || kill(front, 0) == 0); i++)
		time_sleep_ms(1);
	assert_int_equal(kill(store, 0), -1);
	assert_int_equal(kill(front, 0), -1);
	close(log_fd);
	start_server();
	wait_for(" server.started ");
	stop_server();
}

int
main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(all_roles_start_jailed_and_wired_and_stop_in_order),
		TEST(a_role_that_is_killed_is_started_and_wired_again),
		TEST(a_killed_front_comes_back_with_its_sockets),
		TEST(a_role_that_can_not_start_is_tried_again_ever_later_and_never_silently),
		TEST(a_reload_reaches_every_role_and_changes_the_sockets),
		TEST(a_reload_with_errors_names_their_places_and_changes_nothing),
		TEST(what_one_role_refuses_is_taken_back_from_all),
		TEST(a_second_server_on_the_same_directory_is_refused_with_a_sentence),
		TEST(a_socket_that_is_taken_keeps_the_server_from_starting),
		TEST(systemd_hands_over_sockets_and_hears_when_the_server_is_ready),
		TEST(a_broken_configuration_keeps_the_server_from_starting),
		TEST(a_second_signal_ends_what_hangs),
		TEST(when_the_supervisor_is_killed_no_role_stays),
	};

	if (argc == 3 && strcmp(argv[1], "role") == 0)
		return role_run(ipc_role_by_name(bytes_text(argv[2])), &fake_hooks);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
