#include "sys/net.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* As many as PIPE_BUF: what is ready to be written to takes them without blocking, so that neither way waits for the other. */
enum { WAY_OCTETS = 4096 };

struct way {
	int from, to;
	bool is_over; /* nothing more comes in */
	bool is_socket; /* `to` is; else `from` is */
	uint8_t octets[WAY_OCTETS];
	size_t len; /* came in and did not go out yet */
	struct bytes farewell; /* goes out behind the last of it */
	size_t column;
	char *line; /* the begin of the last one that came in; NULL: nobody asks */
};

static void
note_lines(struct way *w)
{
	for (size_t i = 0; w->line && i < w->len; i++) {
		if (w->column == 0)
			memset(w->line, 0, NET_CARRY_LINE);
		if (w->column < NET_CARRY_LINE - 1)
			w->line[w->column] = (char)w->octets[i];
		w->column = w->octets[i] == '\n' ? 0 : w->column + 1;
	}
}

static struct pollfd
wish_of(const struct way *w)
{
	if (w->len)
		return (struct pollfd){ .fd = w->to, .events = POLLOUT };
	return (struct pollfd){ .fd = w->is_over ? -1 : w->from, .events = POLLIN };
}

static void
come_in(struct way *w)
{
	ssize_t count = w->is_socket ? read(w->from, w->octets, sizeof w->octets) : net_read(w->from, w->octets, sizeof w->octets);

	if (count > 0) {
		w->len = (size_t)count;
		note_lines(w);
	} else if (count == 0 || (errno != EINTR && errno != EAGAIN)) {
		w->is_over = true;
		w->len = w->farewell.len;
	}
	if (w->is_over && w->len)
		memcpy(w->octets, w->farewell.ptr, w->len);
}

static void
go_out(struct way *w)
{
	ssize_t count = w->is_socket ? net_write(w->to, bytes_of(w->octets, w->len)) : write(w->to, w->octets, w->len);

	if (count < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	w->is_over |= count <= 0;
	w->len -= count > 0 ? (size_t)count : w->len;
	if (count > 0)
		memmove(w->octets, w->octets + count, w->len);
	if (w->is_over && w->is_socket && w->len == 0)
		net_shutdown(w->to);
}

void
net_carry(int in, int out, int fd, struct bytes farewell, char line[NET_CARRY_LINE])
{
	struct way there = { .from = in, .to = fd, .is_socket = true, .farewell = farewell }, back = { .from = fd, .to = out, .line = line };

	memset(line, 0, NET_CARRY_LINE);
	while (!back.is_over || back.len) {
		struct pollfd wishes[] = { wish_of(&there), wish_of(&back) };

		if (poll(wishes, 2, -1) == -1)
			continue; /* a signal */
		if (wishes[0].revents)
			(there.len ? go_out : come_in)(&there);
		if (wishes[1].revents)
			(back.len ? go_out : come_in)(&back);
	}
}
