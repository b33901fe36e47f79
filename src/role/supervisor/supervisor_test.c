#include "role/supervisor/test_support.h"

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
	assert_int_equal(count_in_log(" role.started "), process_count());
	assert_int_equal(count_in_log(" role.sandbox "), process_count());
	assert_int_equal(count_in_log("seccomp=yes"), process_count());
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
all_fronts_have_one_ticket_key_and_who_comes_back_too(void **state)
{
	char key[9];

	(void)state;
	start_server();
	wait_for(" server.started ");
	log_at = 0;
	(void)snprintf(key, sizeof key, "%.8s", wait_for("test=tickets value="));
	wait_for("test=tickets value=");
	kill(pid_of("front index=1"), SIGKILL);
	wait_for("died=front index=1");
	assert_memory_equal(wait_for("test=tickets value="), key, 8);
	stop_server();
	assert_int_equal(count_in_log("test=tickets"), 3);
	assert_int_equal(count_in_log(key), 3);
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
	/* A flag of what is shared: a front that accepts all there are does not wait for one more. */
	assert_true(fcntl(listener, F_GETFL) & O_NONBLOCK);
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
while_roles_finish_clients_are_refused_and_a_second_signal_ends_what_hangs(void **state)
{
	(void)state;
	write_config("hang.example", port, "");
	start_server();
	wait_for(" server.started ");
	kill(server, SIGINT);
	wait_for(" server.stopping ");
	wait_for("test=drain value=front");
	wait_for("test=drain value=front");
	for (int i = 0; i < 1000 && connects(port); i++)
		time_sleep_ms(1);
	assert_false(connects(port));
	kill(server, SIGINT);
	wait_for(" role.killed ");
	assert_int_equal(server_exit(), 0);
	assert_int_equal(count_in_log(" role.died "), 0);
}

static void
a_role_that_ends_badly_while_the_server_stops_is_told_of_and_the_exit_code_says_so(void **state)
{
	(void)state;
	write_config("abort.example", port, "");
	start_server();
	wait_for(" server.started ");
	kill(server, SIGTERM);
	assert_int_equal(server_exit(), 1);
	assert_int_equal(count_in_log(" role.died "), 2);
	log_at = 0;
	wait_for(" role.died ");
	assert_non_null(strstr(log_text, "died=store index=0"));
	assert_non_null(strstr(log_text, "by=\"signal 6\""));
	assert_non_null(strstr(log_text, "died=queue index=0"));
	assert_non_null(strstr(log_text, "by=\"exit 3\""));
	assert_int_equal(count_in_log(" server.stopped "), 1);
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
		TEST(all_fronts_have_one_ticket_key_and_who_comes_back_too),
		TEST(a_role_that_can_not_start_is_tried_again_ever_later_and_never_silently),
		TEST(a_second_server_on_the_same_directory_is_refused_with_a_sentence),
		TEST(a_socket_that_is_taken_keeps_the_server_from_starting),
		TEST(systemd_hands_over_sockets_and_hears_when_the_server_is_ready),
		TEST(a_broken_configuration_keeps_the_server_from_starting),
		TEST(while_roles_finish_clients_are_refused_and_a_second_signal_ends_what_hangs),
		TEST(a_role_that_ends_badly_while_the_server_stops_is_told_of_and_the_exit_code_says_so),
		TEST(when_the_supervisor_is_killed_no_role_stays),
	};

	if (argc == 3 && strcmp(argv[1], "role") == 0)
		return role_run(ipc_role_by_name(bytes_text(argv[2])), &fake_hooks);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
