/* mermoz: `serve` is the supervisor, `role NAME` what it starts, everything else is the command line's. */
#include "cli/cli.h"
#include "role/directory/directory.h"
#include "role/front/front.h"
#include "role/queue/queue.h"
#include "role/relay/relay.h"
#include "role/resolver/resolver.h"
#include "role/store/store.h"
#include "role/supervisor/supervisor.h"

#include <string.h>

static int
serve(int argc, char **argv)
{
	const char *path = CONFIG_DEFAULT_PATH;
	const struct cli_option options[] = { { "-c", &path, NULL }, { NULL, NULL, NULL } };
	int count = cli_take_options(argc, argv, options);

	if (count < 0)
		return CLI_MISUSED;
	if (count > 0)
		return cli_misused("serve", "\"%s\" is not expected", argv[1]);
	return supervisor_run(path);
}

static int
be_role(const char *name)
{
	static const struct role_hooks *const hooks[ROLE_COUNT] = {
		[ROLE_FRONT] = &front_hooks,
		[ROLE_DIRECTORY] = &directory_hooks,
		[ROLE_STORE] = &store_hooks,
		[ROLE_QUEUE] = &queue_hooks,
		[ROLE_RELAY] = &relay_hooks,
		[ROLE_RESOLVER] = &resolver_hooks,
	};
	enum role role = ipc_role_by_name(bytes_text(name));

	if (role >= ROLE_COUNT || !hooks[role])
		return cli_failed("there is no role \"%s\"; roles are started by `mermoz serve`", name);
	return role_run(role, hooks[role]);
}

static bool
wants_help(int argc, char **argv)
{
	for (int i = 2; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0)
			return true;
	return false;
}

int
main(int argc, char **argv)
{
	int as_sendmail;

	if (argc >= 1 && (as_sendmail = cli_sendmail(argc, argv)) >= 0)
		return as_sendmail;
	if (argc >= 2 && strcmp(argv[1], "serve") == 0 && !wants_help(argc, argv))
		return serve(argc - 1, argv + 1);
	if (argc == 3 && strcmp(argv[1], "role") == 0)
		return be_role(argv[2]);
	return cli_main(argc, argv);
}
