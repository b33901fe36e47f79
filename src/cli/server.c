#include "cli/server.h"

#include "sys/net.h"

#include <errno.h>
#include <stdio.h>

enum { WAIT_MS = 60000, PATH_OCTETS_MAX = 4096 };

/* The whole answer without its LF, or empty. */
static struct bytes
talk(int fd, const char *line, char *answer)
{
	size_t len = 0;
	ssize_t count = net_write(fd, bytes_text(line));

	while (count > 0 && len < SERVER_ANSWER_MAX && (len == 0 || answer[len - 1] != '\n') && net_wait(fd, WAIT_MS)) {
		count = net_read(fd, answer + len, SERVER_ANSWER_MAX - len);
		len += count > 0 ? (size_t)count : 0;
	}
	return bytes_trim(bytes_of(answer, len));
}

enum server_result
server_ask(const struct config *config, const char *line, char space[SERVER_ANSWER_MAX], struct bytes *answer,
	struct fault *f)
{
	char path[PATH_OCTETS_MAX];
	int fd;

	(void)snprintf(path, sizeof path, "%.*s/directory.sock", BYTES_ARG(config->run_directory));
	fd = net_connect_unix(path, f);
	if (fd < 0)
		return errno == ENOENT || errno == ECONNREFUSED ? SERVER_NOT_RUNNING : SERVER_FAILED;
	*answer = talk(fd, line, space);
	net_close(fd);
	if (answer->len > 0)
		return SERVER_ANSWERED;
	fault_set(f, FAULT_TEMP, "it does not answer");
	return SERVER_FAILED;
}
