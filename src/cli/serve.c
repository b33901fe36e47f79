#include "cli/cli.h"

/* main.c runs it; here is its help. */
const struct cli_command cli_serve = {
	.name = "serve",
	.summary = "run the server",
	.usage = "serve [-c FILE]\n"
		 "\n"
		 "Starts every role and serves until SIGTERM, in the foreground; events go to standard\n"
		 "error, a line each.  SIGHUP reads the configuration again: all of it comes into force,\n"
		 "or nothing when there is an error in it.  SIGTERM lets open sessions finish.\n"
		 "As root each role gives up its rights for an account of its own; as an ordinary\n"
		 "user all roles stay that user.\n"
		 "\n"
		 "  -c FILE   the configuration (/etc/mermoz/mermoz.conf)\n",
};
