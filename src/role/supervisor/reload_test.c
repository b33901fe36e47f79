#include "role/supervisor/test_support.h"

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
	assert_int_equal(count_in_log("test=reloaded value=b.example"), process_count());
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
	for (int i = 0; i < process_count() - 1; i++)
		wait_for("test=reloaded value=a.example");
	assert_true(connects(port));
	assert_false(connects(port_2));
	stop_server();
	assert_int_equal(count_in_log("test=reloaded value=refuse.example"), process_count() - 1);
	assert_int_equal(count_in_log(" config.reloaded "), 0);
}

int
main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_reload_reaches_every_role_and_changes_the_sockets),
		TEST(a_reload_with_errors_names_their_places_and_changes_nothing),
		TEST(what_one_role_refuses_is_taken_back_from_all),
	};

	if (argc == 3 && strcmp(argv[1], "role") == 0)
		return role_run(ipc_role_by_name(bytes_text(argv[2])), &fake_hooks);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
