/* What of a message goes out: as it is, in 7 bits, or not at all. */
#include "role/relay/test_role.h"

#include "base/memory.h"
#include "sys/disk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HELLO "S 220 mx ESMTP\nC EHLO us.example\nS 250 mx\n"
#define MAIL "C MAIL FROM:<a@us.example>\nS 250 ok\nC RCPT TO:\nS 250 ok\nC DATA\nS 354 go\nC .\nS 250 2.0.0 taken\n"
#define BYE "C QUIT\nS 221 bye\nX\n"
#define SCRIPT(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void
expect(const char *want)
{
	run_until(want);
	assert_string_equal(trace, want);
}

#define TEXT_HEAD "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"

static void
rfc6152_3_a_server_without_8bitmime_gets_7_bits(void **state)
{
	struct fault f;

	(void)state;
	set_message(BYTES(TEXT_HEAD "Caf\xc3\xa9 =\n"));
	set_flags(SEND_8BIT);
	set_dns("A x.example 127.0.0.1\n");
	serve("127.0.0.1", SCRIPT("S 220 mx\nC EHLO\nS 250-mx\nS 250 SIZE 100000\n" MAIL "W", "S 220 mx\nC EHLO\nS 250-mx\nS 250 8BITMIME\n" MAIL "W"));
	send_to(1, HOP_MX, "x.example", "b@x.example");
	expect("1 x.example (127.0.0.1) tls= dsn=0: 0=250 2.0.0 taken;\n");
	assert_int_equal(server_count(servers[0], "charset=utf-8\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nCaf=C3=A9 =3D\r\n.\r\n"), 1);
	assert_int_equal(server_count(servers[0], "BODY=8BITMIME"), 0);
	assert_int_equal(relay_hooks.reload(&self, &config, &f), 0);
	/* One that has it gets it as it is. */
	send_to(2, HOP_MX, "x.example", "b@x.example");
	run_until("2 x.example (127.0.0.1) tls= dsn=0: 0=250 2.0.0 taken;\n");
	assert_int_equal(server_count(servers[0], "Content-Transfer-Encoding: 8bit\r\n\r\nCaf\xc3\xa9 =\r\n.\r\n"), 1);
	assert_int_equal(server_count(servers[0], " BODY=8BITMIME\r\n"), 1);
}

static void
rfc6152_3_what_is_signed_comes_back(void **state)
{
	(void)state;
	set_message(BYTES("Content-Type: multipart/signed; boundary=s\n\n--s\n\n\xc3\xa9\n--s\n\nx\n--s--\n"));
	set_flags(SEND_8BIT);
	set_dns("A x.example 127.0.0.1\n");
	serve("127.0.0.1", SCRIPT(HELLO BYE));
	send_to(1, HOP_MX, "x.example", "b@x.example");
	run_until("0-554 5.6.3 the message is 8-bit, the server has no 8BITMIME, and it can't be converted;\n");
	assert_int_equal(server_count(servers[0], "MAIL"), 0);
}

/* The first server goes away while the message is looked at, the second one in the middle of it. */
static void
rfc6152_3_a_large_message_is_converted_whole_whatever_was_lost_before(void **state)
{
	size_t head = strlen(TEXT_HEAD), count = head + 400000, sent;
	uint8_t *octets = memory_new(count);
	struct bytes heard;

	(void)state;
	memcpy(octets, TEXT_HEAD, head);
	for (size_t i = head; i < count; i++)
		octets[i] = (i - head) % 50 == 49 ? '\n' : (i - head) % 50 == 5 ? 0xe9 : 'a';
	set_message(bytes_of(octets, count));
	set_flags(SEND_8BIT);
	set_dns("A x.example 127.0.0.1\n");
	serve("127.0.0.1", SCRIPT(HELLO "X", HELLO MAIL "W"));
	send_to(1, HOP_MX, "x.example", "b@x.example");
	run_until("1 x.example (127.0.0.1) tls= dsn=0: 0=250 2.0.0 taken;\n");
	heard = server_heard(servers[0]);
	assert_int_equal(server_count(servers[0], "\r\naaaaa=E9aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"), 8000);
	sent = bytes_find(heard, BYTES("DATA\r\n"));
	assert_true(bytes_is_ascii(heard));
	assert_in_range(heard.len - sent, 8000 * 53, 8000 * 53 + 200);
	memory_free(octets);
}

/* It goes away each time that the message is looked at. */
static void
a_server_that_goes_before_the_message_is_sent_is_not_asked_for_ever(void **state)
{
	size_t count = 400000;
	char *octets = memory_new(count);

	(void)state;
	memset(octets, '\xe9', count);
	for (size_t i = 49; i < count; i += 50)
		octets[i] = '\n';
	set_message(bytes_of(octets, count));
	set_flags(SEND_8BIT);
	set_dns("A x.example 127.0.0.1\n");
	serve("127.0.0.1", SCRIPT(HELLO "X"));
	send_to(1, HOP_MX, "x.example", "b@x.example");
	expect("1  tls= dsn=0: 0~451 4.4.2 connection lost [x.example (127.0.0.1)];\n");
	assert_int_equal(server_connections(servers[0]), 2);
	memory_free(octets);
}

static void
rfc6531_3_5_what_needs_smtputf8_comes_back_from_a_server_without(void **state)
{
	(void)state;
	set_message(BYTES("Subject: \xc3\xa9\n\nx\n"));
	set_flags(SEND_8BIT | SEND_UTF8);
	set_dns("A x.example 127.0.0.1\n");
	serve("127.0.0.1", SCRIPT("S 220 mx\nC EHLO\nS 250-mx\nS 250 8BITMIME\n" BYE));
	send_to(1, HOP_MX, "x.example", "b@x.example");
	run_until("0-550 5.6.9 a header field is not ASCII, and the server has no SMTPUTF8;\n");
	assert_int_equal(server_count(servers[0], "MAIL"), 0);
}

static void
rfc6531_3_2_what_came_with_smtputf8_and_does_not_need_it_goes_without(void **state)
{
	(void)state;
	set_message(BYTES(TEXT_HEAD "Caf\xc3\xa9 =\n"));
	set_flags(SEND_8BIT | SEND_UTF8 | SEND_ASCII_HEADER);
	set_dns("A x.example 127.0.0.1\n");
	serve("127.0.0.1", SCRIPT(HELLO MAIL "W"));
	send_to(1, HOP_MX, "x.example", "b@x.example");
	expect("1 x.example (127.0.0.1) tls= dsn=0: 0=250 2.0.0 taken;\n");
	assert_int_equal(server_count(servers[0], "Caf=C3=A9"), 1);
	assert_int_equal(server_count(servers[0], "SMTPUTF8"), 0);
}

/* What a disk with a bad page gives: as much as stands before it, then EIO.  bad_at: where it is, once it was read from its beginning so often. */
static off_t bad_at;
static unsigned int good_readings;

static ssize_t
pread_until_bad(int fd, void *to, size_t count, off_t at)
{
	static bool is_bad;

	if (at == 0) {
		is_bad = good_readings == 0;
		good_readings -= !is_bad;
	}
	if (is_bad && at >= bad_at) {
		errno = EIO;
		return -1;
	}
	return disk_system.pread(fd, to, !is_bad || (off_t)count < bad_at - at ? count : (size_t)(bad_at - at), at);
}

static void
break_disk(off_t at, unsigned int after)
{
	static struct disk_ops ops;

	bad_at = at;
	good_readings = after;
	ops = disk_system;
	ops.pread = pread_until_bad;
	disk_use(&ops);
}

/* Sends it, and sees that it waits and has no end. */
static void
expect_no_end(const char *script)
{
	serve("127.0.0.1", SCRIPT(script));
	set_dns("A x.example 127.0.0.1\n");
	send_to(1, HOP_MX, "x.example", "b@x.example");
	run_until("\n");
	disk_use(NULL);
	assert_string_equal(trace, "1 x.example (127.0.0.1) tls= dsn=0: 0~451 4.4.2 the message could not be read before the end of the message;\n");
	assert_int_equal(last_destination, DESTINATION_UNKNOWN);
	assert_int_equal(server_count(servers[0], " LAST\r\n"), 0);
	assert_int_equal(server_count(servers[0], "\r\n.\r\n"), 0);
}

#define LINES 1000
#define ENVELOPE "C MAIL\nS 250 ok\nC RCPT\nS 250 ok\n"
#define BY_DATA HELLO ENVELOPE "C DATA\nS 354 go\nW"
#define BY_BDAT "S 220 mx\nC EHLO\nS 250-mx\nS 250-PIPELINING\nS 250 CHUNKING\n" ENVELOPE "W"

static void
a_message_that_the_disk_gives_a_part_of_has_no_end(void **state)
{
	static const char *const scripts[] = { BY_DATA, BY_BDAT };
	static char octets[LINES * 100];

	memset(octets, 'x', sizeof octets);
	for (size_t at = 99; at < sizeof octets; at += 100)
		octets[at] = '\n';
	for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
		set_message(bytes_of(octets, sizeof octets));
		break_disk(70001, 0);
		expect_no_end(scripts[i]);
		assert_int_equal(tear_down(state), 0);
		assert_int_equal(set_up(state), 0);
		/* The file has lost its end. */
		set_message(bytes_of(octets, 70001));
		set_size(LINES * 101);
		expect_no_end(scripts[i]);
		assert_int_equal(tear_down(state), 0);
		assert_int_equal(set_up(state), 0);
	}
}

static void
a_converted_message_that_the_disk_gives_a_part_of_has_no_end(void **state)
{
	static char octets[LINES * 100];
	size_t head = strlen(TEXT_HEAD);

	(void)state;
	memset(octets, '\xe9', sizeof octets);
	memcpy(octets, TEXT_HEAD, head);
	for (size_t at = 99; at < sizeof octets; at += 100)
		octets[at] = '\n';
	set_message(bytes_of(octets, sizeof octets));
	set_flags(SEND_8BIT);
	break_disk(70001, 1);
	expect_no_end(BY_DATA);
	assert_int_equal(server_count(servers[0], "Content-Transfer-Encoding: base64"), 1);
}

static void
a_message_that_can_not_be_looked_at_waits(void **state)
{
	(void)state;
	set_message(BYTES(TEXT_HEAD "Caf\xc3\xa9 =\n"));
	set_flags(SEND_8BIT);
	set_dns("A x.example 127.0.0.1\n");
	serve("127.0.0.1", SCRIPT(HELLO BYE));
	break_disk(40, 0);
	send_to(1, HOP_MX, "x.example", "b@x.example");
	run_until("\n");
	disk_use(NULL);
	assert_string_equal(trace, "1 x.example (127.0.0.1) tls= dsn=0: 0~451 4.3.0 the message can't be read here now;\n");
	assert_int_equal(last_destination, DESTINATION_UNKNOWN);
	set_size(1000);
	send_to(2, HOP_MX, "x.example", "b@x.example");
	run_until("2 x.example (127.0.0.1) tls= dsn=0: 0~451 4.3.0 the message can't be read here now;\n");
	assert_int_equal(server_count(servers[0], "MAIL"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rfc6152_3_a_server_without_8bitmime_gets_7_bits),
		TEST(rfc6152_3_what_is_signed_comes_back),
		TEST(rfc6152_3_a_large_message_is_converted_whole_whatever_was_lost_before),
		TEST(a_server_that_goes_before_the_message_is_sent_is_not_asked_for_ever),
		TEST(rfc6531_3_5_what_needs_smtputf8_comes_back_from_a_server_without),
		TEST(rfc6531_3_2_what_came_with_smtputf8_and_does_not_need_it_goes_without),
		TEST(a_message_that_the_disk_gives_a_part_of_has_no_end),
		TEST(a_converted_message_that_the_disk_gives_a_part_of_has_no_end),
		TEST(a_message_that_can_not_be_looked_at_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
