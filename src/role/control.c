/* Answers: "ok", "ok …" or "error …", a line each; to questions "error …" or lines. */
#include "role/control.h"

#include "base/memory.h"
#include "sys/net.h"

#include <errno.h>

struct client {
	struct watch watch;
	struct control *control;
	struct client *next;
	int fd;
	struct control_question *question; /* the one that is open; NULL: none */
	bool is_serving, is_broken;
	size_t len;
	uint8_t line[CONTROL_LINE_MAX];
};

struct control_question {
	struct client *client; /* NULL: gone */
};

struct listener {
	struct watch watch;
	struct control *control;
	int fd;
};

struct control {
	struct loop *loop;
	const struct control_handlers *handlers;
	void *arg;
	struct listener *listener; /* NULL: none */
	struct client *clients;
	size_t client_count;
};

enum control_command
control_take(struct bytes *in, struct bytes *line)
{
	size_t end = bytes_find_char(*in, '\n');

	if (end == in->len)
		return in->len < CONTROL_LINE_MAX ? CONTROL_NONE : CONTROL_UNKNOWN;
	if (!take_octets(in, end + 1, line))
		return CONTROL_NONE;
	if (bytes_equal(*line, BYTES("reload\n")))
		return CONTROL_RELOAD;
	if (bytes_equal(*line, BYTES("status\n")))
		return CONTROL_STATUS;
	if (bytes_find_char(*line, '\t') < line->len)
		return CONTROL_QUESTION;
	return CONTROL_UNKNOWN;
}

struct control *
control_new(struct loop *loop, const struct control_handlers *handlers, void *arg)
{
	struct control *c = NEW(struct control);

	c->loop = loop;
	c->handlers = handlers;
	c->arg = arg;
	return c;
}

static void
on_client_closed(struct watch *w)
{
	struct client *client = (struct client *)w;

	net_close(client->fd);
	memory_free(client);
}

static void
cut(struct client *client)
{
	struct client **at = &client->control->clients;

	while (*at != client)
		at = &(*at)->next;
	*at = client->next;
	client->control->client_count--;
	if (client->question)
		client->question->client = NULL;
	watch_close(&client->watch, on_client_closed);
}

static void
answer_reload(const struct control *c, struct buf *out)
{
	struct fault f;

	if (c->handlers->reload(c->arg, &f) == 0)
		put_text(out, "ok");
	else
		put_format(out, "error %s", f.text);
}

static void
answer(const struct control *c, enum control_command command, struct buf *out)
{
	if (command == CONTROL_RELOAD && c->handlers->reload) {
		answer_reload(c, out);
	} else if (command == CONTROL_STATUS && c->handlers->put_status) {
		put_text(out, "ok ");
		c->handlers->put_status(c->arg, out);
	} else {
		put_text(out, "error there is no such command");
	}
	put_char(out, '\n');
}

/* An answer fits into the socket's buffer, or the client doesn't read its answers. */
static bool
send_answer(struct client *client, enum control_command command)
{
	uint8_t space[CONTROL_ANSWER_MAX];
	struct buf out;

	buf_init_fixed(&out, space, sizeof space);
	answer(client->control, command, &out);
	return net_write(client->fd, buf_bytes(&out)) == (ssize_t)out.len;
}

static bool
serve(struct client *client, enum control_command command, struct bytes line)
{
	struct control *c = client->control;

	if (command != CONTROL_QUESTION)
		return send_answer(client, command) && command != CONTROL_UNKNOWN;
	client->question = NEW(struct control_question);
	client->question->client = client;
	c->handlers->ask(c->arg, client->question, line);
	return !client->is_broken;
}

/* false: no more to be had from this client. */
static bool
serve_lines(struct client *client)
{
	struct bytes rest = bytes_of(client->line, client->len), line;
	bool is_good = true;
	enum control_command command;

	client->is_serving = true;
	while (is_good && !client->question && (command = control_take(&rest, &line)) != CONTROL_NONE)
		is_good = serve(client, command, line);
	client->is_serving = false;
	if (!is_good)
		return false;
	for (size_t i = 0; i < rest.len; i++)
		client->line[i] = rest.ptr[i];
	client->len = rest.len;
	watch_want(&client->watch, client->question ? 0 : LOOP_READABLE);
	return true;
}

void
control_answer(struct control_question **at, struct bytes answer)
{
	control_answer_with(at, answer, -1);
}

void
control_answer_with(struct control_question **at, struct bytes answer, int descriptor)
{
	struct control_question *question = *at;
	struct client *client = question->client;

	*at = NULL;
	memory_free(question);
	if (!client)
		return;
	client->question = NULL;
	client->is_broken = net_write_with(client->fd, answer, descriptor) != (ssize_t)answer.len;
	if (!client->is_serving && (client->is_broken || !serve_lines(client)))
		cut(client);
}

static void
on_client_ready(struct watch *w, unsigned int events)
{
	struct client *client = (struct client *)w;
	ssize_t count = net_read(client->fd, client->line + client->len, sizeof client->line - client->len);

	(void)events;
	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (count <= 0) {
		cut(client);
		return;
	}
	client->len += (size_t)count;
	if (!serve_lines(client))
		cut(client);
}

static void
add_client(struct control *c, int fd)
{
	struct client *client = NEW(struct client);

	client->control = c;
	client->fd = fd;
	client->next = c->clients;
	c->clients = client;
	c->client_count++;
	watch_init(&client->watch, c->loop, fd, on_client_ready);
	watch_want(&client->watch, LOOP_READABLE);
}

static void
on_listener_ready(struct watch *w, unsigned int events)
{
	struct listener *listener = (struct listener *)w;
	struct control *c = listener->control;
	struct net_address peer;
	int fd;

	(void)events;
	while ((fd = net_accept(listener->fd, &peer)) >= 0) {
		if (c->client_count < CONTROL_CLIENTS_MAX)
			add_client(c, fd);
		else
			net_close(fd);
	}
}

static void
on_listener_closed(struct watch *w)
{
	memory_free(w);
}

void
control_unlisten(struct control *c)
{
	if (c->listener)
		watch_close(&c->listener->watch, on_listener_closed);
	c->listener = NULL;
}

void
control_listen(struct control *c, int listener)
{
	control_unlisten(c);
	c->listener = NEW(struct listener);
	c->listener->control = c;
	c->listener->fd = listener;
	watch_init(&c->listener->watch, c->loop, listener, on_listener_ready);
	watch_want(&c->listener->watch, LOOP_READABLE);
}

void
control_free(struct control **at)
{
	struct control *c = *at;

	if (!c)
		return;
	*at = NULL;
	control_unlisten(c);
	while (c->clients)
		cut(c->clients);
	memory_free(c);
}
