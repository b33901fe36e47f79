/* What an LDAP server that takes connections and says nothing leaves to be seen: who waits, who does not, and for how long. */
#include "role/directory/ldap_bind.h"

#include "base/memory.h"
#include "sys/time.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop *loop;
static struct ldap_bind *binds;
static int listener;
static char url[64];
static struct bytes servers[1];
static size_t told, away;

static void
on_done(void *arg, const struct ldap_bind_answer *answer)
{
	(void)arg;
	told++;
	away += answer->verdict == LDAP_VERDICT_AWAY;
}

/* Nobody accepts: the kernel does, and that is all. */
static int
set_up(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof address;
	struct config config = { .ldap_bind_connections = 2, .ldap_timeout_s = 1 };

	(void)state;
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&address, len) != 0 || listen(listener, 16) != 0
		|| getsockname(listener, (struct sockaddr *)&address, &len) != 0)
		return -1;
	(void)snprintf(url, sizeof url, "ldap://127.0.0.1:%d", ntohs(address.sin_port));
	servers[0] = bytes_text(url);
	config.ldap_servers = (struct config_texts){ servers, 1 };
	told = away = 0;
	loop = loop_new();
	binds = ldap_bind_new(loop, &config);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	ldap_bind_free(&binds);
	loop_free(&loop);
	close(listener);
	return 0;
}

/* The verdict that is given at once; LDAP_VERDICTS: it waits. */
static enum ldap_verdict
try_as(struct bytes dn, struct bytes secret_password, const char *party)
{
	struct ldap_bind_answer answer;

	return ldap_bind_try(binds, &(struct ldap_bind_question){ 1, dn, secret_password, bytes_text(party), false }, &answer, on_done, NULL)
		? LDAP_VERDICTS
		: answer.verdict;
}

static void
rfc_4513_5_1_2_no_bind_is_tried_without_a_password(void **state)
{
	char long_one[1025];

	(void)state;
	memset(long_one, 'x', sizeof long_one);
	assert_int_equal(try_as(BYTES("uid=a"), BYTES(""), ""), LDAP_VERDICT_WRONG);
	assert_int_equal(try_as(BYTES("uid=a"), BYTES("\0"), ""), LDAP_VERDICT_WRONG);
	assert_int_equal(try_as(BYTES("uid=a"), BYTES("a\0b"), ""), LDAP_VERDICT_WRONG);
	assert_int_equal(try_as(BYTES("uid=a"), bytes_of(long_one, sizeof long_one), ""), LDAP_VERDICT_WRONG);
	assert_int_equal(try_as(BYTES(""), BYTES("x"), ""), LDAP_VERDICT_WRONG);
	assert_int_equal(try_as(BYTES("uid=a"), bytes_of(long_one, 1024), ""), LDAP_VERDICTS);
}

static void
a_party_has_its_share_of_the_queue_and_the_queue_an_end(void **state)
{
	char party[16];

	(void)state;
	for (int i = 0; i < LDAP_BIND_WAITING_PARTY_MAX; i++)
		assert_int_equal(try_as(BYTES("uid=a"), BYTES("x"), "one"), LDAP_VERDICTS);
	assert_int_equal(try_as(BYTES("uid=a"), BYTES("x"), "one"), LDAP_VERDICT_LATER);
	for (int i = LDAP_BIND_WAITING_PARTY_MAX; i < LDAP_BIND_WAITING_MAX; i++) {
		(void)snprintf(party, sizeof party, "%d", i);
		assert_int_equal(try_as(BYTES("uid=a"), BYTES("x"), i % 2 ? party : ""), LDAP_VERDICTS);
	}
	assert_int_equal(try_as(BYTES("uid=a"), BYTES("x"), ""), LDAP_VERDICT_LATER);
}

static void
stop_when_all_are_told(struct timer *timer)
{
	(void)timer;
	if (told == LDAP_BIND_WAITING_MAX)
		loop_stop(loop);
}

static void
all_who_wait_hear_at_once_that_nobody_answers_and_later_ones_do_not_wait(void **state)
{
	int64_t began_us = time_now().mono_us;
	static struct timer look; /* closed by the loop's end */

	(void)state;
	for (int i = 0; i < LDAP_BIND_WAITING_MAX; i++)
		assert_int_equal(try_as(BYTES("uid=a"), BYTES("x"), ""), LDAP_VERDICTS);
	timer_init(&look, loop, stop_when_all_are_told);
	timer_start(&look, 1, 1);
	loop_run(loop);
	timer_stop(&look);
	/* Of 256 with two connections the last would wait for two minutes. */
	assert_true(time_now().mono_us - began_us < 30 * (int64_t)1000000);
	assert_true(away > 0);
	assert_int_equal(try_as(BYTES("uid=a"), BYTES("x"), ""), LDAP_VERDICT_AWAY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rfc_4513_5_1_2_no_bind_is_tried_without_a_password, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_party_has_its_share_of_the_queue_and_the_queue_an_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(all_who_wait_hear_at_once_that_nobody_answers_and_later_ones_do_not_wait, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
