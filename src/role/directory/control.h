/* The socket of the command line: a line asks, a line answers. */
#ifndef ROLE_DIRECTORY_CONTROL_H
#define ROLE_DIRECTORY_CONTROL_H

#include "base/buf.h"
#include "base/fault.h"
#include "sys/loop.h"

/* A longer line is no command. */
#define CONTROL_LINE_MAX 64
#define CONTROL_ANSWER_MAX 8192
/* So many may be connected at a time. */
#define CONTROL_CLIENTS_MAX 16

enum control_command {
	CONTROL_NONE, /* the line is not whole yet */
	CONTROL_RELOAD,
	CONTROL_STATUS,
	CONTROL_UNKNOWN, /* a line that is no command, or is too long ever to be one */
};

/* Takes a line from the front of *in and says what it asks for.  Only LF ends a line. */
enum control_command control_take(struct bytes *in);

struct control_handlers {
	/* Reads the source again; 0 when what it says is in force, else -1 with *f. */
	int (*reload)(void *arg, struct fault *f);
	/* Appends one line's worth, without LF. */
	void (*put_status)(void *arg, struct buf *out);
};

struct control;

/* handlers and arg must outlive it. Owned. */
struct control *control_new(struct loop *loop, const struct control_handlers *handlers, void *arg);
/* Cuts its clients.  Before loop_free. */
void control_free(struct control **c);
/* Serves clients of this listening descriptor, which stays the caller's, and of no other any more. */
void control_listen(struct control *c, int listener);
/* Accepts nobody any more; who is connected is served. */
void control_unlisten(struct control *c);

#endif
