#include "base/memory.h"
#include "cli/cli.h"
#include "cli/queue_message.h"
#include "cli/queue_print.h"
#include "cli/queue_tls.h"
#include "cli/server.h"
#include "config/near.h"
#include "config/unit.h"

#include <string.h>

enum { OUTPUT_MAX = 1024 * 1024 };

/* What a verb has to be told. */
enum { NEEDS_ID, NEEDS_SOMEBODY, TAKES_SELECTION, TAKES_NOTHING };

static const struct verb {
	const char *name;
	int needs;
} verbs[] = { { "list", TAKES_SELECTION }, { "show", NEEDS_ID }, { "hold", NEEDS_SOMEBODY }, { "release", NEEDS_SOMEBODY },
	{ "retry", NEEDS_SOMEBODY }, { "reroute", NEEDS_SOMEBODY }, { "remove", NEEDS_SOMEBODY }, { "bounce", NEEDS_SOMEBODY },
	{ "stats", TAKES_SELECTION }, { "tls-reports", TAKES_NOTHING }, { "report-tls", TAKES_NOTHING } };

struct selection {
	const char *id, *sender, *recipient, *destination, *older, *reason, *limit, *to;
	bool is_all, has_header, has_message; /* --headers, --message */
};

/* ---- the answer */

/* Where one piece of the answer led. */
struct progress {
	bool is_over; /* else cursor says what to ask for next */
	uint64_t cursor, recipients;
};

/* False: that is no answer. */
static bool
print_piece(struct queue_print *p, struct bytes answer, struct buf *out, struct progress *to)
{
	uint8_t *space = memory_new(SERVER_ANSWER_MAX);
	struct control_line line;
	struct buf values;
	bool is_at_end = false;

	buf_init_fixed(&values, space, SERVER_ANSWER_MAX);
	while (!is_at_end && control_line_take(&answer, &values, &line)) {
		to->is_over = control_line_is(&line, "end");
		is_at_end = to->is_over || control_line_is(&line, "more");
		to->cursor = control_line_number(&line, "cursor");
		to->recipients = control_line_number(&line, "recipients");
		if (!is_at_end || to->is_over)
			queue_print_line(p, out, &line);
	}
	memory_free(space);
	return is_at_end;
}

static int
ask_piece(const struct config *c, const char *question, struct queue_print *p, struct progress *to)
{
	char space[SERVER_ANSWER_MAX];
	struct bytes answer;
	struct buf out;

	if (!server_answers(c, SERVER_QUEUE, question, space, &answer))
		return SERVER_NOT_ASKED;
	buf_init(&out, OUTPUT_MAX);
	queue_print_begin(p, &out);
	if (print_piece(p, answer, &out, to))
		return cli_print(&out) == CLI_GOOD ? CLI_GOOD : SERVER_NOT_ASKED;
	buf_done(&out);
	return server_unreadable();
}

/* Piece after piece, each printed before the next is asked for. */
static int
ask(const struct config *c, const char *question, struct queue_print *p, const struct selection *s)
{
	struct progress to = { .is_over = false };
	char next[64];
	int result = ask_piece(c, question, p, &to);

	while (result == CLI_GOOD && !to.is_over) {
		struct buf line;

		buf_init_fixed(&line, next, sizeof next);
		if (queue_tls_is(p->verb)) {
			queue_tls_put_question(&line, p->verb, to.cursor);
		} else {
			put_format(&line, "next\tcursor=%llu\n", (unsigned long long)to.cursor);
			put_char(&line, '\0');
		}
		result = ask_piece(c, next, p, &to);
	}
	if (result != CLI_GOOD || !s->id || to.recipients > 0)
		return result;
	return strcmp(p->verb, "show") == 0 || strcmp(p->verb, "list") == 0 || strcmp(p->verb, "stats") == 0
		? cli_failed("no mail %s waits in the queue", s->id)
		: cli_failed("nothing of a mail %s waits in the queue that it could be done to", s->id);
}

/* ---- the question */

static bool
put_number_field(struct buf *line, const char *name, const char *text, uint64_t most)
{
	struct bytes in = bytes_text(text);
	uint64_t number;

	if (!text)
		return true;
	if (!take_number(&in, most, &number) || in.len || number == 0)
		return false;
	put_format(line, "\t%s=%llu", name, (unsigned long long)number);
	return true;
}

/* NULL, or what is wrong. */
static const char *
put_question(struct buf *line, const char *verb, const struct selection *s)
{
	const struct event_field all[] = { STR("id", s->id), STR("sender", s->sender), STR("recipient", s->recipient),
		STR("destination", s->destination), STR("reason", s->reason), STR("to", s->to) };
	struct event_field said[sizeof all / sizeof *all + 1];
	size_t count = 0;
	uint64_t older_ms = 0;

	if (queue_tls_is(verb)) {
		queue_tls_put_question(line, verb, 0);
		return NULL;
	}
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i].text.len)
			said[count++] = all[i];
	said[count] = (struct event_field){ FIELD_END, NULL, BYTES_NONE, 0 };
	control_line_put(line, verb, said);
	line->len -= line->len > 0; /* its LF: numbers follow */
	if (s->older && (!unit_parse_time(bytes_text(s->older), &older_ms) || older_ms < 1000))
		return "--older takes a time from a second on, such as 90m, 12h or 3d; --all is all mail";
	put_format(line, "\tolder_s=%llu", (unsigned long long)(older_ms / 1000));
	if (!put_number_field(line, "limit", s->limit, INT64_MAX))
		return "--limit takes a number from 1";
	put_text(line, s->is_all ? "\tall=1\n" : "\n");
	put_char(line, '\0');
	return line->has_failed ? "the question is too long" : NULL;
}

static bool
is_empty(const char *value)
{
	return value && *value == '\0';
}

static bool
selects(const struct selection *s)
{
	return s->sender || s->recipient || s->destination || s->older || s->reason || s->limit;
}

/* What would be understood otherwise than it was meant. */
static const char *
trouble_of(const struct verb *verb, const struct selection *s)
{
	bool is_somebody = s->id || s->sender || s->recipient || s->destination || s->older || s->reason;

	if (is_empty(s->id) || is_empty(s->sender) || is_empty(s->recipient) || is_empty(s->destination) || is_empty(s->reason) || is_empty(s->to))
		return "an empty value selects nobody; the sender of reports is written <>";
	if (s->recipient && !strchr(s->recipient, '@'))
		return "--recipient takes an address, or a domain with its @: --recipient @example.org";
	if (verb->needs == NEEDS_ID && (!s->id || selects(s) || s->is_all))
		return "it is: mermoz queue show ID";
	if ((s->has_header || s->has_message) && verb->needs != NEEDS_ID)
		return "--headers and --message go with show alone";
	if (s->has_header && s->has_message)
		return "--message has the headers, too";
	if (verb->needs == TAKES_NOTHING && (s->id || selects(s) || s->is_all))
		return "it takes no ID and no selection";
	if ((strcmp(verb->name, "reroute") == 0) != (s->to != NULL))
		return s->to ? "--to goes with reroute alone" : "reroute needs --to: HOST[:PORT], lmtp:HOST[:PORT], mx:DOMAIN, or default";
	if (s->is_all && is_somebody)
		return "--all and an ID or a selection don't go together";
	if (verb->needs == NEEDS_SOMEBODY && !is_somebody && !s->is_all)
		return "say which mail is meant: an ID, a selection, or --all";
	return NULL;
}

static const struct verb *
find_verb(const char *name)
{
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static int
no_such_verb(const char *command, const char *name)
{
	struct near best = { 0 };

	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		near_try(&best, bytes_text(name), verbs[i].name);
	if (best.name)
		return cli_misused(command, "there is no \"%s\"; did you mean \"%s\"?", name, best.name);
	return cli_misused(command, "there is no \"%s\": it is mermoz queue list, show, hold, release, retry, reroute, remove, bounce, stats, tls-reports or report-tls", name);
}

static int
run_verb(const char *command, const struct verb *verb, const struct selection *s, const char *path, bool is_json)
{
	struct queue_print p = { .verb = verb->name, .is_json = is_json };
	char space[CONTROL_LINE_MAX];
	struct buf line;
	struct config *c;
	const char *trouble = trouble_of(verb, s);
	int result;

	buf_init_fixed(&line, space, sizeof space);
	if (!trouble && is_json && (s->has_header || s->has_message))
		trouble = "--headers and --message are not told as JSON";
	if (!trouble)
		trouble = put_question(&line, verb->name, s);
	if (trouble)
		return cli_misused(command, "%s", trouble);
	/* What changes has to know all of it: the socket may be another server's. */
	c = verb->needs == NEEDS_SOMEBODY ? cli_load(path, false) : cli_load_good(path);
	if (!c)
		return SERVER_NOT_ASKED;
	if (s->has_header || s->has_message)
		result = queue_message_show(c, s->id, s->has_header);
	else
		result = ask(c, space, &p, s);
	config_free(&c);
	return result;
}

static int
run(int argc, char **argv)
{
	const char *path = CONFIG_DEFAULT_PATH;
	struct selection s = { .id = NULL };
	bool is_json = false;
	const struct cli_option options[] = { { "-c", &path, NULL }, { "--json", NULL, &is_json }, { "--all", NULL, &s.is_all },
		{ "--sender", &s.sender, NULL }, { "--recipient", &s.recipient, NULL }, { "--destination", &s.destination, NULL },
		{ "--older", &s.older, NULL }, { "--reason", &s.reason, NULL }, { "--limit", &s.limit, NULL }, { "--to", &s.to, NULL },
		{ "--headers", NULL, &s.has_header }, { "--message", NULL, &s.has_message }, { 0 } };
	int operands = cli_take_options(argc, argv, options);
	const struct verb *verb;

	if (operands < 0)
		return CLI_MISUSED;
	verb = operands > 0 ? find_verb(argv[1]) : NULL;
	if (!verb && operands > 0)
		return no_such_verb(argv[0], argv[1]);
	if (!verb)
		return cli_misused(argv[0], "it is: mermoz queue list, show, hold, release, retry, reroute, remove, bounce, stats, tls-reports or report-tls");
	if (operands > 2)
		return cli_misused(argv[0], "one ID is taken at a time");
	s.id = operands == 2 ? argv[2] : NULL;
	return run_verb(argv[0], verb, &s, path, is_json);
}

const struct cli_command cli_queue = {
	.name = "queue",
	.summary = "list the mail that waits; hold, retry, reroute, remove, return it",
	.usage = "queue list [ID] [SELECTION] [--json] [-c FILE]\n"
		 "       mermoz queue show ID [--headers | --message | --json] [-c FILE]\n"
		 "       mermoz queue hold|release|retry|remove|bounce ID|SELECTION|--all\n"
		 "                    [--json] [-c FILE]\n"
		 "       mermoz queue reroute ID|SELECTION|--all --to TARGET\n"
		 "                    [--json] [-c FILE]\n"
		 "       mermoz queue stats [SELECTION] [--json] [-c FILE]\n"
		 "       mermoz queue tls-reports|report-tls [--json] [-c FILE]\n"
		 "\n"
		 "Asks the running server for the mail that it could not hand on yet, and\n"
		 "changes what becomes of it.  Each recipient of a mail waits for itself.\n"
		 "\n"
		 "  list      a line for each recipient, newest mail first: the mail's id,\n"
		 "            its age, sender, recipient, state, attempts so far, where it\n"
		 "            is sent, and what was said at the last attempt\n"
		 "  show      one mail: its envelope, and each recipient that still waits;\n"
		 "            with --headers its header, with --message all of it, as it is\n"
		 "            (lines end with LF); on a terminal what that could obey is\n"
		 "            shown as \\xNN\n"
		 "  hold      keeps it here: it is not tried and does not expire until it\n"
		 "            is released, also after a restart\n"
		 "  release   ends that, and what its sender postponed goes now\n"
		 "  retry     is due now, and its destination need not rest any longer;\n"
		 "            what is held or postponed stays so\n"
		 "  reroute   goes to TARGET in place of where its route leads, now and at\n"
		 "            each attempt to come, also after a restart: HOST[:PORT],\n"
		 "            lmtp:HOST[:PORT], mx:DOMAIN (its MX hosts), or default, which\n"
		 "            takes that back; what is held or postponed stays so\n"
		 "  remove    is gone, and nobody is told\n"
		 "  bounce    goes back to its sender as after a permanent error: 550 5.7.0\n"
		 "  stats     messages, recipients in each state, the oldest's age; and of\n"
		 "            the whole queue destinations and those that rest\n"
		 "  tls-reports\n"
		 "            what became of TLS in sessions with other servers, for each\n"
		 "            domain, policy and failure, as far as reports of it are still\n"
		 "            to be sent (tls_reports)\n"
		 "  report-tls\n"
		 "            sends them now, of what is counted so far; what comes after\n"
		 "            is counted anew\n"
		 "\n"
		 "States: ready (its turn comes), waiting, resting (as its destination\n"
		 "does, since nobody answered there) or (by its sender) postponed until a\n"
		 "time (UTC), sending, held.  Of what rests and was not tried it is shown\n"
		 "what another's attempt came to.  What is being sent right now is left\n"
		 "alone, and the answer says how much that was.\n"
		 "\n"
		 "SELECTION, of which all has to hold:\n"
		 "  --sender ADDRESS     <> is the sender of reports\n"
		 "  --recipient ADDRESS  or @DOMAIN\n"
		 "  --destination HOST   as list shows it, or the host alone; local:\n"
		 "                       mailboxes here, error: nowhere\n"
		 "  --older TIME         waits for so long at least: 90m, 12h, 3d\n"
		 "  --reason TEXT        part of what list shows as the last reply, in\n"
		 "                       either case\n"
		 "  --limit N            N recipients at most\n"
		 "\n"
		 "  --all      all there is\n"
		 "  --json     for programs: of list and tls-reports an array, else an\n"
		 "             object; times in seconds, until_s since 1970\n"
		 "  -c FILE    the configuration (/etc/mermoz/mermoz.conf)\n"
		 "\n"
		 "Exit code: 0 when it was done, even to nobody; 1 when there is nothing of\n"
		 "the ID to do it to; 3 when the server could not be asked, or refuses what\n"
		 "it was asked (it says why).\n"
		 "\n"
		 "Examples:\n"
		 "  mermoz queue reroute --destination old.example.org --to new.example.org\n"
		 "  mermoz queue list --recipient @example.org --reason greylist\n"
		 "  mermoz queue bounce --destination old.example.org --older 1d\n",
	.run = run,
};
