#include "cli/server.h"

#include "cli/cli.h"
#include "role/control_line.h"
#include "sys/net.h"
#include "sys/process.h"

#include <errno.h>
#include <stdio.h>

enum { WAIT_MS = 60000, PATH_OCTETS_MAX = 4096 };

/* False: it does not answer. */
static bool
talk(int fd, const char *line, char *space, struct bytes *answer, int *file)
{
	size_t len = 0;
	ssize_t count = net_write(fd, bytes_text(line));

	while (count > 0 && len < SERVER_ANSWER_MAX && net_wait(fd, WAIT_MS)) {
		struct bytes come;

		count = file && *file == -1 ? net_read_with(fd, space + len, SERVER_ANSWER_MAX - len, file) :
			net_read(fd, space + len, SERVER_ANSWER_MAX - len);
		len += count > 0 ? (size_t)count : 0;
		come = bytes_of(space, len);
		if (control_take_answer(&come, answer))
			return true;
	}
	return false;
}

/* file: -1, and gets what came beside the answer; NULL: nothing is taken. */
static enum server_result
ask(const struct config *config, const char *who, const char *line, char space[SERVER_ANSWER_MAX], struct bytes *answer, int *file,
	struct fault *f)
{
	char path[PATH_OCTETS_MAX];
	int fd;

	(void)snprintf(path, sizeof path, "%.*s/%s", BYTES_ARG(config->run_directory), who);
	/* Who edits accounts as root acts as their owner; the socket wants root. */
	if (process_act_as(NULL, f) != 0)
		return SERVER_FAILED;
	fd = net_connect_unix(path, f);
	if (fd < 0)
		return errno == ENOENT || errno == ECONNREFUSED ? SERVER_NOT_RUNNING : SERVER_FAILED;
	if (!talk(fd, line, space, answer, file)) {
		net_close(fd);
		fault_set(f, FAULT_TEMP, "it does not answer");
		return SERVER_FAILED;
	}
	net_close(fd);
	return SERVER_ANSWERED;
}

enum server_result
server_ask(const struct config *config, const char *who, const char *line, char space[SERVER_ANSWER_MAX],
	struct bytes *answer, struct fault *f)
{
	return ask(config, who, line, space, answer, NULL, f);
}

static bool
answers(const struct config *config, const char *who, const char *line, char space[SERVER_ANSWER_MAX], struct bytes *answer, int *file)
{
	struct fault f;

	switch (ask(config, who, line, space, answer, file, &f)) {
	case SERVER_ANSWERED:
		if (!take_text(answer, BYTES("error ")))
			return true;
		(void)cli_failed("the running server says: %.*s", BYTES_ARG(*answer));
		break;
	case SERVER_NOT_RUNNING:
		(void)cli_failed("no server runs with this configuration (nobody listens in %.*s); start it: mermoz serve",
			BYTES_ARG(config->run_directory));
		break;
	case SERVER_FAILED:
		(void)cli_failed("the running server could not be asked: %s", f.text);
		break;
	}
	return false;
}

bool
server_answers(const struct config *config, const char *who, const char *line, char space[SERVER_ANSWER_MAX],
	struct bytes *answer)
{
	return answers(config, who, line, space, answer, NULL);
}

bool
server_hands(const struct config *config, const char *who, const char *line, char space[SERVER_ANSWER_MAX],
	struct bytes *answer, int *file)
{
	*file = -1;
	return answers(config, who, line, space, answer, file);
}

int
server_unreadable(void)
{
	(void)cli_failed("the running server's answer can't be read: is it of another version?");
	return SERVER_NOT_ASKED;
}
