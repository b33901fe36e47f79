#include "proto/imap/test_client.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

void
test_client_init(struct test_client *c)
{
	*c = (struct test_client){ .uids = memory_new_array(TEST_CLIENT_MESSAGES_MAX, sizeof(uint32_t)) };
}

void
test_client_done(struct test_client *c)
{
	memory_free(c->uids);
	c->uids = NULL;
}

static void
must(bool is_so)
{
	if (!is_so)
		abort();
}

/* A response: up to the CRLF that is not behind a literal's announcement. */
static struct bytes
take_response(struct bytes *in)
{
	struct bytes all = *in;

	for (;;) {
		size_t end = bytes_find(*in, BYTES("\r\n")), brace;
		struct bytes line = bytes_sub(*in, 0, end), number;
		uint64_t octets;

		must(end < in->len);
		*in = bytes_sub(*in, end + 2, in->len);
		brace = bytes_find_last_char(line, '{');
		number = bytes_sub(line, brace + 1, line.len);
		if (line.len == 0 || line.ptr[line.len - 1] != '}' || !take_number(&number, UINT32_MAX, &octets) ||
			number.len != 1)
			return bytes_between(all, *in);
		must(octets <= in->len);
		*in = bytes_sub(*in, (size_t)octets, in->len);
	}
}

static void
take_expunge(struct test_client *c, uint32_t number)
{
	must(number >= 1 && number <= c->count);
	if (c->on_expunge)
		c->on_expunge(c->arg, number, c->uids[number - 1]);
	memmove(c->uids + number - 1, c->uids + number, (c->count - number) * sizeof *c->uids);
	c->count--;
	c->expunges++;
}

static void
take_exists(struct test_client *c, uint32_t number)
{
	/* RFC 3501 7.3.1: only EXPUNGE makes it less. */
	must(number >= c->count && number <= TEST_CLIENT_MESSAGES_MAX);
	memset(c->uids + c->count, 0, (number - c->count) * sizeof *c->uids);
	c->count = number;
	c->exists++;
}

static void
take_fetch(struct test_client *c, uint32_t number, struct bytes rest)
{
	uint64_t uid;

	must(number >= 1 && number <= c->count);
	c->fetches++;
	if (!take_text(&rest, BYTES("(UID ")) || !take_number(&rest, UINT32_MAX, &uid))
		return;
	/* RFC 3501 2.3.1.1: a message keeps its uid, and uids ascend. */
	must(c->uids[number - 1] == 0 || c->uids[number - 1] == uid);
	c->uids[number - 1] = (uint32_t)uid;
	must(number == 1 || c->uids[number - 2] < uid);
	must(number == c->count || c->uids[number] == 0 || c->uids[number] > uid);
}

static void
take_untagged(struct test_client *c, struct bytes line)
{
	uint64_t number;

	if (!take_number(&line, UINT32_MAX, &number)) {
		/* RFC 3501 7.1.5, 6.3.1: a mailbox is left, or another one is entered. */
		if (bytes_starts(line, BYTES("FLAGS ")) && !c->is_selected)
			c->count = 0;
		return;
	}
	must(take_char(&line, ' '));
	if (bytes_equal(line, BYTES("EXPUNGE\r\n")))
		take_expunge(c, (uint32_t)number);
	else if (bytes_equal(line, BYTES("EXISTS\r\n")))
		take_exists(c, (uint32_t)number);
	else if (take_text(&line, BYTES("FETCH ")))
		take_fetch(c, (uint32_t)number, line);
	else
		must(bytes_equal(line, BYTES("RECENT\r\n")));
}

static void
take_tagged(struct test_client *c, struct bytes line)
{
	struct bytes tag = take_until(&line, ' ');

	must(tag.len > 0);
	must(bytes_starts(line, BYTES("OK ")) || bytes_starts(line, BYTES("NO ")) || bytes_starts(line, BYTES("BAD ")));
	c->tagged++;
}

void
test_client_take(struct test_client *c, struct bytes out)
{
	while (out.len) {
		struct bytes line = take_response(&out);

		if (take_text(&line, BYTES("* ")))
			take_untagged(c, line);
		else if (!take_text(&line, BYTES("+ ")))
			take_tagged(c, line);
	}
}
