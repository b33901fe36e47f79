/* The role when a file is gone or another role is away. */
#include "role/queue/queue_test_support.h"

#include "sys/disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void
lose_body(const struct queued *m)
{
	char path[200];

	(void)snprintf(path, sizeof path, "%s/queue/messages/%c/%s", folder, m->id.text[MAIL_ID_LEN - 1], m->id.text);
	assert_int_equal(disk->unlinkat(AT_FDCWD, path, 0), 0);
}

static void
what_has_no_body_any_more_is_held_and_not_sent(void **state)
{
	static struct bytes domains[] = { BYTES_INIT("here.example") };
	struct queue *q = self.state;
	struct queued *m;

	(void)state;
	config.domains = (struct config_texts){ domains, 1 };
	enqueue(1, "a@x.example b@x.example all@here.example", -1);
	run_until_answered(1);
	m = LIST_FIRST(&q->messages);
	while (m->at[0].state != DELIVERY_WAITING || m->at[2].state != DELIVERY_WAITING)
		run_a_little();
	lose_body(m);
	connect_to(ROLE_RELAY);
	connect_to(ROLE_DIRECTORY);
	connect_to(ROLE_STORE);
	for (uint16_t i = 0; i < m->count; i++)
		schedule_hurry(q->schedule, &m->at[i], queue_now_s());
	queue_kick(q);
	run_until_count("queue.gone", 3);
	for (uint16_t i = 0; i < m->count; i++) {
		assert_int_equal(m->at[i].state, DELIVERY_HELD);
		assert_true(bytes_equal(delivery_reply(&m->at[i]), BYTES("451 4.3.0 the message is lost here")));
	}
	assert_int_equal(schedule_active(q->schedule), 0);
	assert_int_equal(schedule_destinations(q->schedule), 0);
	assert_int_equal(sends, 0);
	assert_null(strstr(events, "queue.sent"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_has_no_body_any_more_is_held_and_not_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
