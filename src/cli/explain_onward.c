#include "cli/explain_onward.h"

#include "base/clock.h"
#include "base/memory.h"
#include "cli/cli.h"
#include "cli/explain_print.h"
#include "cli/json.h"
#include "cli/server.h"
#include "config/route.h"

void
onward_add(struct onward *o, struct bytes address)
{
	if (o->count < ONWARD_ADDRESSES_MAX)
		o->addresses[o->count++] = address;
	else
		o->left_out++;
}

static bool
has(const struct control_line *line, const char *name, const char *value)
{
	return bytes_equal(control_line_get(line, name), bytes_text(value));
}

/* ---- where a directive stands: the server does not know, the file does */

static const struct config_where *
where_of_route(const struct config_route *routes, size_t count, const struct control_line *line)
{
	struct bytes pattern = control_line_get(line, "pattern");

	for (size_t i = 0; i < count; i++) {
		char space[400];
		struct buf target;

		if (!bytes_equal_nocase(routes[i].pattern, pattern))
			continue;
		buf_init_fixed(&target, space, sizeof space);
		config_put_target(&target, &routes[i]);
		return bytes_equal_nocase(buf_bytes(&target), control_line_get(line, "target")) ? &routes[i].where : NULL;
	}
	return NULL;
}

static const struct config_where *
where_of_rule(const struct config *c, struct bytes domain)
{
	for (size_t i = 0; i < c->tls_rule_count; i++)
		if (bytes_equal_nocase(c->tls_rules[i].domain, domain))
			return &c->tls_rules[i].where;
	return NULL;
}

static const struct config_where *
where_of_login(const struct config *c, struct bytes host, struct bytes sender)
{
	const struct config_login *login = config_login_for(c, host, sender);

	return login ? &login->where : NULL;
}

/* NULL: it is of no directive, or of one that the file has not, or otherwise, any more. */
static const struct config_where *
where_of(const struct config *c, struct bytes sender, const struct control_line *line)
{
	if (control_line_is(line, "route"))
		return where_of_route(c->routes, c->route_count, line);
	if (control_line_is(line, "sender_route"))
		return where_of_route(c->sender_routes, c->sender_route_count, line);
	if (control_line_is(line, "login"))
		return where_of_login(c, control_line_get(line, "host"), sender);
	if (control_line_is(line, "host") && has(line, "cause", "outgoing_login"))
		return where_of_login(c, control_line_get(line, "rule"), sender);
	if (control_line_is(line, "host") && has(line, "cause", "outgoing_tls"))
		return where_of_rule(c, control_line_get(line, "rule"));
	return NULL;
}

static void
put_where(struct buf *out, const struct config_where *where)
{
	if (!where) {
		put_text(out, " (the configuration has it no more, or otherwise: the server was not told to reload)");
		return;
	}
	put_text(out, " (");
	cli_put_visible(out, where->file);
	put_format(out, ":%u:%u)", where->line, where->column);
}

/* ---- as text */

static void
put_field(struct buf *out, const char *before, const struct control_line *line, const char *name)
{
	put_text(out, before);
	cli_put_visible(out, control_line_get(line, name));
}

static void
put_route(struct buf *out, const struct control_line *line, const struct config_where *where)
{
	if (control_line_get(line, "pattern").len) {
		put_field(out, control_line_is(line, "route") ? "the route that counts: route " : "the route that counts: sender_route ", line, "pattern");
		put_field(out, " to ", line, "target");
		put_where(out, where);
	} else if (has(line, "target", "mailboxes")) {
		put_text(out, "no route counts: its domain is one of this server, and the queue looks for a mailbox");
	} else {
		put_field(out, bytes_starts(control_line_get(line, "target"), BYTES("mx:[")) ? "no route counts: it goes to the host that the address itself names (" :
			"no route counts: it goes to the MX hosts of its domain (", line, "target");
		put_char(out, ')');
	}
}

static void
put_destination(struct buf *out, const struct control_line *line)
{
	uint64_t waiting = control_line_number(line, "waiting"), until_s = control_line_number(line, "rests_until_s");

	put_field(out, "the destination ", line, "name");
	put_format(out, ": %llu recipient%s wait%s for it", (unsigned long long)waiting, waiting == 1 ? "" : "s", waiting == 1 ? "s" : "");
	if (control_line_number(line, "sending"))
		put_field(out, ", mails on their way: ", line, "sending");
	if (!until_s) {
		put_text(out, "; it does not rest");
		return;
	}
	put_text(out, "; it rests until ");
	clock_put_rfc3339_s(out, (int64_t)until_s);
	put_field(out, ", since nobody answered (times in a row: ", line, "failures");
	put_char(out, ')');
}

static const char *
sentence_of(const struct control_line *line)
{
	static const struct {
		const char *level, *sentence;
	} rows[] = { { "none", "in the clear" }, { "may", "TLS if the server offers it, whoever it is, else in the clear" },
		{ "encrypt", "TLS or not at all, whoever the server is" },
		{ "verify", "TLS or not at all, and the certificate is checked" },
		{ "dane", "TLS or not at all, and the certificate is the one of the TLSA records" } };

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (has(line, "tls", rows[i].level))
			return rows[i].sentence;
	return "TLS of a level that this command does not know";
}

static void
put_tls(struct buf *out, const struct control_line *line, const struct config_where *where)
{
	put_format(out, "%s, ", sentence_of(line));
	if (has(line, "cause", "default")) {
		put_text(out, "because nothing asks for more");
		return;
	}
	put_field(out, "because of ", line, "cause");
	if (control_line_get(line, "rule").len == 0)
		return;
	put_field(out, " ", line, "rule");
	put_where(out, where);
}

static void
put_host(struct buf *out, const struct control_line *line, const struct config_where *where)
{
	struct bytes addresses = control_line_get(line, "addresses");
	bool is_named = control_line_get(line, "name").len > 0;

	put_field(out, is_named ? "the host " : "the address ", line, is_named ? "name" : "addresses");
	if (!has(line, "preference", "-1"))
		put_field(out, ", MX preference ", line, "preference");
	if (is_named && addresses.len)
		put_field(out, ", at ", line, "addresses");
	if (has(line, "authentic", "1"))
		put_text(out, " (signed)");
	put_text(out, ": ");
	if (control_line_get(line, "trouble").len)
		put_field(out, "not now: ", line, "trouble");
	else
		put_tls(out, line, where);
}

static void
put_trouble(struct buf *out, const struct control_line *line)
{
	put_text(out, has(line, "outcome", "never") ? "the mail would go back to its sender: " : "the mail would wait: ");
	cli_put_visible(out, control_line_get(line, "reply"));
}

static void
put_line(struct buf *out, const struct config *c, struct bytes sender, const struct control_line *line)
{
	const struct config_where *where = where_of(c, sender, line);

	put_text(out, "  ");
	if (control_line_is(line, "route") || control_line_is(line, "sender_route")) {
		put_route(out, line, where);
	} else if (control_line_is(line, "destination")) {
		put_destination(out, line);
	} else if (control_line_is(line, "source")) {
		put_field(out, "connections come from ", line, "address");
	} else if (control_line_is(line, "login")) {
		put_field(out, "with a log-in as ", line, "name");
		put_where(out, where);
	} else if (control_line_is(line, "host")) {
		put_host(out, line, where);
	} else if (control_line_is(line, "trouble")) {
		put_trouble(out, line);
	} else {
		put_text(out, "the relay does not answer: which hosts, and which TLS, is not known now");
	}
	put_char(out, '\n');
}

/* ---- an address */

/* False: that is no whole answer. */
static bool
put_answer(struct buf *out, const struct config *c, bool is_json, struct bytes sender, struct bytes answer)
{
	uint8_t *space = memory_new(SERVER_ANSWER_MAX);
	struct control_line line;
	struct buf values;
	bool is_first = true, is_over = false;

	buf_init_fixed(&values, space, SERVER_ANSWER_MAX);
	while (control_line_take(&answer, &values, &line)) {
		is_over = control_line_is(&line, "end");
		if (is_over)
			break;
		if (is_json)
			explain_print_step(out, &line, where_of(c, sender, &line), is_first);
		else
			put_line(out, c, sender, &line);
		is_first = false;
	}
	memory_free(space);
	return is_over;
}

static bool
put_question(struct buf *question, struct bytes sender, struct bytes address)
{
	control_line_put(question, "explain", FIELDS(TEXT("sender", sender), TEXT("recipient", address)));
	put_char(question, '\0');
	return !question->has_failed;
}

/* NULL, or why there is no answer. */
static const char *
ask(const struct config *c, bool is_json, struct bytes sender, struct bytes address, struct buf *out)
{
	char question[CONTROL_LINE_MAX], space[SERVER_ANSWER_MAX];
	struct bytes answer;
	struct buf line;
	struct fault f;

	buf_init_fixed(&line, question, sizeof question);
	if (!put_question(&line, sender, address) || server_ask(c, SERVER_QUEUE, question, space, &answer, &f) != SERVER_ANSWERED)
		return "the queue does not answer: until it does, clients hear 451 for this address";
	if (take_text(&answer, BYTES("error ")) || !put_answer(out, c, is_json, sender, answer))
		return "the queue gives no answer to this question";
	return NULL;
}

static void
put_address(struct onward *o, const struct config *c, bool is_json, struct bytes address, struct buf *out)
{
	const char *trouble;

	put_text(out, is_json ? "{\"address\":" : "Onward, to ");
	(is_json ? json_put_text : cli_put_visible)(out, address);
	put_text(out, is_json ? ",\"steps\":[" : ":\n");
	trouble = ask(c, is_json, o->sender, address, out);
	put_text(out, is_json ? "\n]" : "");
	if (trouble) {
		o->has_failed = true;
		put_text(out, is_json ? ",\"error\":\"" : "  ");
		put_text(out, trouble);
		put_text(out, is_json ? "\"" : "\n");
	}
	put_text(out, is_json ? "}" : "");
}

void
onward_put(struct onward *o, const struct config *c, bool is_json, struct buf *out)
{
	put_text(out, is_json ? ",\"onward\":[" : "");
	for (size_t i = 0; i < o->count; i++) {
		put_text(out, is_json && i ? "," : "");
		put_address(o, c, is_json, o->addresses[i], out);
	}
	if (is_json)
		put_format(out, "],\"onward_left_out\":%zu", o->left_out);
	else if (o->left_out)
		put_format(out, "Onward: %zu more addresses, which can be asked for one by one.\n", o->left_out);
}
