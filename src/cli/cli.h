/* The command line: `mermoz COMMAND …`.  One file for each command, one row for each in commands.def. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "config/config.h"

/* A command: `const struct cli_command cli_NAME` in NAME.c, and COMMAND(cli_NAME) in commands.def. */
struct cli_command {
	const char *name;
	const char *summary; /* one line for `mermoz --help`, without a full stop */
	/* For `mermoz NAME --help`: the synopsis without "mermoz", an empty line, then what it does, its options
	   and an example; ends with LF. */
	const char *usage;
	/* argv[0] is the command's name.  The exit code: 0; 1 when it failed (and said why on stderr), 2 for wrong
	   usage.  NULL: main.c runs it (serve). */
	int (*run)(int argc, char **argv);
};

enum { CLI_GOOD, CLI_FAILED, CLI_MISUSED };

/* An option of a command; the list ends with name NULL. */
struct cli_option {
	const char *name; /* "-c", "--all" */
	const char **value; /* gets what follows; or NULL: a flag */
	bool *is_set; /* gets true; may be NULL */
};

/* The commands in the order of `mermoz --help`; NULL behind the last. */
const struct cli_command *cli_command_at(size_t index);
/* `mermoz …` for every command but those main.c runs; the exit code. */
int cli_main(int argc, char **argv);
/* For a program that was started as sendmail, mailq or newaliases: does what they do, and is the exit code; -1: it was not. */
int cli_sendmail(int argc, char **argv);
/* Prints the usage of a command, or of all when there is none of that name. */
void cli_help(const char *name);
/* Takes the options out of argv; operands stay, in order, behind argv[0].  Their number, or -1 when an option
   is wrong (said on stderr).  What follows "--" is an operand. */
int cli_take_options(int argc, char **argv, const struct cli_option *options);
/* "mermoz NAME: …" on stderr, and CLI_MISUSED with a pointer to the help. */
int cli_misused(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "mermoz: …" on stderr, and CLI_FAILED. */
int cli_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Appends what may be meant for a terminal: control octets and what is no UTF-8 stand as \xNN. */
void cli_put_visible(struct buf *out, struct bytes value);
/* The configuration of that file (owned), or NULL after every error was printed on stderr; has_warnings: those too. */
struct config *cli_load(const char *path, bool has_warnings);
/* What config_load_good takes of it, with its errors printed as warnings; NULL: it can't be read. */
struct config *cli_load_good(const char *path);
/* Prints what is in the buffer on stdout and gives it back; the exit code. */
int cli_print(struct buf *out);

#endif
