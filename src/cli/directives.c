#include "cli/cli.h"

#include "cli/manual.h"

static int
run(int argc, char **argv)
{
	bool is_manual = false, is_limits = false;
	const struct cli_option options[] = { { "--man", NULL, &is_manual }, { "--limits", NULL, &is_limits }, { 0 } };
	struct buf out;
	int operands = cli_take_options(argc, argv, options);

	if (operands < 0)
		return CLI_MISUSED;
	if (operands > 0)
		return cli_misused(argv[0], "it takes no argument");
	buf_init(&out, CONFIG_FILE_MAX);
	if (is_manual)
		manual_put_page(&out);
	else if (is_limits)
		manual_put_limits(&out);
	else
		manual_put_list(&out);
	return cli_print(&out);
}

const struct cli_command cli_directives = {
	.name = "directives",
	.summary = "list every directive of the configuration, and what it means",
	.usage = "directives [--man | --limits]\n"
		 "\n"
		 "Prints how each directive is written, its default and its meaning.\n"
		 "\n"
		 "  --man     as the manual page mermoz.conf(5)\n"
		 "  --limits  the limits as a table in Markdown\n",
	.run = run,
};
