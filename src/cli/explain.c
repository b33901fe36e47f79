#include "base/memory.h"
#include "cli/cli.h"
#include "cli/json.h"
#include "cli/server.h"
#include "role/control_line.h"
#include "role/directory/trace.h"

#include <string.h>

enum { OUTPUT_MAX = 1024 * 1024 };

struct question {
	const char *recipient, *sender, *login, *as;
};

/* ---- values */

enum kind { KIND_TEXT, KIND_NUMBER, KIND_TRUTH };

static enum kind
kind_of(struct bytes name)
{
	static const char *const numbers[] = { "depth", "targets", "read_s", "confirmed_s", "mailboxes", "elsewhere" };
	static const char *const truths[] = { "enabled", "up", "tells_changes", "accepted" };

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (bytes_equal(name, bytes_text(numbers[i])))
			return KIND_NUMBER;
	for (size_t i = 0; i < sizeof truths / sizeof *truths; i++)
		if (bytes_equal(name, bytes_text(truths[i])))
			return KIND_TRUTH;
	return KIND_TEXT;
}

static bool
is_true(struct bytes value)
{
	return bytes_equal(value, BYTES("1"));
}

/* ---- as JSON */

static void
put_json_value(struct buf *out, struct bytes name, struct bytes value)
{
	switch (kind_of(name)) {
	case KIND_NUMBER:
		put_bytes(out, value);
		return;
	case KIND_TRUTH:
		put_text(out, is_true(value) ? "true" : "false");
		return;
	case KIND_TEXT:
		json_put_text(out, value);
		return;
	}
}

static void
put_json_fields(struct buf *out, const struct control_line *line)
{
	for (size_t i = 0; i < line->count; i++) {
		put_char(out, ',');
		json_put_text(out, line->fields[i].name);
		put_char(out, ':');
		put_json_value(out, line->fields[i].name, line->fields[i].value);
	}
}

static void
put_json_question(struct buf *out, const struct question *q)
{
	const struct {
		const char *name, *value;
	} parts[] = { { "recipient", q->recipient }, { "sender", q->sender }, { "login", q->login }, { "as", q->as } };
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
put_json_step(struct buf *out, const struct control_line *line, bool is_first)
{
	put_text(out, is_first ? "\n  {\"step\":" : ",\n  {\"step\":");
	json_put_text(out, line->word);
	put_json_fields(out, line);
	put_char(out, '}');
}

static void
put_json_decision(struct buf *out, const struct control_line *line)
{
	put_text(out, "\n]");
	put_json_fields(out, line);
	put_text(out, "}\n");
}

/* ---- as text */

static void
put_question(struct buf *out, const struct question *q)
{
	if (q->recipient)
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
	if (bytes_equal(line->word, BYTES("account")) && !is_true(control_line_get(line, "enabled")))
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

static int
show(struct bytes answer, const struct question *q, bool is_json)
{
	uint8_t *space = memory_new(SERVER_ANSWER_MAX);
	struct buf out, values;
	struct control_line line = { .count = 0 };
	bool is_first = true, is_decided = false, is_accepted = false;
	int result;

	buf_init(&out, OUTPUT_MAX);
	buf_init_fixed(&values, space, SERVER_ANSWER_MAX);
	(is_json ? put_json_question : put_question)(&out, q);
	while (!is_decided && control_line_take(&answer, &values, &line)) {
		is_decided = bytes_equal(line.word, BYTES("decision"));
		is_accepted = is_decided && is_true(control_line_get(&line, "accepted"));
		if (is_decided)
			(is_json ? put_json_decision : put_decision)(&out, &line);
		else if (is_json)
			put_json_step(&out, &line, is_first);
		else
			put_step(&out, &line);
		is_first = false;
	}
	memory_free(space);
	if (!is_decided) {
		buf_done(&out);
		return server_unreadable();
	}
	result = cli_print(&out);
	return result != CLI_GOOD || is_accepted ? result : CLI_FAILED;
}

static int
ask(const struct config *c, const char *line, const struct question *q, bool is_json)
{
	char space[SERVER_ANSWER_MAX];
	struct bytes answer;

	if (!server_answers(c, SERVER_DIRECTORY, line, space, &answer))
		return SERVER_NOT_ASKED;
	return show(answer, q, is_json);
}

/* One question, and only what belongs to it. */
static const char *
trouble_of(const struct question *q)
{
	int count = (q->recipient != NULL) + (q->sender != NULL) + (q->login != NULL);

	if (count != 1)
		return "it is: mermoz explain ADDRESS, or --sender ADDRESS --as NAME, or --login NAME";
	if (q->sender && !q->as)
		return "--sender needs --as NAME: who would send";
	if (q->login && q->as)
		return "--login and --as don't go together";
	return NULL;
}

static int
run_question(const struct question *q, const char *path, bool is_json)
{
	char space[CONTROL_LINE_MAX];
	const struct event_field fields[] = { STR("recipient", q->recipient), STR("sender", q->sender), STR("login", q->login),
		STR("as", q->as), { FIELD_END, NULL, BYTES_NONE, 0 } };
	struct config *c = cli_load(path, false);
	struct buf line;
	int result;

	if (!c)
		return SERVER_NOT_ASKED;
	buf_init_fixed(&line, space, sizeof space);
	control_line_put(&line, "explain", fields);
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
		{ "--login", &q.login, NULL }, { "--as", &q.as, NULL }, { 0 } };
	int operands = cli_take_options(argc, argv, options);
	const char *trouble;

	if (operands < 0)
		return CLI_MISUSED;
	if (operands > 1)
		return cli_misused(argv[0], "one address is asked for at a time");
	q.recipient = operands ? argv[1] : NULL;
	trouble = trouble_of(&q);
	return trouble ? cli_misused(argv[0], "%s", trouble) : run_question(&q, path, is_json);
}

const struct cli_command cli_explain = {
	.name = "explain",
	.summary = "say what would become of a mail or a log-in, and why",
	.usage = "explain ADDRESS [--as NAME] [--json] [-c FILE]\n"
		 "       mermoz explain --sender ADDRESS --as NAME [--json] [-c FILE]\n"
		 "       mermoz explain --login NAME [--json] [-c FILE]\n"
		 "\n"
		 "Asks the running server, which goes the way that a client's command goes and tells each step;\n"
		 "nothing is delivered, granted or remembered, and no password is asked for or shown.\n"
		 "\n"
		 "  ADDRESS           as a recipient: which alias, group, forward, detail (the part behind +) and\n"
		 "                    account it leads to, which mailbox, and whether RCPT is accepted\n"
		 "  --as NAME         who logged in before that; without it, mail from outside\n"
		 "  --sender ADDRESS  whether NAME may send as it\n"
		 "  --login NAME      which account that is, whether it is enabled, how its password is compared\n"
		 "  --json            one object, for programs: the steps, the decision and the replies\n"
		 "  -c FILE           the configuration (/etc/mermoz/mermoz.conf)\n"
		 "\n"
		 "The decision is one of: mailbox; foreign (elsewhere); unknown; later (the client shall come\n"
		 "back); denied; own (the sender's address); login.  Of an LDAP directory the filter that asks\n"
		 "for an address is shown, the entry that has it, entries that claim it too, and how old the copy\n"
		 "is.  An unknown address is looked for in LDAP once, as it is for a client.  What else a client\n"
		 "may meet (trusted networks, size, TLS, limits) is not asked.\n"
		 "\n"
		 "Exit code: 0 when it would be accepted, 1 when not, 3 when the server could not be asked.\n"
		 "\n"
		 "Example: mermoz explain sales+list@example.org --as alice@example.org\n",
	.run = run,
};
