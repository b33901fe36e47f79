/* The running server, asked over the sockets of its directory and its queue. */
#ifndef CLI_SERVER_H
#define CLI_SERVER_H

#include "config/config.h"
#include "role/control.h"

#define SERVER_ANSWER_MAX CONTROL_LINES_MAX

/* Who is asked. */
#define SERVER_DIRECTORY "directory.sock"
#define SERVER_QUEUE "queue.sock"

enum server_result {
	SERVER_ANSWERED, /* *answer is its line, without LF, or the lines of a long answer (control_line.h); in `space` */
	SERVER_NOT_RUNNING,
	SERVER_FAILED, /* *f says why */
};

/* Sends a line (LF included) and waits some seconds for the answer. */
enum server_result server_ask(const struct config *config, const char *who, const char *line,
	char space[SERVER_ANSWER_MAX], struct bytes *answer, struct fault *f);

/* The exit code of a command whose question the server did not answer. */
enum { SERVER_NOT_ASKED = 3 };

/* server_ask for a command that is nothing without the answer: false, and stderr says why, when nobody answers or the answer
   is an "error". */
bool server_answers(const struct config *config, const char *who, const char *line, char space[SERVER_ANSWER_MAX],
	struct bytes *answer);
/* The same, of an answer that may have a descriptor beside it: *file (owned), or -1. */
bool server_hands(const struct config *config, const char *who, const char *line, char space[SERVER_ANSWER_MAX],
	struct bytes *answer, int *file);
/* The answer was none that can be read: says so, and is SERVER_NOT_ASKED. */
int server_unreadable(void);

#endif
