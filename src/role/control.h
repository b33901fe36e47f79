/* The socket of the command line: a line asks, a line answers, or several (control_line.h). */
#ifndef ROLE_CONTROL_H
#define ROLE_CONTROL_H

#include "base/buf.h"
#include "base/fault.h"
#include "sys/loop.h"

/* A longer line is no command. */
#define CONTROL_LINE_MAX 4096
#define CONTROL_ANSWER_MAX 8192
/* A long answer: it has to fit into the socket's buffer. */
#define CONTROL_LINES_MAX 65536
/* So many may be connected at a time. */
#define CONTROL_CLIENTS_MAX 16

enum control_command {
	CONTROL_NONE, /* the line is not whole yet */
	CONTROL_RELOAD,
	CONTROL_STATUS,
	CONTROL_QUESTION, /* a line with values: control_line.h */
	CONTROL_UNKNOWN, /* a line that is no command, or is too long ever to be one */
};

/* Takes a line from the front of *in into *line, with its LF, and says what it asks for.  Only LF ends a line. */
enum control_command control_take(struct bytes *in, struct bytes *line);

/* A question that is not answered yet; its client hears nothing else before. */
struct control_question;

/* reload and put_status may be NULL: there are no such commands. */
struct control_handlers {
	/* Reads the source again; 0 when what it says is in force, else -1 with *f. */
	int (*reload)(void *arg, struct fault *f);
	/* Appends one line's worth, without LF. */
	void (*put_status)(void *arg, struct buf *out);
	/* Answers with control_answer, in here or later.  line: as control_take has it, borrowed for the call. */
	void (*ask)(void *arg, struct control_question *question, struct bytes line);
};

struct control;

/* handlers and arg must outlive it. Owned. */
struct control *control_new(struct loop *loop, const struct control_handlers *handlers, void *arg);
/* Cuts its clients; what they asked still wants its control_answer.  Before loop_free. */
void control_free(struct control **c);
/* Sends the whole answer, with its LF, to who asked, if it is still there; the question is gone. */
void control_answer(struct control_question **question, struct bytes answer);
/* The same, with a descriptor beside it, which stays the caller's. */
void control_answer_with(struct control_question **question, struct bytes answer, int descriptor);
/* Serves clients of this listening descriptor, which stays the caller's, and of no other any more. */
void control_listen(struct control *c, int listener);
/* Accepts nobody any more; who is connected is served. */
void control_unlisten(struct control *c);

#endif
