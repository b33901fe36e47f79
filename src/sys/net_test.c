#include "sys/net.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void
addresses_are_read_and_printed(void **state)
{
	static const struct {
		const char *text, *address, *literal, *host;
		bool is_loopback;
	} rows[] = {
		{ "127.0.0.1:25", "127.0.0.1:25", "[127.0.0.1]", "127.0.0.1", true },
		{ "192.0.2.1", "192.0.2.1:143", "[192.0.2.1]", "192.0.2.1", false },
		{ "[::1]:993", "[::1]:993", "[IPv6:::1]", "::1", true },
		{ "[2001:db8::1]", "[2001:db8::1]:143", "[IPv6:2001:db8::1]", "2001:db8::1", false },
		{ "2001:db8::1", "[2001:db8::1]:143", "[IPv6:2001:db8::1]", "2001:db8::1", false },
		{ "[::ffff:192.0.2.7]:25", "192.0.2.7:25", "[192.0.2.7]", "192.0.2.7", false },
		{ "[::ffff:127.0.0.1]:25", "127.0.0.1:25", "[127.0.0.1]", "127.0.0.1", true },
		{ "*:25", "*:25", "[127.0.0.1]", "*", false },
		{ "*", "*:143", "[127.0.0.1]", "*", false },
		{ "127.0.0.1:0", "127.0.0.1:0", "[127.0.0.1]", "127.0.0.1", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct net_address a;
		struct fault f;
		struct buf b;

		assert_int_equal(net_address_parse(bytes_text(rows[i].text), 143, &a, &f), 0);
		buf_init(&b, 1000);
		net_put_address(&b, &a);
		put_char(&b, '|');
		net_put_literal(&b, &a);
		put_char(&b, '|');
		net_put_host(&b, &a);
		put_char(&b, '\0');
		char want[300];
		(void)snprintf(want, sizeof want, "%s|%s|%s", rows[i].address, rows[i].literal,
			rows[i].host);
		assert_string_equal((char *)b.ptr, want);
		assert_int_equal(net_is_loopback(&a), rows[i].is_loopback);
		buf_done(&b);
	}
}

static void
rfc5321_4_1_3_literals_are_read_and_nothing_else_is(void **state)
{
	static const char *const none[] = { "", "[", "[]", "192.0.2.1", "[192.0.2.1", "[192.0.2.1]x", "[192.0.2.1:25]", "[2001:db8::1]", "[*]",
		"[IPv6:192.0.2.1]", "[IPv6:]", "[x:y]" };
	struct net_address a;
	struct buf b;
	char text[NET_TEXT_MAX];

	(void)state;
	buf_init_fixed(&b, text, sizeof text);
	assert_true(net_literal_parse(BYTES("[192.0.2.1]"), 25, &a));
	net_put_address(&b, &a);
	assert_true(net_literal_parse(BYTES("[ipv6:2001:DB8:0::1]"), 25, &a));
	net_put_address(&b, &a);
	assert_true(bytes_equal(buf_bytes(&b), BYTES("192.0.2.1:25[2001:db8::1]:25")));
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		assert_false(net_literal_parse(bytes_text(none[i]), 25, &a));
}

static void
what_is_no_address_is_refused(void **state)
{
	static const char *const rows[] = { "", ":25", "localhost", "mail.example:25", "127.0.0.1:",
		"127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:25 ", "[::1", "[::1]25", "[::1]:", "[*]:25",
		"256.0.0.1", "[127.0.0.1]:25", "::g", "*:25:25",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd" };

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct net_address a;
		struct fault f;

		assert_int_equal(net_address_parse(bytes_text(rows[i]), 25, &a, &f), -1);
		assert_int_equal(f.kind, FAULT_SYNTAX);
	}
}

static int
connect_to(const struct net_address *a)
{
	int fd = socket(a->storage.ss_family, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (const struct sockaddr *)&a->storage, a->len), 0);
	return fd;
}

static int
accept_soon(int listener, struct net_address *peer)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };

	assert_int_equal(poll(&p, 1, 5000), 1);
	return net_accept(listener, peer);
}

static bool
sends_at_once(int fd)
{
	int value = 0;
	socklen_t len = sizeof value;

	return getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &len) == 0 && value;
}

static void
a_connection_carries_octets_both_ways(void **state)
{
	struct net_address a, peer, local;
	struct fault f;
	char got[16];

	(void)state;
	assert_int_equal(net_address_parse(BYTES("127.0.0.1:0"), 0, &a, &f), 0);
	int listener = net_listen(&a, 16, &f);
	assert_true(listener >= 0);
	assert_int_equal(net_accept(listener, &peer), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(net_local_address(listener, &a), 0);
	net_send_at_once(listener);
	int client = connect_to(&a), server = accept_soon(listener, &peer);
	assert_true(server >= 0 && net_is_loopback(&peer));
	assert_true(sends_at_once(server));
	assert_int_equal(net_local_address(server, &local), 0);
	assert_int_equal(local.len, a.len);
	assert_memory_equal(&local.storage, &a.storage, a.len);
	assert_int_equal(net_write(client, BYTES("ab")), 2);
	assert_int_equal(net_writev(client, (struct iovec[]){ { (void *)"cd", 2 }, { (void *)"e", 1 } }, 2), 3);
	assert_int_equal(net_read(server, got, sizeof got), 5);
	assert_memory_equal(got, "abcde", 5);
	net_shutdown(client);
	assert_int_equal(net_read(server, got, sizeof got), 0);
	net_close(client);
	assert_int_equal(net_write(server, BYTES("x")), 1);
	struct pollfd p = { .fd = server };
	poll(&p, 1, 1000);
	assert_int_equal(net_write(server, BYTES("x")), -1);
	net_close(server);
	net_close(listener);
}

static void
an_address_in_use_is_refused_with_its_name(void **state)
{
	struct net_address a;
	struct fault f;

	(void)state;
	assert_int_equal(net_address_parse(BYTES("127.0.0.1:0"), 0, &a, &f), 0);
	int listener = net_listen(&a, 16, &f);
	assert_int_equal(net_local_address(listener, &a), 0);
	assert_int_equal(net_listen(&a, 16, &f), -1);
	assert_non_null(strstr(f.text, "listen on 127.0.0.1:"));
	net_close(listener);
}

static void
any_address_takes_ipv4(void **state)
{
	struct net_address a, peer;
	struct fault f;

	(void)state;
	assert_int_equal(net_address_parse(BYTES("*:0"), 0, &a, &f), 0);
	int listener = net_listen(&a, 16, &f);
	assert_true(listener >= 0);
	assert_int_equal(net_local_address(listener, &a), 0);
	uint16_t port = ntohs(((struct sockaddr_in6 *)&a.storage)->sin6_port);
	assert_int_equal(net_address_parse(BYTES("127.0.0.1"), port, &a, &f), 0);
	int client = connect_to(&a), server = accept_soon(listener, &peer);
	assert_true(net_is_loopback(&peer));
	net_close(client);
	net_close(server);
	net_close(listener);
}

static void
a_unix_socket_replaces_a_stale_one_and_has_its_mode(void **state)
{
	char dir[] = "/tmp/mermoz-net-XXXXXX", path[64], name[64] = "";
	struct net_address peer;
	struct fault f;
	struct stat st;
	struct buf b;

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/socket", dir);
	net_close(net_listen_unix(path, 0600, &f));
	int listener = net_listen_unix(path, 0600, &f);
	assert_true(listener >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	int client = net_connect_unix(path, &f), server = accept_soon(listener, &peer);
	assert_true(client >= 0 && server >= 0 && net_is_loopback(&peer));
	buf_init_fixed(&b, name, sizeof name - 1);
	net_put_address(&b, &peer);
	assert_string_equal(name, "unix");
	net_close(client);
	net_close(server);
	net_close(listener);
	assert_int_equal(net_connect_unix(path, &f), -1);
	unlink(path);
	rmdir(dir);
}

static void
a_unix_path_that_is_too_long_is_refused(void **state)
{
	char path[200];
	struct fault f;

	(void)state;
	memset(path, 'x', sizeof path - 1);
	path[sizeof path - 1] = '\0';
	assert_int_equal(net_listen_unix(path, 0600, &f), -1);
	assert_int_equal(f.kind, FAULT_LIMIT);
	assert_int_equal(net_connect_unix(path, &f), -1);
}

static void
a_cut_through_one_descriptor_ends_both_directions_of_all(void **state)
{
	int fds[2], shared;
	char octet;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	shared = net_share(fds[0]);
	assert_true(shared > 2 && shared != fds[0]);
	assert_int_equal(fcntl(shared, F_GETFD), FD_CLOEXEC);
	net_cut(shared);
	assert_int_equal(net_read(fds[0], &octet, 1), 0);
	assert_int_equal(net_read(fds[1], &octet, 1), 0);
	assert_int_equal(net_write(fds[0], BYTES("x")), -1);
	assert_int_equal(errno, EPIPE);
	net_close(shared);
	net_close(fds[0]);
	net_close(fds[1]);
}

/* Waits until it is decided. */
static int
result_of(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLOUT };

	assert_int_equal(poll(&wait, 1, 10000), 1);
	return net_connect_result(fd);
}

static void
connecting_does_not_wait_and_comes_from_the_source(void **state)
{
	struct net_address to, source, peer;
	struct fault f;
	char host[NET_TEXT_MAX];
	struct buf text;
	int listener, fd, accepted;

	(void)state;
	assert_int_equal(net_address_parse(BYTES("127.0.0.1:0"), 0, &to, &f), 0);
	assert_int_equal(net_address_parse(BYTES("127.0.0.5"), 0, &source, &f), 0);
	listener = net_listen(&to, 4, &f);
	assert_int_equal(net_local_address(listener, &to), 0);
	fd = net_connect_start(&to, &source);
	assert_true(fd >= 0);
	assert_int_equal(result_of(fd), 0);
	accepted = net_accept(listener, &peer);
	buf_init_fixed(&text, host, sizeof host);
	net_put_host(&text, &peer);
	assert_true(bytes_equal(buf_bytes(&text), BYTES("127.0.0.5")));
	net_close(accepted);
	net_close(fd);
	net_close(listener);
	/* Nobody listens there any more. */
	fd = net_connect_start(&to, NULL);
	assert_true(fd == -1 ? errno == ECONNREFUSED : result_of(fd) == ECONNREFUSED);
	net_close(fd);
}

static void
addresses_are_made_of_octets(void **state)
{
	static const uint8_t loopback[16] = { [15] = 1 };
	char memory[NET_TEXT_MAX];
	struct net_address a;
	struct buf text;

	(void)state;
	net_address_of(BYTES("\xc0\x00\x02\x01"), 25, &a);
	buf_init_fixed(&text, memory, sizeof memory);
	net_put_address(&text, &a);
	assert_true(bytes_equal(buf_bytes(&text), BYTES("192.0.2.1:25")));
	net_address_of(bytes_of(loopback, sizeof loopback), 587, &a);
	buf_reset(&text);
	net_put_address(&text, &a);
	assert_true(bytes_equal(buf_bytes(&text), BYTES("[::1]:587")));
}

static void
network_and_what_leads_here_go_by_the_address_that_is_meant(void **state)
{
	static const struct {
		const char *text, *network;
		bool leads_here;
	} rows[] = {
		{ "192.0.2.7:1", "192.0.2.7", false },
		{ "[::ffff:192.0.2.7]:1", "192.0.2.7", false },
		{ "[2001:db8:1:2:3:4:5:6]:1", "2001:db8:1:2::", false },
		{ "[::1]:1", "::", true },
		{ "[::]:1", "::", true },
		{ "127.1.2.3:1", "127.1.2.3", true },
		{ "0.0.0.0:1", "0.0.0.0", true },
		{ "[::ffff:0.1.2.3]:1", "0.1.2.3", true },
		{ "[::ffff:127.0.0.1]:1", "127.0.0.1", true },
		{ "10.0.0.1:1", "10.0.0.1", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct net_address a;
		struct fault f;
		char text[NET_TEXT_MAX] = "";
		struct buf b;

		assert_int_equal(net_address_parse(bytes_text(rows[i].text), 0, &a, &f), 0);
		buf_init_fixed(&b, text, sizeof text - 1);
		net_put_network(&b, &a);
		assert_string_equal(text, rows[i].network);
		assert_int_equal(net_leads_here(&a), rows[i].leads_here);
	}
}

static void
a_network_is_the_worlds_or_private(void **state)
{
	static const char *const private[] = { "10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255", "169.254.169.254",
		"100.64.0.0", "100.127.255.255", "::ffff:10.0.0.1", "fc00::1", "fdff::1", "fe80::1", "febf::1" };
	static const char *const others[] = { "9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "169.253.255.255",
		"100.63.255.255", "100.128.0.0", "::ffff:192.0.2.1", "fbff::1", "fe00::1", "fec0::1", "2001:db8::1" };
	struct net_address a;
	struct fault f;

	(void)state;
	for (size_t i = 0; i < sizeof private / sizeof *private; i++) {
		assert_int_equal(net_address_parse(bytes_text(private[i]), 1, &a, &f), 0);
		assert_true(net_is_private(&a));
	}
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		assert_int_equal(net_address_parse(bytes_text(others[i]), 1, &a, &f), 0);
		assert_false(net_is_private(&a));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_and_printed),
		cmocka_unit_test(network_and_what_leads_here_go_by_the_address_that_is_meant),
		cmocka_unit_test(a_network_is_the_worlds_or_private),
		cmocka_unit_test(rfc5321_4_1_3_literals_are_read_and_nothing_else_is),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(a_connection_carries_octets_both_ways),
		cmocka_unit_test(an_address_in_use_is_refused_with_its_name),
		cmocka_unit_test(any_address_takes_ipv4),
		cmocka_unit_test(a_unix_socket_replaces_a_stale_one_and_has_its_mode),
		cmocka_unit_test(a_unix_path_that_is_too_long_is_refused),
		cmocka_unit_test(a_cut_through_one_descriptor_ends_both_directions_of_all),
		cmocka_unit_test(connecting_does_not_wait_and_comes_from_the_source),
		cmocka_unit_test(addresses_are_made_of_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
