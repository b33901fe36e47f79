#include "cli/cli.h"
#include "cli/json.h"
#include "cli/server.h"

enum { OUTPUT_MAX = 65536 };

/* "name=value", the value up to the next space; last_error is the rest of the line. */
static bool
take_pair(struct bytes *in, struct bytes *name, struct bytes *value)
{
	if (in->len == 0)
		return false;
	*name = take_until(in, '=');
	if (bytes_equal(*name, BYTES("last_error"))) {
		*value = *in;
		*in = BYTES_NONE;
	} else {
		*value = take_until(in, ' ');
	}
	return true;
}

/* -1 stands where there is no such time. */
static bool
is_number(struct bytes value)
{
	uint64_t number;

	(void)take_char(&value, '-');
	return take_number(&value, INT64_MAX, &number) && value.len == 0;
}

static void
put_json(struct buf *out, struct bytes status)
{
	struct bytes name, value;
	bool is_first = true;

	put_char(out, '{');
	while (take_pair(&status, &name, &value)) {
		put_text(out, is_first ? "" : ",");
		is_first = false;
		json_put_text(out, name);
		put_char(out, ':');
		if (is_number(value))
			put_bytes(out, value);
		else
			json_put_text(out, value);
	}
	put_text(out, "}\n");
}

static void
put_lines(struct buf *out, struct bytes status)
{
	struct bytes name, value;
	bool is_doubted = false;

	while (take_pair(&status, &name, &value)) {
		put_format(out, "%-14.*s %.*s\n", BYTES_ARG(name), BYTES_ARG(value));
		is_doubted |= bytes_equal(name, BYTES("doubt_missing"));
	}
	if (is_doubted)
		put_text(out, "The LDAP server lacks many accounts that it had: they are kept, and count as deleted when it has\n"
			"shown the same ones for quiet_s seconds.\n");
}

static int
show(const struct config *c, bool is_json)
{
	char space[SERVER_ANSWER_MAX];
	struct bytes answer;
	struct buf out;

	if (!server_answers(c, SERVER_DIRECTORY, "status\n", space, &answer))
		return CLI_FAILED;
	if (!take_text(&answer, BYTES("ok ")))
		return server_unreadable();
	buf_init(&out, OUTPUT_MAX);
	if (is_json)
		put_json(&out, answer);
	else
		put_lines(&out, answer);
	return cli_print(&out);
}

static int
run(int argc, char **argv)
{
	const char *path = CONFIG_DEFAULT_PATH;
	bool is_json = false;
	const struct cli_option options[] = { { "-c", &path, NULL }, { "--json", NULL, &is_json }, { 0 } };
	int operands = cli_take_options(argc, argv, options), result;
	struct config *c;

	if (operands < 0)
		return CLI_MISUSED;
	if (operands != 1 || !bytes_equal(bytes_text(argv[1]), BYTES("status")))
		return cli_misused(argv[0], "it is: mermoz directory status");
	c = cli_load_good(path);
	if (!c)
		return CLI_FAILED;
	result = show(c, is_json);
	config_free(&c);
	return result;
}

const struct cli_command cli_directory = {
	.name = "directory",
	.summary = "say how many accounts the server knows, from where, how fresh",
	.usage = "directory status [-c FILE] [--json]\n"
		 "\n"
		 "Asks the running server for its accounts: how many, which sources, how\n"
		 "old its copy is.  Of an LDAP source: whether a server answers, how\n"
		 "changes are followed (sync: the server sends each one, RFC 4533;\n"
		 "change-marker: it is asked each second whether there are any; sweep: what\n"
		 "changed is asked for every `poll`), when it was last looked at and read\n"
		 "(seconds ago; -1: never), how often that failed, and the last error; of\n"
		 "each server how often it answered and failed, the mean time of its\n"
		 "answers in microseconds (us), and which one is in use.  Of log-ins by\n"
		 "bind: how many accounts, whether a server takes passwords, how many it\n"
		 "answered, refused and put off, the mean time of one.\n"
		 "\n"
		 "  -c FILE   the configuration (/etc/mermoz/mermoz.conf)\n"
		 "  --json    one object, for programs\n",
	.run = run,
};
