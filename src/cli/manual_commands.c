#include "cli/manual.h"

#include "cli/cli.h"

#include <string.h>

static const char page_head[] =
	".\\\" Made by `mermoz help --man` from the commands' own help.\n"
	".TH MERMOZ 1 \"\" \"Mermoz\" \"User commands\"\n"
	".SH NAME\n"
	"mermoz, sendmail, mailq, newaliases \\- the mail server Mermoz\n"
	".SH SYNOPSIS\n"
	"\\fBmermoz\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR ...] [\\fIARGUMENT\\fR ...]\n"
	".SH DESCRIPTION\n"
	"One program is the server (\\fBmermoz serve\\fR) and all that goes with it. Commands that ask the running server do so over socket files in its\n"
	"\\fBrun_directory\\fR, and need no more of the configuration: what is wrong with it is a warning to them, as it is to those that list and show accounts. Those that change the embedded directory tell it to read that again. Those that read the configuration read\n"
	"\\fI/etc/mermoz/mermoz.conf\\fR, or the file behind \\fB\\-c\\fR. Started by the name of sendmail, mailq or newaliases it does what these do: see\n"
	"\\fBsend\\fR.\n"
	".PP\n"
	"What a command prints is on standard output, what went wrong on standard error. Unless its help says more, it exits with 0, with 1 when it failed, with 2 when\n"
	"it was called wrongly. \\fBmermoz COMMAND \\-\\-help\\fR prints what stands here.\n"
	".SH COMMANDS\n";

static const char page_tail[] =
	".SH FILES\n"
	"\\fI/etc/mermoz/mermoz.conf\\fR, \\fI/run/mermoz/directory.sock\\fR, \\fI/run/mermoz/queue.sock\\fR, \\fI/run/mermoz/submit\\fR\n"
	".SH SEE ALSO\n"
	"\\fBmermoz.conf\\fR(5)\n";

/* Lines of the synopsis that help aligns behind "Usage: " begin at the edge here. */
static void
put_usage(struct buf *out, struct bytes usage)
{
	bool is_synopsis = true;

	put_text(out, ".PP\n.EX\nmermoz ");
	while (usage.len) {
		struct bytes line = take_until(&usage, '\n');

		is_synopsis = is_synopsis && line.len;
		if (is_synopsis)
			(void)take_text(&line, BYTES("       "));
		manual_put_roff(out, line);
		put_char(out, '\n');
	}
	put_text(out, ".EE\n");
}

/* One that says the same under another name says it once. */
static bool
is_told(const struct cli_command *before, const struct cli_command *command)
{
	return before && strcmp(before->usage + strlen(before->name), command->usage + strlen(command->name)) == 0;
}

void
manual_put_commands(struct buf *out)
{
	const struct cli_command *command, *before = NULL;

	put_text(out, page_head);
	for (size_t i = 0; (command = cli_command_at(i)); i++, before = command) {
		put_format(out, ".SS mermoz %s\n", command->name);
		put_char(out, (uint8_t)(command->summary[0] - 'a' + 'A'));
		manual_put_roff(out, bytes_text(command->summary + 1));
		put_text(out, ".\n");
		if (!is_told(before, command))
			put_usage(out, bytes_text(command->usage));
	}
	put_text(out, page_tail);
}
