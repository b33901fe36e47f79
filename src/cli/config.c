#include "cli/cli.h"

static int
run(int argc, char **argv)
{
	const char *path = CONFIG_DEFAULT_PATH;
	bool is_all = false;
	const struct cli_option options[] = { { "-c", &path, NULL }, { "--all", NULL, &is_all }, { 0 } };
	struct config *c;
	struct buf out;
	int operands = cli_take_options(argc, argv, options);

	if (operands < 0)
		return CLI_MISUSED;
	if (operands > 0)
		return cli_misused(argv[0], "the file stands behind -c");
	c = cli_load(path, false);
	if (!c)
		return CLI_FAILED;
	buf_init(&out, (size_t)16 * CONFIG_FILE_MAX);
	config_put_text(c, is_all, &out);
	config_free(&c);
	return cli_print(&out);
}

const struct cli_command cli_config = {
	.name = "config",
	.summary = "print what the configuration changes, or all that is in force",
	.usage = "config [-c FILE] [--all]\n"
		 "\n"
		 "Prints the configuration as one file, includes taken in: what differs\n"
		 "from the defaults.  Secrets print as ***.\n"
		 "\n"
		 "  -c FILE   the configuration (/etc/mermoz/mermoz.conf)\n"
		 "  --all     every directive with the value in force\n",
	.run = run,
};
