#include "config/admission.h"

#include "config/test_support.h"

/* What the directory says, and what a stranger, a trusted network and an account hear. */
struct row {
	const char *address;
	enum ipc_outcome outcome;
	enum admission want[CLIENTS];
};

static void
check_rows(const char *text, const struct row *rows, size_t count)
{
	struct config *c = read_good(text);

	for (size_t i = 0; i < count; i++)
		for (enum admission_client client = 0; client < CLIENTS; client++) {
			enum admission got = admission_decide(c, client, BYTES_NONE, bytes_text(rows[i].address), rows[i].outcome);

			if (got != rows[i].want[client])
				fail_msg("%s, client %d: %d, not %d", rows[i].address, client, got, rows[i].want[client]);
		}
	config_free(&c);
}

static void
only_who_is_known_sends_to_the_world_rfc5321_7_9(void **state)
{
	static const struct row rows[] = {
		{ "a@x.example", IPC_OK, { ADMITTED, ADMITTED, ADMITTED } },
		{ "a@x.example", IPC_FOREIGN, { REFUSED_RELAYING, ADMITTED_ONWARD, ADMITTED_ONWARD } },
		{ "a@x.example", IPC_ABSENT, { REFUSED_UNKNOWN, REFUSED_UNKNOWN, REFUSED_UNKNOWN } },
		{ "a@x.example", IPC_INVALID, { REFUSED_UNKNOWN, REFUSED_UNKNOWN, REFUSED_UNKNOWN } },
		{ "a@x.example", IPC_DENIED, { REFUSED_CLOSED, REFUSED_CLOSED, REFUSED_CLOSED } },
		{ "a@x.example", IPC_NO_SPACE, { NO_SPACE_FOR_IT, NO_SPACE_FOR_IT, NO_SPACE_FOR_IT } },
		{ "a@x.example", IPC_LATER, { NOT_NOW, NOT_NOW, NOT_NOW } },
		{ "a@x.example", IPC_OUTCOMES, { NOT_NOW, NOT_NOW, NOT_NOW } },
	};

	(void)state;
	check_rows("", rows, COUNT(rows));
	check_rows("route x.example to mx.x.example; route * to mailboxes;", rows, COUNT(rows));
}

static void
a_route_that_refuses_everybody_else_refuses_nobody_of_ours(void **state)
{
	static const struct row rows[] = {
		{ "a@ours.example", IPC_OK, { ADMITTED, ADMITTED, ADMITTED } },
		{ "a@ours.example", IPC_ABSENT, { REFUSED_UNKNOWN, REFUSED_UNKNOWN, REFUSED_UNKNOWN } },
		{ "a@x.example", IPC_FOREIGN, { REFUSED_RELAYING, REFUSED_BY_ROUTE, REFUSED_BY_ROUTE } },
		{ "a@open.example", IPC_FOREIGN, { REFUSED_RELAYING, ADMITTED_ONWARD, ADMITTED_ONWARD } },
		{ "gone@ours.example", IPC_OK, { REFUSED_BY_ROUTE, REFUSED_BY_ROUTE, REFUSED_BY_ROUTE } },
		{ "a@moved.example", IPC_FOREIGN, { REFUSED_BY_ROUTE, REFUSED_BY_ROUTE, REFUSED_BY_ROUTE } },
		{ "a@moved.example", IPC_LATER, { REFUSED_BY_ROUTE, REFUSED_BY_ROUTE, REFUSED_BY_ROUTE } },
	};
	static const char text[] = "route * to error \"we write to nobody\"; route gone@ours.example to error \"left\";\n"
		"route moved.example to error \"moved\"; route open.example to mx.open.example;";
	struct config *c = read_good(text);

	(void)state;
	check_rows(text, rows, COUNT(rows));
	assert_null(admission_refusal(c, BYTES("a@x.example")));
	assert_null(admission_refusal(c, BYTES("a@open.example")));
	assert_true(bytes_equal(admission_refusal(c, BYTES("GONE@ours.example"))->text, BYTES("left")));
	config_free(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_who_is_known_sends_to_the_world_rfc5321_7_9),
		cmocka_unit_test(a_route_that_refuses_everybody_else_refuses_nobody_of_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
