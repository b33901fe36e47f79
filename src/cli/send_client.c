#include "cli/send_client.h"

#include "base/memory.h"
#include "proto/smtp/reply.h"
#include "sys/net.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* RFC 5321 4.5.3.2.6: the end of the message may take ten minutes. */
enum { WAIT_MS = 10 * 60 * 1000, REPLY_MAX = 8192, COMMAND_MAX = 2048, PIECE_OCTETS = 65536 };

struct send_client {
	int fd;
	struct buf in; /* came and was not taken */
	uint8_t reply[REPLY_MAX], address[320];
	struct bytes text; /* of the last reply: its last line, with the code */
	unsigned int code;
	struct buf you_are;
};

/* ---- replies */

static bool
take_line(struct send_client *c, struct bytes *line)
{
	size_t end = bytes_find_char(buf_bytes(&c->in), '\n');

	if (end == c->in.len)
		return false;
	*line = bytes_trim(bytes_sub(buf_bytes(&c->in), 0, end));
	return true;
}

/* One line into `reply`; false: the server is gone, silent, or says too much. */
static bool
read_line(struct send_client *c)
{
	uint8_t space[1024];
	struct bytes line;

	while (!take_line(c, &line)) {
		ssize_t count = net_wait(c->fd, WAIT_MS) ? net_read(c->fd, space, sizeof space) : -1;

		if (count <= 0 || c->in.len + (size_t)count > REPLY_MAX)
			return false;
		put_bytes(&c->in, bytes_of(space, (size_t)count));
	}
	for (size_t i = 0; i < line.len; i++)
		c->reply[i] = line.ptr[i];
	c->text = bytes_of(c->reply, line.len);
	buf_drop(&c->in, bytes_find_char(buf_bytes(&c->in), '\n') + 1);
	return true;
}

static void
look_for_address(struct send_client *c)
{
	struct bytes rest = bytes_sub(c->text, 4, c->text.len);

	if (!take_text(&rest, BYTES(SMTP_KEYWORD_YOU_ARE " ")))
		return;
	buf_init_fixed(&c->you_are, c->address, sizeof c->address);
	put_bytes(&c->you_are, rest);
}

/* Reply-line of RFC 5321 4.2.  0: there was none. */
static unsigned int
read_reply(struct send_client *c)
{
	struct bytes rest;
	uint64_t code = 0;

	c->code = 0;
	do {
		if (!read_line(c))
			return 0;
		rest = c->text;
		if (!take_number(&rest, 599, &code) || code < 200)
			return 0;
		look_for_address(c);
	} while (take_char(&rest, '-'));
	c->code = (unsigned int)code;
	return c->code;
}

static bool
write_all(struct send_client *c, struct bytes octets)
{
	while (octets.len) {
		ssize_t count = net_write(c->fd, octets);

		if (count <= 0)
			return false;
		octets = bytes_sub(octets, (size_t)count, octets.len);
	}
	return true;
}

/* 0: the server is gone. */
static unsigned int
ask_bytes(struct send_client *c, struct bytes command)
{
	c->code = 0; /* the last reply answers nothing of this */
	return write_all(c, command) ? read_reply(c) : 0;
}

static unsigned int
ask(struct send_client *c, const struct buf *command)
{
	assert(!command->has_failed); /* what goes into one is short */
	return ask_bytes(c, buf_bytes(command));
}

static unsigned int
ask_text(struct send_client *c, const char *command)
{
	return ask_bytes(c, bytes_text(command));
}

/* ---- what a refusal means */

static enum send_exit
lost(struct fault *f)
{
	(void)fault_set(f, FAULT_TEMP, "the server ended in the middle, or does not answer: the mail may have to be sent again");
	return SEND_LATER;
}

static enum send_exit
refused(const struct send_client *c, enum send_exit never, const char *what, struct bytes of, struct fault *f)
{
	if (c->code == 0)
		return lost(f);
	(void)fault_set(f, c->code < 500 ? FAULT_TEMP : FAULT_PERM, "%s%.*s: the server says %.*s", what, BYTES_ARG(bytes_sub(of, 0, 100)),
		BYTES_ARG(bytes_sub(c->text, 0, 200)));
	return c->code < 500 ? SEND_LATER : never;
}

/* ---- the dialogue */

static enum send_exit
greet(struct send_client *c, struct fault *f)
{
	if (read_reply(c) != 220)
		return refused(c, SEND_UNAVAILABLE, "it takes no mail now", BYTES_NONE, f);
	if (ask_text(c, "EHLO localhost\r\n") != 250)
		return refused(c, SEND_UNAVAILABLE, "it does not speak with us", BYTES_NONE, f);
	if (c->you_are.len == 0) {
		(void)fault_set(f, FAULT_PERM, "there is no `listen local` behind that socket file");
		return SEND_UNAVAILABLE;
	}
	return SEND_OK;
}

static enum send_exit
connect_to(const char *path, int *fd, struct fault *f)
{
	*fd = net_connect_unix(path, f);
	if (*fd != -1)
		return SEND_OK;
	return errno == EACCES || errno == EPERM ? SEND_DENIED : SEND_LATER;
}

enum send_exit
send_client_carry(const char *path, int in, int out, struct fault *f)
{
	char last[NET_CARRY_LINE];
	int fd;
	enum send_exit result = connect_to(path, &fd, f);

	if (result != SEND_OK)
		return result;
	/* RFC 5321 4.1.1.10: who ends without 221 may have lost what was under way. */
	net_carry(in, out, fd, BYTES("QUIT\r\n"), last);
	net_close(fd);
	return strcmp(last, "221") == 0 ? SEND_OK : lost(f);
}

enum send_exit
send_client_open(const char *path, struct send_client **out, struct bytes *address, struct fault *f)
{
	struct send_client *c;
	int fd;
	enum send_exit result = connect_to(path, &fd, f);

	if (result != SEND_OK)
		return result;
	c = NEW(struct send_client);
	c->fd = fd;
	buf_init(&c->in, REPLY_MAX);
	result = greet(c, f);
	if (result != SEND_OK) {
		send_client_close(&c);
		return result;
	}
	*out = c;
	*address = buf_bytes(&c->you_are);
	return SEND_OK;
}

void
send_client_close(struct send_client **at)
{
	struct send_client *c = *at;

	*at = NULL;
	if (!c)
		return;
	net_close(c->fd);
	buf_done(&c->in);
	memory_free(c);
}

static enum send_exit
say_sender(struct send_client *c, const struct send_envelope *e, const struct send_message *m, bool is_utf8, struct fault *f)
{
	char space[COMMAND_MAX];
	struct buf line;

	buf_init_fixed(&line, space, sizeof space);
	put_format(&line, "MAIL FROM:<%.*s> SIZE=%zu", BYTES_ARG(e->sender), m->text.len);
	put_text(&line, m->is_8bit ? " BODY=8BITMIME" : "");
	put_text(&line, is_utf8 ? " SMTPUTF8" : "");
	if (e->returns)
		put_format(&line, " RET=%s", e->returns);
	if (e->envelope_id)
		put_format(&line, " ENVID=%s", e->envelope_id);
	put_text(&line, "\r\n");
	if (ask(c, &line) == 250)
		return SEND_OK;
	if (c->code == 553)
		return refused(c, SEND_DENIED, "this user may not send as ", e->sender.len ? e->sender : BYTES("<>"), f);
	return refused(c, SEND_UNAVAILABLE, "nothing was sent", BYTES_NONE, f);
}

static enum send_exit
say_recipient(struct send_client *c, const struct send_envelope *e, struct bytes address, struct fault *f)
{
	char space[COMMAND_MAX];
	struct buf line;

	buf_init_fixed(&line, space, sizeof space);
	put_format(&line, "RCPT TO:<%.*s>", BYTES_ARG(address));
	if (e->notify)
		put_format(&line, " NOTIFY=%s", e->notify);
	put_text(&line, "\r\n");
	return ask(c, &line) == 250 ? SEND_OK : refused(c, SEND_NO_USER, "nothing was sent; ", address, f);
}

/* RFC 5321 4.5.2, and CRLF for LF. */
static bool
write_message(struct send_client *c, struct bytes text)
{
	struct buf piece;
	bool is_good = true;

	buf_init(&piece, SIZE_MAX);
	while (is_good && text.len) {
		struct bytes line = take_until(&text, '\n');

		put_text(&piece, line.len && line.ptr[0] == '.' ? "." : "");
		put_bytes(&piece, line);
		put_text(&piece, "\r\n");
		if (piece.len < PIECE_OCTETS)
			continue;
		is_good = write_all(c, buf_bytes(&piece));
		buf_reset(&piece);
	}
	put_text(&piece, ".\r\n");
	is_good = is_good && write_all(c, buf_bytes(&piece));
	buf_done(&piece);
	return is_good;
}

static bool
needs_utf8(const struct send_envelope *e)
{
	bool is_ascii = bytes_is_ascii(e->sender);

	for (size_t i = 0; i < e->to->count; i++)
		is_ascii &= bytes_is_ascii(e->to->at[i]);
	return !is_ascii;
}

enum send_exit
send_client_mail(struct send_client *c, const struct send_envelope *e, const struct send_message *m, struct fault *f)
{
	enum send_exit result = say_sender(c, e, m, needs_utf8(e), f);

	for (size_t i = 0; result == SEND_OK && i < e->to->count; i++)
		result = say_recipient(c, e, e->to->at[i], f);
	if (result != SEND_OK)
		return result;
	if (ask_text(c, "DATA\r\n") != 354)
		return refused(c, SEND_UNAVAILABLE, "nothing was sent", BYTES_NONE, f);
	if (!write_message(c, buf_bytes(&m->text)))
		return lost(f);
	if (read_reply(c) != 250)
		return refused(c, SEND_UNAVAILABLE, "nothing was sent", BYTES_NONE, f);
	(void)ask_text(c, "QUIT\r\n");
	return SEND_OK;
}
