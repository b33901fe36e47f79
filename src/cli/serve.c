#include "cli/cli.h"

/* main.c runs it; here is its help. */
const struct cli_command cli_serve = {
	.name = "serve",
	.summary = "run the server",
	.usage = "serve [-c FILE]\n"
		 "\n"
		 "Starts every role and serves until SIGTERM, in the foreground; events go\n"
		 "to standard error, a line each.  SIGHUP reads the configuration again:\n"
		 "all of it comes into force, or nothing when there is an error in it.\n"
		 "SIGTERM lets open sessions finish.  As root each role gives up its rights\n"
		 "for an account of its own; as an ordinary user all roles stay that user.\n"
		 "\n"
		 "  -c FILE   the configuration (/etc/mermoz/mermoz.conf)\n",
};
