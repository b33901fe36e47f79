#include "cli/queue_message.h"

#include "cli/cli.h"
#include "cli/server.h"
#include "role/control_line.h"
#include "sys/disk.h"
#include "sys/terminal.h"

#include <stdio.h>

static int
print_visible(struct bytes text)
{
	int result = CLI_GOOD;

	while (result == CLI_GOOD && text.len) {
		struct bytes line = take_until(&text, '\n');
		struct buf out;

		buf_init(&out, SIZE_MAX);
		for (size_t tab; (tab = bytes_find_char(line, '\t')) < line.len; line = bytes_sub(line, tab + 1, line.len)) {
			cli_put_visible(&out, bytes_sub(line, 0, tab));
			put_char(&out, '\t');
		}
		cli_put_visible(&out, line);
		put_char(&out, '\n');
		result = cli_print(&out);
	}
	return result;
}

static int
print(struct bytes text)
{
	bool is_whole;

	if (terminal_is_output())
		return print_visible(text);
	is_whole = fwrite(text.ptr, 1, text.len, stdout) == text.len;
	return fflush(stdout) == 0 && is_whole ? CLI_GOOD : cli_failed("the output could not be written");
}

/* Up to the empty line. */
static struct bytes
header_of(struct bytes text)
{
	if (bytes_starts(text, BYTES("\n")))
		return BYTES_NONE;
	return bytes_sub(text, 0, bytes_find(text, BYTES("\n\n")) + 1);
}

static int
print_file(int file, bool is_header)
{
	struct bytes text;
	struct stat st;
	void *map;
	int result;

	if (disk->fstat(file, &st) != 0)
		return cli_failed("the message can't be read");
	if (st.st_size == 0)
		return CLI_GOOD;
	map = disk->map(file, (size_t)st.st_size, false);
	if (!map)
		return cli_failed("the message can't be read");
	text = bytes_of(map, (size_t)st.st_size);
	result = print(is_header ? header_of(text) : text);
	if (disk_is_torn(map))
		result = cli_failed("the message can't be read");
	(void)disk->unmap(map, text.len);
	return result;
}

int
queue_message_show(const struct config *c, const char *id, bool is_header)
{
	char question[CONTROL_LINE_MAX], space[SERVER_ANSWER_MAX];
	struct bytes answer;
	struct buf line;
	int file, result;

	buf_init_fixed(&line, question, sizeof question);
	control_line_put(&line, "body", FIELDS(STR("id", id)));
	put_char(&line, '\0');
	if (line.has_failed)
		return cli_misused("queue", "the question is too long");
	if (!server_hands(c, SERVER_QUEUE, question, space, &answer, &file))
		return SERVER_NOT_ASKED;
	if (bytes_equal(answer, BYTES("absent")))
		return cli_failed("no mail %s waits in the queue", id);
	if (!bytes_equal(answer, BYTES("ok")) || file == -1)
		return server_unreadable();
	result = print_file(file, is_header);
	disk_close(&file);
	return result;
}
