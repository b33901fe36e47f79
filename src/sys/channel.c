/* A channel is a socket that keeps the bounds of frames.  Three things are not obvious.

   Sending is from any thread and tries the socket at once, under the mutex.  Only when the socket
   is full does a frame wait in the queue, with duplicates of its descriptors; then the loop is
   asked (loop_defer) to watch for room.  While anything waits, everything queues behind it, so the
   order of frames is the order of calls.

   Receiving is on the loop's thread, several frames to a system call, into batches that all
   channels of the process share: an idle channel costs no buffer.  A handler may call channel_poll
   while it holds a borrowed frame; then the rest of the batch is handed out first and what comes
   after goes into another batch, so that order and the borrowed frame both hold.

   The end: `lost` is called once, on the loop's thread, after every frame that had arrived. */
#include "sys/channel.h"

#include "base/memory.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH_FRAMES 8
/* So that one busy channel does not keep the loop from the others. */
#define BATCHES_A_TURN 8

struct queued {
	struct queued *next;
	size_t fd_count;
	int fds[CHANNEL_FDS_MAX];
	size_t len;
	uint8_t octets[];
};

/* What counts for CHANNEL_QUEUE_MAX. */
static size_t
weight(size_t octets, size_t fd_count)
{
	return sizeof(struct queued) + octets + fd_count * CHANNEL_FD_OCTETS;
}

union control {
	struct cmsghdr align;
	uint8_t octets[CMSG_SPACE(CHANNEL_FDS_MAX * sizeof(int))];
};

struct batch {
	struct batch *next_free;
	struct mmsghdr headers[BATCH_FRAMES];
	struct iovec parts[BATCH_FRAMES];
	union control controls[BATCH_FRAMES];
	size_t count, at; /* received, and the next to hand out */
	uint64_t octets[BATCH_FRAMES][CHANNEL_FRAME_MAX / sizeof(uint64_t)];
};

struct channel {
	struct watch watch;
	struct loop *loop;
	struct defer attention; /* another thread met a full or broken socket */
	struct channel_handlers handlers;
	void *arg;
	int fd;
	struct batch *batch; /* that is being handed out, innermost */
	bool is_freed;
	bool is_lost; /* `lost` was called, or need not be */

	pthread_mutex_t mutex; /* for what follows */
	struct queued *first, *last;
	size_t queued_octets;
	bool is_broken; /* sending fails from here on */
};

static pthread_mutex_t batch_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct batch *free_batches;

static struct batch *
batch_take(void)
{
	pthread_mutex_lock(&batch_mutex);
	struct batch *b = free_batches;
	if (b)
		free_batches = b->next_free;
	pthread_mutex_unlock(&batch_mutex);
	return b ? b : NEW(struct batch);
}

static void
batch_give(struct batch *b)
{
	pthread_mutex_lock(&batch_mutex);
	b->next_free = free_batches;
	free_batches = b;
	pthread_mutex_unlock(&batch_mutex);
}

static int
batch_receive(struct batch *b, int fd)
{
	int got;

	for (size_t i = 0; i < BATCH_FRAMES; i++) {
		b->parts[i] = (struct iovec){ b->octets[i], CHANNEL_FRAME_MAX };
		b->headers[i].msg_hdr = (struct msghdr){ .msg_iov = &b->parts[i],
			.msg_iovlen = 1,
			.msg_control = &b->controls[i],
			.msg_controllen = sizeof b->controls[i] };
	}
	do {
		got = recvmmsg(fd, b->headers, BATCH_FRAMES, MSG_DONTWAIT | MSG_CMSG_CLOEXEC, NULL);
	} while (got == -1 && errno == EINTR);
	b->at = 0;
	b->count = got > 0 ? (size_t)got : 0;
	return got;
}

/* The descriptors of frame i; how many. */
static size_t
batch_descriptors(struct batch *b, size_t i, int fds[CHANNEL_FDS_MAX])
{
	struct msghdr *header = &b->headers[i].msg_hdr;
	size_t count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t here = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		assert(count + here <= CHANNEL_FDS_MAX);
		memcpy(fds + count, CMSG_DATA(c), here * sizeof(int));
		count += here;
	}
	return count;
}

static void
close_all(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
}

static void
batch_discard_rest(struct batch *b)
{
	int fds[CHANNEL_FDS_MAX];

	for (; b->at < b->count; b->at++)
		close_all(fds, batch_descriptors(b, b->at, fds));
}

static bool
is_over(const struct channel *c)
{
	return c->is_freed || c->is_lost;
}

static void
drop_queue(struct channel *c)
{
	while (c->first) {
		struct queued *q = c->first;

		c->first = q->next;
		close_all(q->fds, q->fd_count);
		memory_free(q);
	}
	c->last = NULL;
	c->queued_octets = 0;
}

static void
lose(struct channel *c)
{
	if (is_over(c))
		return;
	c->is_lost = true;
	pthread_mutex_lock(&c->mutex);
	c->is_broken = true;
	drop_queue(c);
	pthread_mutex_unlock(&c->mutex);
	watch_want(&c->watch, 0);
	if (c->handlers.lost)
		c->handlers.lost(c->arg);
}

/* Hands out what is left of the batch; false when the channel is over. */
static bool
hand_out(struct channel *c, struct batch *b)
{
	int fds[CHANNEL_FDS_MAX];

	while (b->at < b->count && !is_over(c)) {
		size_t i = b->at++;
		const struct mmsghdr *header = &b->headers[i];
		size_t fd_count = batch_descriptors(b, i, fds);

		/* No length is the end: frames have at least one octet. */
		if (header->msg_len == 0 || (header->msg_hdr.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
			close_all(fds, fd_count);
			lose(c);
			break;
		}
		c->handlers.frame(c->arg, bytes_of(b->octets[i], header->msg_len), fds, fd_count);
	}
	if (is_over(c))
		batch_discard_rest(b);
	return !is_over(c);
}

/* One batch; true when there may be more.  The channel itself lives until a later turn. */
static bool
receive(struct channel *c)
{
	struct batch *outer = c->batch;
	struct batch *b = batch_take();
	bool has_more = false;
	int got = batch_receive(b, c->fd);

	if (got > 0) {
		c->batch = b;
		has_more = hand_out(c, b) && got == BATCH_FRAMES;
		c->batch = outer;
	} else if (got == -1 && errno == ECONNRESET) {
		/* Said once, before the frames that the other side sent and then died. */
		has_more = true;
	} else if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) {
		lose(c);
	}
	batch_give(b);
	return has_more;
}

size_t
channel_untaken_octets(struct channel *c)
{
	uint32_t memory[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof memory;
	size_t octets;

	if (getsockopt(c->fd, SOL_SOCKET, SO_MEMINFO, memory, &len) != 0)
		return SIZE_MAX;
	(void)pthread_mutex_lock(&c->mutex);
	octets = c->queued_octets + memory[SK_MEMINFO_WMEM_ALLOC];
	(void)pthread_mutex_unlock(&c->mutex);
	return octets;
}

void
channel_poll(struct channel *c)
{
	if (is_over(c) || (c->batch && !hand_out(c, c->batch)))
		return;
	for (int i = 0; i < BATCHES_A_TURN && receive(c); i++)
		;
}

/* 0, or an errno value. */
static int
send_frame(int fd, struct bytes frame, const int *fds, size_t fd_count)
{
	union control control;
	struct iovec part = { (void *)(uintptr_t)frame.ptr, frame.len };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t done;

	if (fd_count > 0) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		memset(&control, 0, message.msg_controllen);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(&control.align), fds, fd_count * sizeof(int));
	}
	do {
		done = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (done == -1 && errno == EINTR);
	return done == -1 ? errno : 0;
}

static bool
is_full(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS || error == ENOMEM;
}

/* From here on under the mutex of the channel. */
static int
break_off(struct channel *c)
{
	if (!c->is_broken) {
		c->is_broken = true;
		drop_queue(c);
		loop_defer(c->loop, &c->attention);
	}
	return -1;
}

static int
duplicate_all(const int *from, int *to, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		to[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 3);
		if (to[i] == -1) {
			close_all(to, i);
			return -1;
		}
	}
	return 0;
}

static int
enqueue(struct channel *c, struct bytes frame, const int *fds, size_t fd_count)
{
	if (c->queued_octets + weight(frame.len, fd_count) > CHANNEL_QUEUE_MAX)
		return break_off(c);
	struct queued *q = memory_new(sizeof *q + frame.len);
	if (duplicate_all(fds, q->fds, fd_count) == -1) {
		memory_free(q);
		return -1;
	}
	q->fd_count = fd_count;
	q->len = frame.len;
	memcpy(q->octets, frame.ptr, frame.len);
	if (c->last)
		c->last->next = q;
	else
		c->first = q;
	c->last = q;
	c->queued_octets += weight(frame.len, fd_count);
	loop_defer(c->loop, &c->attention);
	return 0;
}

static int
send_locked(struct channel *c, struct bytes frame, const int *fds, size_t fd_count, bool may_queue)
{
	if (c->is_broken)
		return -1;
	int error = c->first ? EAGAIN : send_frame(c->fd, frame, fds, fd_count);
	if (error == 0)
		return 0;
	if (is_full(error))
		return may_queue ? enqueue(c, frame, fds, fd_count) : -1;
	/* Too many descriptors under way, or a bad one: the frame's own trouble. */
	if (error == ETOOMANYREFS || error == EBADF || error == EMSGSIZE)
		return -1;
	return break_off(c);
}

static int
send_checked(struct channel *c, struct bytes frame, const int *fds, size_t fd_count, bool may_queue)
{
	if (frame.len == 0 || frame.len > CHANNEL_FRAME_MAX || fd_count > CHANNEL_FDS_MAX)
		return -1;
	pthread_mutex_lock(&c->mutex);
	int result = send_locked(c, frame, fds, fd_count, may_queue);
	pthread_mutex_unlock(&c->mutex);
	return result;
}

int
channel_send(struct channel *c, struct bytes frame, const int *fds, size_t fd_count)
{
	return send_checked(c, frame, fds, fd_count, true);
}

int
channel_send_now(struct channel *c, struct bytes frame, const int *fds, size_t fd_count)
{
	return send_checked(c, frame, fds, fd_count, false);
}

static void
flush_locked(struct channel *c)
{
	while (c->first) {
		struct queued *q = c->first;
		int error = send_frame(c->fd, bytes_of(q->octets, q->len), q->fds, q->fd_count);

		if (is_full(error))
			return;
		if (error != 0) {
			(void)break_off(c);
			return;
		}
		c->first = q->next;
		if (!c->first)
			c->last = NULL;
		c->queued_octets -= weight(q->len, q->fd_count);
		close_all(q->fds, q->fd_count);
		memory_free(q);
	}
}

static void
flush(struct channel *c)
{
	pthread_mutex_lock(&c->mutex);
	flush_locked(c);
	bool has_more = c->first != NULL;
	pthread_mutex_unlock(&c->mutex);
	if (!is_over(c))
		watch_want(&c->watch, has_more ? LOOP_READABLE | LOOP_WRITABLE : LOOP_READABLE);
}

static void
on_ready(struct watch *w, unsigned int events)
{
	struct channel *c = (struct channel *)w;

	if (events & LOOP_READABLE)
		channel_poll(c);
	if (!is_over(c))
		flush(c);
}

static void
on_attention(struct defer *d)
{
	struct channel *c = (struct channel *)((char *)d - offsetof(struct channel, attention));

	pthread_mutex_lock(&c->mutex);
	bool is_broken = c->is_broken;
	pthread_mutex_unlock(&c->mutex);
	if (!is_broken) {
		flush(c);
		return;
	}
	while (!is_over(c) && receive(c))
		;
	lose(c);
}

struct channel *
channel_new(struct loop *loop, int fd, const struct channel_handlers *handlers, void *arg)
{
	struct channel *c = NEW(struct channel);

	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	c->loop = loop;
	c->fd = fd;
	c->handlers = *handlers;
	c->arg = arg;
	c->attention.work = on_attention;
	pthread_mutex_init(&c->mutex, NULL);
	watch_init(&c->watch, loop, fd, on_ready);
	watch_want(&c->watch, LOOP_READABLE);
	return c;
}

static void
on_closed(struct watch *w)
{
	struct channel *c = (struct channel *)w;

	close(c->fd);
	pthread_mutex_destroy(&c->mutex);
	memory_free(c);
}

void
channel_free(struct channel **at)
{
	struct channel *c = *at;

	if (!c)
		return;
	*at = NULL;
	c->is_freed = true;
	pthread_mutex_lock(&c->mutex);
	c->is_broken = true;
	drop_queue(c);
	pthread_mutex_unlock(&c->mutex);
	loop_defer_cancel(c->loop, &c->attention);
	watch_close(&c->watch, on_closed);
}

int
channel_pair(int fds[2], struct fault *f)
{
	/* What the system grants: the kernel doubles it and counts its own overhead. */
	const int size = 1024 * 1024;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == -1)
		return fault_errno(f, errno, "make a pair of sockets");
	for (int i = 0; i < 2; i++)
		if (setsockopt(fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) == -1)
			(void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	return 0;
}
