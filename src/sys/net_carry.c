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
};

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

	if (count > 0)
		w->len = (size_t)count;
	else if (count == 0 || (errno != EINTR && errno != EAGAIN))
		w->is_over = true;
	if (w->is_over && w->is_socket)
		net_shutdown(w->to);
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
}

bool
net_carry(int in, int out, int fd)
{
	struct way there = { .from = in, .to = fd, .is_socket = true }, back = { .from = fd, .to = out };
	bool has_said = false;

	while (!back.is_over || back.len) {
		struct pollfd wishes[] = { wish_of(&there), wish_of(&back) };

		if (poll(wishes, 2, -1) == -1)
			continue; /* a signal */
		if (wishes[0].revents)
			(there.len ? go_out : come_in)(&there);
		if (wishes[1].revents)
			(back.len ? go_out : come_in)(&back);
		has_said |= back.len > 0;
	}
	return has_said;
}
