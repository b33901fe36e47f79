#include "sys/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { OURS, PEERS };
enum { READS, WRITES };

static int sockets[2], in[2], out[2];

static void
begin(const char *input, const char *said)
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	assert_int_equal(pipe(in) | pipe(out), 0);
	assert_int_equal(write(in[WRITES], input, strlen(input)), strlen(input));
	assert_int_equal(write(sockets[PEERS], said, strlen(said)), strlen(said));
	close(in[WRITES]);
	net_shutdown(sockets[PEERS]);
}

/* All that comes until the end. */
static void
expect(int fd, const char *want)
{
	char space[100] = "";
	size_t len = 0;
	ssize_t count;

	while ((count = read(fd, space + len, sizeof space - 1 - len)) > 0)
		len += (size_t)count;
	assert_string_equal(space, want);
	close(fd);
}

static void
what_is_read_goes_to_the_peer_and_what_it_says_comes_out(void **state)
{
	char line[NET_CARRY_LINE];

	(void)state;
	begin("EHLO x\r\n", "220 hello\r\n250-x\r\n221 bye\r\n");
	net_carry(in[READS], out[WRITES], sockets[OURS], BYTES("QUIT\r\n"), line);
	assert_string_equal(line, "221");
	close(out[WRITES]);
	close(sockets[OURS]);
	expect(out[READS], "220 hello\r\n250-x\r\n221 bye\r\n");
	expect(sockets[PEERS], "EHLO x\r\n");
	close(in[READS]);
}

/* In a process of its own: says what it heard when it heard the end. */
static void
echo_at_the_end(void)
{
	char space[100] = "";
	size_t len = 0;
	ssize_t count;

	if (fork() != 0)
		return;
	close(sockets[OURS]);
	while ((count = read(sockets[PEERS], space + len, sizeof space - 1 - len)) > 0)
		len += (size_t)count;
	_exit(write(sockets[PEERS], space, len) != (ssize_t)len);
}

static void
the_farewell_goes_behind_the_last_that_is_read_and_the_peer_sees_the_end(void **state)
{
	char line[NET_CARRY_LINE];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	assert_int_equal(pipe(in) | pipe(out), 0);
	assert_int_equal(write(in[WRITES], "EHLO x\r\n", 8), 8);
	close(in[WRITES]);
	echo_at_the_end();
	close(sockets[PEERS]);
	net_carry(in[READS], out[WRITES], sockets[OURS], BYTES("QUIT\r\n"), line);
	assert_string_equal(line, "QUI");
	close(out[WRITES]);
	expect(out[READS], "EHLO x\r\nQUIT\r\n");
	close(sockets[OURS]);
	close(in[READS]);
}

static void
a_peer_that_says_nothing_and_takes_nothing_is_told(void **state)
{
	char line[NET_CARRY_LINE];

	(void)state;
	begin("EHLO x\r\n", "");
	close(sockets[PEERS]);
	net_carry(in[READS], out[WRITES], sockets[OURS], BYTES("QUIT\r\n"), line);
	assert_string_equal(line, "");
	close(out[WRITES]);
	expect(out[READS], "");
	close(sockets[OURS]);
	close(in[READS]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_read_goes_to_the_peer_and_what_it_says_comes_out),
		cmocka_unit_test(the_farewell_goes_behind_the_last_that_is_read_and_the_peer_sees_the_end),
		cmocka_unit_test(a_peer_that_says_nothing_and_takes_nothing_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
