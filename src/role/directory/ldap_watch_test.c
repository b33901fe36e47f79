#include "role/directory/ldap_watch.h"

#include "sys/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct pair {
	struct ldap_watch watch;
	int ours, peers;
};

static void
set_up(struct pair *p)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	p->ours = fds[0];
	p->peers = fds[1];
	ldap_watch_init(&p->watch);
}

static void
tear_down(struct pair *p)
{
	ldap_watch_done(&p->watch);
	net_close(p->ours);
	net_close(p->peers);
}

static void *
read_one(void *arg)
{
	struct pair *p = arg;
	char octet;

	return (void *)(intptr_t)net_read(p->ours, &octet, 1);
}

static void
a_read_that_waits_ends_when_its_time_has_passed(void **state)
{
	struct pair p;
	pthread_t thread;
	void *got;

	(void)state;
	set_up(&p);
	ldap_watch_begin(&p.watch, 1000);
	assert_true(ldap_watch_connected(&p.watch, p.ours));
	assert_int_equal(pthread_create(&thread, NULL, read_one, &p), 0);
	assert_int_equal(ldap_watch_look(&p.watch, 400), 600);
	assert_false(ldap_watch_has_passed(&p.watch));
	assert_int_equal(ldap_watch_look(&p.watch, 1000), 0);
	assert_int_equal(pthread_join(thread, &got), 0);
	assert_int_equal((intptr_t)got, 0);
	assert_true(ldap_watch_end(&p.watch));
	tear_down(&p);
}

static void
a_connection_that_lies_idle_is_never_late(void **state)
{
	struct pair p;
	char octet;

	(void)state;
	set_up(&p);
	ldap_watch_begin(&p.watch, 1000);
	assert_true(ldap_watch_connected(&p.watch, p.ours));
	assert_false(ldap_watch_end(&p.watch));
	assert_int_equal(ldap_watch_look(&p.watch, 5000), 0);
	assert_int_equal(net_write(p.peers, BYTES("x")), 1);
	assert_int_equal(net_read(p.ours, &octet, 1), 1);
	tear_down(&p);
}

static void
a_connection_that_comes_too_late_is_refused(void **state)
{
	struct pair p;

	(void)state;
	set_up(&p);
	ldap_watch_begin(&p.watch, 1000);
	assert_int_equal(ldap_watch_look(&p.watch, 1001), 0);
	assert_false(ldap_watch_connected(&p.watch, p.ours));
	assert_true(ldap_watch_end(&p.watch));
	ldap_watch_begin(&p.watch, 3000);
	assert_true(ldap_watch_connected(&p.watch, p.ours));
	tear_down(&p);
}

static void
after_a_cancellation_nothing_begins(void **state)
{
	struct pair p;
	char octet;

	(void)state;
	set_up(&p);
	assert_true(ldap_watch_connected(&p.watch, p.ours));
	ldap_watch_cancel(&p.watch);
	assert_int_equal(net_read(p.ours, &octet, 1), 0);
	ldap_watch_begin(&p.watch, 1000);
	assert_false(ldap_watch_connected(&p.watch, p.ours));
	assert_true(ldap_watch_end(&p.watch));
	tear_down(&p);
}

static void
the_peer_sees_the_end_of_a_connection_that_is_gone(void **state)
{
	struct pair p;
	char octet;

	(void)state;
	set_up(&p);
	assert_true(ldap_watch_connected(&p.watch, p.ours));
	ldap_watch_disconnected(&p.watch);
	net_close(p.ours);
	p.ours = -1;
	assert_int_equal(net_read(p.peers, &octet, 1), 0);
	tear_down(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_read_that_waits_ends_when_its_time_has_passed),
		cmocka_unit_test(a_connection_that_lies_idle_is_never_late),
		cmocka_unit_test(a_connection_that_comes_too_late_is_refused),
		cmocka_unit_test(after_a_cancellation_nothing_begins),
		cmocka_unit_test(the_peer_sees_the_end_of_a_connection_that_is_gone),
	};

	return cmocka_run_group_tests_name("ldap_watch", tests, NULL, NULL);
}
