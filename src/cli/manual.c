#include "cli/manual.h"

#include "config/directive.h"
#include "config/unit.h"
#include "ipc/ipc.h"

#include <string.h>

/* A number as it is written in the configuration. */
static void
put_value(struct buf *out, const struct directive *d, uint64_t value)
{
	if (d->kind == KIND_SIZE)
		unit_put_size(out, value);
	else if (d->kind == KIND_SECONDS)
		unit_put_time(out, value * 1000);
	else if (d->kind == KIND_MILLISECONDS)
		unit_put_time(out, value);
	else
		put_number(out, value);
}

static void
put_range(struct buf *out, const struct directive *d)
{
	put_value(out, d, d->least);
	put_text(out, " to ");
	put_value(out, d, d->most);
}

static bool
has_range(const struct directive *d)
{
	return d->most > 0;
}

/* Default, range, RFC, and what a change needs: sentences, each with `before` in front. */
static void
put_facts(struct buf *out, const struct directive *d, const char *before)
{
	if (d->initial[0])
		put_format(out, "%sDefault: %s.", before, d->initial);
	if (has_range(d)) {
		put_format(out, "%sRange: ", before);
		put_range(out, d);
		put_char(out, '.');
	}
	if (d->rfc[0])
		put_format(out, "%s%s.", before, d->rfc);
	if (!d->is_reloadable)
		put_format(out, "%sA change needs a restart.", before);
}

void
manual_put_list(struct buf *out)
{
	const char *block = "";

	for (const struct directive *d = directives; d < directives + DIRECTIVE_COUNT; d++) {
		if (strcmp(block, d->block) != 0)
			put_format(out, "%s%s {\n", *block ? "}\n" : "", d->block);
		block = d->block;
		put_format(out, "%s%s %s;\n", *block ? "    " : "", d->name, d->syntax);
		put_format(out, "        %s", d->sentence);
		put_facts(out, d, " ");
		put_char(out, '\n');
	}
	put_text(out, *block ? "}\n" : "");
}

void
manual_put_roff(struct buf *out, struct bytes text)
{
	for (size_t i = 0; i < text.len; i++) {
		/* groff(7): a line that begins so is a request. */
		if ((text.ptr[i] == '.' || text.ptr[i] == '\'') && (i == 0 || text.ptr[i - 1] == '\n'))
			put_text(out, "\\&");
		if (text.ptr[i] == '\\')
			put_text(out, "\\e");
		else if (text.ptr[i] == '-')
			put_text(out, "\\-");
		else
			put_char(out, text.ptr[i]);
	}
}

static const char page_head[] =
	".\\\" Made by `mermoz directives --man` from src/config/directives.def.\n"
	".TH MERMOZ.CONF 5 \"\" \"Mermoz\" \"File formats\"\n"
	".SH NAME\n"
	"mermoz.conf \\- configuration of the mail server Mermoz\n"
	".SH DESCRIPTION\n"
	"The file is read by \\fBmermoz serve\\fR when it starts and on SIGHUP. \\fBmermoz check\\fR prints every error in it,\n"
	"\\fBmermoz config\\fR what it changes.\n"
	".PP\n"
	"A statement is a name, its values and \\(lq;\\(rq; or a name and a block of statements in \\(lq{\\(rq and \\(lq}\\(rq.\n"
	"\\(lq#\\(rq begins a comment that ends with the line. A value with blanks or with any of \\(lq;\\(rq, \\(lq{\\(rq,\n"
	"\\(lq}\\(rq in it stands in double quotes; in quotes \\e\\e, \\e\\(dq, \\en, \\er and \\et are a backslash, a quote, a line end,\n"
	"a carriage return and a tab. A size is a number of octets, or has K, M or G behind it (powers of 1024). A time is a number with ms, s,\n"
	"m, h or d; without, seconds.\n"
	".PP\n"
	"\\fBinclude\\fR \\fIFILE\\fR; reads another file in its place; a relative name is looked for beside the file it stands in,\n"
	"and *, ? and [ in its last part match all files there, in the order of their names.\n"
	".PP\n"
	"Files that hold secrets are named, optionally with \\fBfile:\\fR before them; what is in them is never printed.\n"
	".SH EXAMPLE\n"
	".EX\n"
	"hostname    mail.example.org;\n"
	"domain      example.org;\n"
	"certificate /etc/ssl/mail/chain.pem /etc/ssl/mail/key.pem;\n"
	"\n"
	"listen smtp        *;\n"
	"listen submissions *;\n"
	"listen imaps       *;\n"
	"\n"
	"mailboxes maildir  /home/vmail/%d/%u/mailbox;\n"
	".EE\n"
	".SH DIRECTIVES\n";

static const char page_tail[] =
	".SH FILES\n"
	".I /etc/mermoz/mermoz.conf\n"
	".SH SEE ALSO\n"
	"\\fBmermoz\\fR(1), \\fBmermoz events\\fR\n";

void
manual_put_page(struct buf *out)
{
	const char *block = "";

	put_text(out, page_head);
	for (const struct directive *d = directives; d < directives + DIRECTIVE_COUNT; d++) {
		if (strcmp(block, d->block) != 0)
			put_format(out, ".SS %s { ... }\n", d->block);
		block = d->block;
		put_format(out, ".TP\n\\fB");
		manual_put_roff(out, bytes_text(d->name));
		put_text(out, "\\fR ");
		manual_put_roff(out, bytes_text(d->syntax));
		put_text(out, ";\n");
		manual_put_roff(out, bytes_text(d->sentence));
		put_facts(out, d, "\n");
		put_char(out, '\n');
	}
	put_text(out, page_tail);
}

void
manual_put_limits(struct buf *out)
{
	put_text(out, "# Limits\n\n"
		      "Made by `mermoz directives --limits` from `src/config/directives.def`. Each is a line in\n"
		      "`limits { ... }` of `mermoz.conf`, unless a block is named.\n\n"
		      "| limit | default | range | RFC | what it bounds |\n"
		      "| --- | --- | --- | --- | --- |\n");
	for (const struct directive *d = directives; d < directives + DIRECTIVE_COUNT; d++) {
		if (!has_range(d))
			continue;
		put_format(out, "| `%s`%s | %s | ", d->name, d->block[0] ? "" : " (top level)", d->initial);
		put_range(out, d);
		put_format(out, " | %s | %s |\n", d->rfc, d->sentence);
	}
	put_format(out, "\nFixed: an account has %d folders at most; what other programs made beyond it is served, and `CREATE` answers `NO [LIMIT]` (RFC 5530).\n",
		IPC_FOLDERS_MAX);
	put_text(out, "\nWhat one COPY or MOVE says must fit into an empty `journal`, which holds about twice its size and 16M: of each message some 140 octets,\n"
		      "and its keywords. Of more than that nothing is copied, and the answer is `NO [LIMIT]`.\n"
		      "\nStore and queue have a journal each, whose files are made at the start and stay: four times `journal` and 30M together, 286M unless it is said otherwise.\n"
		      "With less than 32M free beside a message no mail is taken (`452`). So the file system of `state_directory` needs 370M and more, for what waits in the queue;\n"
		      "on a small one `journal 16M` is enough for a small server (94M). `mermoz check` warns of one that is too small.\n");
}
