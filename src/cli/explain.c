#include "base/memory.h"
#include "cli/cli.h"
#include "cli/explain_onward.h"
#include "cli/explain_print.h"
#include "cli/json.h"
#include "cli/server.h"
#include "role/control_line.h"
#include "role/directory/trace.h"

#include <string.h>

enum { OUTPUT_MAX = 1024 * 1024 };

struct question {
	const char *recipient, *sender, *login, *as, *client;
};

static bool
is_true(struct bytes value)
{
	return bytes_equal(value, BYTES("1"));
}

/* ---- as JSON */

static void
put_json_question(struct buf *out, const struct question *q)
{
	const struct {
		const char *name, *value;
	} parts[] = { { "recipient", q->recipient }, { "sender", q->sender }, { "login", q->login }, { "as", q->as }, { "from", q->client } };
	bool is_first = true;

	put_text(out, "{\"question\":{");
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		if (!parts[i].value)
			continue;
		put_text(out, is_first ? "" : ",");
		json_put_name(out, parts[i].name);
		json_put_text(out, bytes_text(parts[i].value));
		is_first = false;
	}
	put_text(out, "},\"steps\":[");
}

static void
put_json_decision(struct buf *out, const struct control_line *line)
{
	put_text(out, "\n]");
	explain_print_fields(out, line);
}

/* ---- as text */

static void
put_question(struct buf *out, const struct question *q)
{
	if (q->recipient && q->sender)
		put_format(out, "Mail from %s to %s:\n", q->sender, q->recipient);
	else if (q->recipient)
		put_format(out, "Mail to %s from %s:\n", q->recipient, q->as ? q->as : "somebody who did not log in");
	else if (q->sender)
		put_format(out, "Mail with the sender %s from %s:\n", q->sender, q->as);
	else
		put_format(out, "A log-in as %s:\n", q->login);
}

static const char *
sentence_of(struct bytes word)
{
	for (enum trace_step step = 0; step < TRACE_STEPS; step++)
		if (bytes_equal(word, bytes_text(trace_word(step))))
			return trace_sentence(step);
	return NULL;
}

static void
put_sentence(struct buf *out, const char *sentence, const struct control_line *line)
{
	while (*sentence) {
		size_t plain = strcspn(sentence, "{"), name = strcspn(sentence + plain, "}");
		char key[64];
		struct buf b;

		put_bytes(out, bytes_of(sentence, plain));
		sentence += plain;
		if (!*sentence)
			return;
		buf_init_fixed(&b, key, sizeof key);
		put_bytes(&b, bytes_of(sentence + 1, name - 1));
		put_char(&b, '\0');
		cli_put_visible(out, control_line_get(line, key));
		sentence += name + 1;
	}
}

static void
put_step(struct buf *out, const struct control_line *line)
{
	const char *sentence = sentence_of(line->word);
	struct bytes text = control_line_get(line, "depth");
	uint64_t depth = 0;

	(void)take_number(&text, 64, &depth);
	for (uint64_t i = 0; i <= depth; i++)
		put_text(out, "  ");
	if (sentence)
		put_sentence(out, sentence, line);
	else
		cli_put_visible(out, line->word);
	if (control_line_is(line, "account") && !is_true(control_line_get(line, "enabled")))
		put_text(out, "; it is disabled, which keeps out log-ins and not mail");
	put_char(out, '\n');
}

static void
put_decision(struct buf *out, const struct control_line *line)
{
	struct bytes imap = control_line_get(line, "imap");

	put_text(out, is_true(control_line_get(line, "accepted")) ? "Accepted (" : "Not accepted (");
	cli_put_visible(out, control_line_get(line, "decision"));
	put_text(out, "): ");
	cli_put_visible(out, control_line_get(line, "why"));
	put_text(out, ".\nSMTP  ");
	cli_put_visible(out, control_line_get(line, "smtp"));
	if (imap.len) {
		put_text(out, "\nIMAP  ");
		cli_put_visible(out, imap);
	}
	put_char(out, '\n');
}

/* ---- the answer */

/* Where the steps led. */
struct reading {
	struct buf *out;
	bool is_json, is_first, is_decided, is_accepted;
	struct onward onward;
};

static void
read_line(struct reading *r, const struct control_line *line)
{
	r->is_decided = control_line_is(line, "decision");
	r->is_accepted = r->is_decided && is_true(control_line_get(line, "accepted"));
	if (control_line_is(line, "in_name"))
		r->onward.sender = control_line_get(line, "sender");
	if (control_line_is(line, "handed_on"))
		onward_add(&r->onward, control_line_get(line, "address"));
	if (r->is_decided)
		(r->is_json ? put_json_decision : put_decision)(r->out, line);
	else if (r->is_json)
		explain_print_step(r->out, line, NULL, r->is_first);
	else
		put_step(r->out, line);
	r->is_first = false;
}

static int
show(const struct config *c, struct bytes answer, const struct question *q, bool is_json)
{
	uint8_t *space = memory_new(SERVER_ANSWER_MAX);
	struct buf out, values;
	struct reading r = { .out = &out, .is_json = is_json, .is_first = true };
	struct control_line line;
	int result;

	buf_init(&out, OUTPUT_MAX);
	buf_init_fixed(&values, space, SERVER_ANSWER_MAX);
	r.onward.sender = q->sender ? bytes_text(q->sender) : BYTES_NONE;
	(is_json ? put_json_question : put_question)(&out, q);
	while (!r.is_decided && control_line_take(&answer, &values, &line))
		read_line(&r, &line);
	if (r.is_decided)
		onward_put(&r.onward, c, is_json, &out);
	memory_free(space);
	if (!r.is_decided) {
		buf_done(&out);
		return server_unreadable();
	}
	if (is_json)
		put_text(&out, "}\n");
	result = cli_print(&out);
	if (result == CLI_GOOD && r.onward.has_failed)
		return SERVER_NOT_ASKED;
	return result != CLI_GOOD || r.is_accepted ? result : CLI_FAILED;
}

static int
ask(const struct config *c, const char *line, const struct question *q, bool is_json)
{
	char space[SERVER_ANSWER_MAX];
	struct bytes answer;

	if (!server_answers(c, SERVER_DIRECTORY, line, space, &answer))
		return SERVER_NOT_ASKED;
	return show(c, answer, q, is_json);
}

/* One question, and only what belongs to it. */
static const char *
trouble_of(const struct question *q)
{
	if ((q->recipient || q->sender) == (q->login != NULL))
		return "it is: mermoz explain [SENDER] RECIPIENT, or --sender ADDRESS --as NAME, or --login NAME";
	if (q->sender && !q->recipient && !q->as)
		return "--sender needs a recipient, or --as NAME: who would send";
	if (q->login && (q->as || q->client))
		return "--login stands alone";
	if (q->as && q->client)
		return "--as and --from don't go together: --from is for who did not log in";
	return NULL;
}

static int
run_question(const struct question *q, const char *path, bool is_json)
{
	char space[CONTROL_LINE_MAX];
	struct config *c = cli_load_good(path);
	struct buf line;
	int result;

	if (!c)
		return SERVER_NOT_ASKED;
	buf_init_fixed(&line, space, sizeof space);
	control_line_put(&line, "explain", FIELDS(STR("recipient", q->recipient), STR("sender", q->sender), STR("login", q->login),
		STR("as", q->as), STR("client", q->client)));
	put_char(&line, '\0');
	result = line.has_failed ? cli_misused("explain", "the question is too long") : ask(c, space, q, is_json);
	config_free(&c);
	return result;
}

static int
run(int argc, char **argv)
{
	const char *path = CONFIG_DEFAULT_PATH;
	struct question q = { .recipient = NULL };
	bool is_json = false;
	const struct cli_option options[] = { { "-c", &path, NULL }, { "--json", NULL, &is_json }, { "--sender", &q.sender, NULL },
		{ "--login", &q.login, NULL }, { "--as", &q.as, NULL }, { "--from", &q.client, NULL }, { 0 } };
	int operands = cli_take_options(argc, argv, options);
	const char *trouble;

	if (operands < 0)
		return CLI_MISUSED;
	if (operands > 2 || (operands == 2 && q.sender))
		return cli_misused(argv[0], "one sender and one recipient are asked for at a time");
	if (operands == 2)
		q.sender = argv[1];
	q.recipient = operands ? argv[operands] : NULL;
	trouble = trouble_of(&q);
	return trouble ? cli_misused(argv[0], "%s", trouble) : run_question(&q, path, is_json);
}

const struct cli_command cli_explain = {
	.name = "explain",
	.summary = "say what would become of a mail or a log-in, and why",
	.usage = "explain [SENDER] RECIPIENT [--as NAME | --from IP] [--json]\n"
		 "                      [-c FILE]\n"
		 "       mermoz explain --sender ADDRESS --as NAME [--json] [-c FILE]\n"
		 "       mermoz explain --login NAME [--json] [-c FILE]\n"
		 "\n"
		 "Asks the running server, which goes the way that a client's command goes\n"
		 "and tells each step; nothing is delivered, granted, remembered or sent,\n"
		 "and no password is asked for or shown.\n"
		 "\n"
		 "  RECIPIENT         which alias, group, forward, detail (the part behind\n"
		 "                    +) and account it leads to, which mailbox, and\n"
		 "                    whether RCPT is accepted.  Of each address elsewhere:\n"
		 "                    the route, the hosts that would be tried in their\n"
		 "                    order with their addresses (asked of DNS now), the\n"
		 "                    level of TLS with each and what it is of, the source\n"
		 "                    address, the name we log in with, how many recipients\n"
		 "                    wait for that destination and whether it rests\n"
		 "  SENDER            who it is from; <> is the sender of reports.  That of\n"
		 "                    an account counts as its log-in, and is asked whether\n"
		 "                    it may send so\n"
		 "  --as NAME         who logged in before that; without it, mail from\n"
		 "                    outside\n"
		 "  --from IP         nobody logged in: the client connects from there\n"
		 "                    (trusted_networks)\n"
		 "  --sender ADDRESS  without a recipient: whether NAME may send as it\n"
		 "  --login NAME      which account that is, whether it is enabled, how its\n"
		 "                    password is compared; where LDAP would be asked by a\n"
		 "                    bind, that is said and not tried\n"
		 "  --json            one object, for programs: the steps, the decision,\n"
		 "                    the replies, and `onward`: of each address elsewhere\n"
		 "                    what the queue and the relay say\n"
		 "  -c FILE           the configuration (/etc/mermoz/mermoz.conf)\n"
		 "\n"
		 "The decision is one of: mailbox; foreign (elsewhere); unknown; later (the\n"
		 "client shall come back); denied; own (the sender's address); login.  Of\n"
		 "an LDAP directory the filter that asks for an address is shown, the entry\n"
		 "that has it, entries that claim it too, and how old the copy is.  An\n"
		 "unknown address is looked for in LDAP once, as it is for a client.  What\n"
		 "else a client may meet (size, TLS, limits) is not asked.\n"
		 "\n"
		 "Exit code: 0 when it would be accepted, 1 when not, 3 when the server\n"
		 "could not be asked.\n"
		 "\n"
		 "Examples:\n"
		 "  mermoz explain sales+list@example.org --as alice@example.org\n"
		 "  mermoz explain alice@example.org bob@example.net\n"
		 "  mermoz explain cron@example.org bob@example.net --from 192.0.2.7\n",
	.run = run,
};
