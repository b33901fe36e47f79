#include "cli/cli.h"

#include "base/memory.h"
#include "cli/manual.h"
#include "config/near.h"
#include "sys/disk.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COMMAND(row) extern const struct cli_command row;
#include "cli/commands.def"
#undef COMMAND

static const struct cli_command *const commands[] = {
#define COMMAND(row) &row,
#include "cli/commands.def"
#undef COMMAND
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

const struct cli_command *
cli_command_at(size_t index)
{
	return index < COMMANDS ? commands[index] : NULL;
}

static const struct cli_command *
find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static void
help_all(void)
{
	printf("Mermoz %s, a mail server: SMTP in and out, mail in Maildirs, IMAP.\n\n"
	       "Usage: mermoz COMMAND [OPTION ...] [ARGUMENT ...]\n\n",
		MERMOZ_VERSION);
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %-12s %s\n", commands[i]->name, commands[i]->summary);
	printf("\n`mermoz COMMAND --help` says more about one, with an example.\n"
	       "Those that read the configuration read %s,\n"
	       "or the file that follows -c.\n\n"
	       "A first server: write the file (mermoz.conf(5) has one to start from),\n"
	       "then `mermoz check`, `mermoz user add ADDRESS`, `mermoz serve`.\n",
		CONFIG_DEFAULT_PATH);
}

void
cli_help(const char *name)
{
	const struct cli_command *command = name ? find(name) : NULL;

	if (!command)
		help_all();
	else
		printf("Usage: mermoz %s", command->usage);
}

static int
no_such_command(const char *name)
{
	struct near best = { 0 };

	for (size_t i = 0; i < COMMANDS; i++)
		near_try(&best, bytes_text(name), commands[i]->name);
	fprintf(stderr, "mermoz: there is no command \"%s\"", name);
	if (best.name)
		fprintf(stderr, "; did you mean \"%s\"?\n", best.name);
	else
		fprintf(stderr, "; `mermoz --help` lists all\n");
	return CLI_MISUSED;
}

static bool
asks_for_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

static int
print_manual(void)
{
	struct buf out;

	buf_init(&out, CONFIG_FILE_MAX);
	manual_put_commands(&out);
	return cli_print(&out);
}

int
cli_main(int argc, char **argv)
{
	const struct cli_command *command;

	if (argc < 2) {
		help_all();
		return CLI_MISUSED;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("mermoz %s\n", MERMOZ_VERSION);
		return CLI_GOOD;
	}
	if (strcmp(argv[1], "help") == 0 && argc == 3 && strcmp(argv[2], "--man") == 0)
		return print_manual();
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		if (argc > 2 && !find(argv[2]))
			return no_such_command(argv[2]);
		cli_help(argc > 2 ? argv[2] : NULL);
		return CLI_GOOD;
	}
	command = find(argv[1]);
	if (!command)
		return no_such_command(argv[1]);
	if (!command->run || asks_for_help(argc - 1, argv + 1)) {
		cli_help(command->name);
		return CLI_GOOD;
	}
	return command->run(argc - 1, argv + 1);
}

static const struct cli_option *
find_option(const struct cli_option *options, const char *name)
{
	for (const struct cli_option *o = options; o->name; o++)
		if (strcmp(o->name, name) == 0)
			return o;
	return NULL;
}

static int
no_such_option(const char *command, const char *name, const struct cli_option *options)
{
	struct near best = { 0 };

	for (const struct cli_option *o = options; o->name; o++)
		near_try(&best, bytes_text(name), o->name);
	if (best.name)
		(void)cli_misused(command, "there is no option %s; did you mean %s?", name, best.name);
	else
		(void)cli_misused(command, "there is no option %s", name);
	return -1;
}

int
cli_take_options(int argc, char **argv, const struct cli_option *options)
{
	int operands = 0;
	bool is_over = false;

	for (int i = 1; i < argc; i++) {
		const struct cli_option *o;

		if (is_over || argv[i][0] != '-' || argv[i][1] == '\0') {
			argv[++operands] = argv[i];
			continue;
		}
		if (strcmp(argv[i], "--") == 0) {
			is_over = true;
			continue;
		}
		o = find_option(options, argv[i]);
		if (!o)
			return no_such_option(argv[0], argv[i], options);
		if (o->is_set)
			*o->is_set = true;
		if (!o->value)
			continue;
		if (++i == argc) {
			(void)cli_misused(argv[0], "%s needs a value behind it", o->name);
			return -1;
		}
		*o->value = argv[i];
	}
	return operands;
}

int
cli_misused(const char *name, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "mermoz %s: ", name);
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n`mermoz %s --help` says how it is used.\n", name);
	return CLI_MISUSED;
}

int
cli_failed(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "mermoz: ");
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	return CLI_FAILED;
}

static void
say_error(const struct config_error *e, const char *severity)
{
	fprintf(stderr, "%s:%u:%u: %s%s\n", e->file, e->line, e->column, severity, e->text);
}

static void
say_errors(const struct config_errors *errors, const char *severity)
{
	for (size_t i = 0; i < errors->count && i < CONFIG_ERRORS_MAX; i++)
		say_error(&errors->at[i], severity);
}

static void
say_unread(const char *path, const struct config_errors *errors)
{
	struct stat st;

	say_errors(errors, "");
	fprintf(stderr, "%zu error%s\n", errors->count, errors->count == 1 ? "" : "s");
	if (disk->fstatat(AT_FDCWD, path, &st, 0) != 0)
		fprintf(stderr, "mermoz.conf(5) has a configuration to start from; -c FILE names another one.\n");
}

struct config *
cli_load(const char *path, bool has_warnings)
{
	struct config_errors *errors = NEW(struct config_errors);
	struct config *c = NULL;

	if (config_load(path, &c, errors))
		say_unread(path, errors);
	for (size_t i = 0; has_warnings && i < errors->warning_count; i++)
		say_error(&errors->warnings[i], "warning: ");
	memory_free(errors);
	return c;
}

struct config *
cli_load_good(const char *path)
{
	struct config_errors *errors = NEW(struct config_errors);
	struct config *c = NULL;

	if (config_load_good(path, &c, errors))
		say_unread(path, errors);
	else
		say_errors(errors, "warning: ");
	memory_free(errors);
	return c;
}

void
cli_put_visible(struct buf *out, struct bytes value)
{
	put_harmless(out, value, HARMLESS_PLAIN);
}

int
cli_print(struct buf *out)
{
	bool is_whole = !out->has_failed;

	if (out->len > 0)
		is_whole &= fwrite(out->ptr, 1, out->len, stdout) == out->len;
	is_whole &= fflush(stdout) == 0;
	buf_done(out);
	return is_whole ? CLI_GOOD : cli_failed("the output could not be written");
}
