/* Frames and descriptors between two roles over a SOCK_SEQPACKET pair.  Knows nothing of what the
   frames mean (that is ipc). */
#ifndef SYS_CHANNEL_H
#define SYS_CHANNEL_H

#include "base/fault.h"
#include "sys/loop.h"

/* Larger frames are neither sent nor taken. */
#define CHANNEL_FRAME_MAX (96 * 1024)
/* Descriptors that ride along with a frame. */
#define CHANNEL_FDS_MAX 32
/* Octets of memory that what waits for a slow receiver may take; a descriptor, of which a process has few, counts as
   CHANNEL_FD_OCTETS of them. */
#define CHANNEL_QUEUE_MAX (16 * 1024 * 1024)
#define CHANNEL_FD_OCTETS 2048

struct channel;

struct channel_handlers {
	/* A frame; borrowed for the call.  The descriptors are the handler's: it closes them.
	   The handler may call channel_free. */
	void (*frame)(void *arg, struct bytes frame, const int *fds, size_t fd_count);
	/* The other side is gone, or the queue was full.  No more frames come; the owner calls
	   channel_free (here or later). */
	void (*lost)(void *arg);
};

/* Takes fd over (non-blocking, close-on-exec set here).  Owned; `loop` reads it.
   A pair comes from channel_pair. */
struct channel *channel_new(struct loop *loop, int fd, const struct channel_handlers *handlers,
	void *arg);
/* Closes and frees in a later turn of the loop; sets *c to NULL.  No handler is called any more. */
void channel_free(struct channel **c);
/* Sends, or queues behind what waits; from any thread.  The descriptors stay the caller's (they are
   duplicated when the frame has to wait).  -1: too large, or the channel is lost. */
int channel_send(struct channel *c, struct bytes frame, const int *fds, size_t fd_count)
	__attribute__((warn_unused_result));
/* As channel_send, but only if the frame goes into the receiver's socket at once: then whoever hears
   of it from us later can count on its having arrived before.  -1 when not (and nothing was sent). */
int channel_send_now(struct channel *c, struct bytes frame, const int *fds, size_t fd_count)
	__attribute__((warn_unused_result));
/* What of the frames that were sent the other side has not taken yet, with what the kernel needs for them. */
size_t channel_untaken_octets(struct channel *c);
/* Takes what has arrived so far, without waiting; `frame` is called for each.  On the loop's thread. */
void channel_poll(struct channel *c);
/* Two connected descriptors, close-on-exec, with large socket buffers; -1 with *f. */
int channel_pair(int fds[2], struct fault *f) __attribute__((warn_unused_result));

#endif
