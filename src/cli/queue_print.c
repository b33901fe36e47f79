#include "cli/queue_print.h"

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/json.h"
#include "cli/queue_tls.h"

#include <string.h>

/* ---- as JSON */

static bool
is_text(struct bytes name)
{
	static const char *const texts[] = { "mail", "sender", "recipient", "state", "destination", "parameters", "rerouted", "reply" };

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (bytes_equal(name, bytes_text(texts[i])))
			return true;
	return false;
}

/* has_list: the recipients follow themselves, and their number is not told. */
static void
put_json_fields(struct buf *out, const struct control_line *line, bool has_list)
{
	bool is_first = true;

	for (size_t i = 0; i < line->count; i++) {
		struct bytes name = line->fields[i].name, value = line->fields[i].value;

		if (has_list && bytes_equal(name, BYTES("recipients")))
			continue;
		put_text(out, is_first ? "" : ",");
		is_first = false;
		json_put_text(out, name);
		put_char(out, ':');
		if (is_text(name))
			json_put_text(out, value);
		else
			put_bytes(out, value);
	}
}

static void
put_json(struct queue_print *p, struct buf *out, const struct control_line *line)
{
	bool is_list = strcmp(p->verb, "list") == 0, is_show = strcmp(p->verb, "show") == 0;

	if (control_line_is(line, "message")) {
		put_char(out, '{');
		put_json_fields(out, line, true);
		put_text(out, ",\"recipients\":[");
		p->has_message = true;
	} else if (control_line_is(line, "recipient")) {
		put_text(out, p->has_recipients ? ",\n  {" : "\n  {");
		put_json_fields(out, line, false);
		put_char(out, '}');
		p->has_recipients = true;
	} else if (is_list || is_show) {
		put_text(out, is_list ? "\n]\n" : p->has_message ? "\n]}\n" : "");
	} else {
		put_char(out, '{');
		put_json_fields(out, line, false);
		put_text(out, "}\n");
	}
}

/* ---- as text */

static void
put_age(struct buf *out, uint64_t s)
{
	static const struct {
		uint64_t s;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	size_t i = 0;

	while (units[i].s > 1 && s < 2 * units[i].s)
		i++;
	put_number(out, s / units[i].s);
	put_char(out, (uint8_t)units[i].unit);
}

static void
put_path(struct buf *out, struct bytes address)
{
	put_char(out, '<');
	cli_put_visible(out, address);
	put_char(out, '>');
}

static void
put_recipient(struct buf *out, const struct control_line *line, bool has_message)
{
	uint64_t until_s = control_line_number(line, "until_s");
	struct bytes reply = control_line_get(line, "reply");

	put_text(out, has_message ? "  " : "");
	if (!has_message) {
		cli_put_visible(out, control_line_get(line, "mail"));
		put_text(out, "  ");
		put_age(out, control_line_number(line, "age_s"));
		put_text(out, "  ");
		put_path(out, control_line_get(line, "sender"));
		put_text(out, "  ");
	}
	put_path(out, control_line_get(line, "recipient"));
	put_text(out, "  ");
	cli_put_visible(out, control_line_get(line, "state"));
	if (until_s) {
		put_text(out, " until ");
		clock_put_rfc3339_s(out, (int64_t)until_s);
	}
	put_format(out, "  attempts %llu  to ", (unsigned long long)control_line_number(line, "attempts"));
	cli_put_visible(out, control_line_get(line, "destination"));
	put_text(out, control_line_get(line, "rerouted").len ? " (rerouted)" : "");
	put_text(out, reply.len ? "  " : "");
	cli_put_visible(out, reply);
	put_char(out, '\n');
}

static void
put_time_line(struct buf *out, const struct control_line *line, const char *field, const char *title)
{
	uint64_t unix_s = control_line_number(line, field);

	if (unix_s == 0)
		return;
	put_text(out, title);
	clock_put_rfc3339_s(out, (int64_t)unix_s);
	put_char(out, '\n');
}

static void
put_message(struct buf *out, const struct control_line *line)
{
	struct bytes parameters = control_line_get(line, "parameters"), priority = control_line_get(line, "priority");

	put_text(out, "Mail        ");
	cli_put_visible(out, control_line_get(line, "mail"));
	put_text(out, "\nSender      ");
	put_path(out, control_line_get(line, "sender"));
	put_text(out, "\nArrived     ");
	clock_put_rfc3339_s(out, (int64_t)control_line_number(line, "arrived_s"));
	put_text(out, " (");
	put_age(out, control_line_number(line, "age_s"));
	put_format(out, " ago)\nSize        %llu octets\n", (unsigned long long)control_line_number(line, "size"));
	if (parameters.len) {
		put_text(out, "Parameters  ");
		cli_put_visible(out, parameters);
		put_char(out, '\n');
	}
	put_time_line(out, line, "release_s", "Release     ");
	put_time_line(out, line, "deliver_by_s", "Deliver by  ");
	if (!bytes_equal(priority, BYTES("0")))
		put_format(out, "Priority    %.*s\n", BYTES_ARG(priority));
	put_format(out, "Recipients  %llu that still wait:\n", (unsigned long long)control_line_number(line, "recipients"));
}

static void
put_count(struct buf *out, uint64_t count, const char *what)
{
	put_format(out, "%llu %s%s", (unsigned long long)count, what, count == 1 ? "" : "s");
}

static void
put_stats(struct buf *out, const struct control_line *line)
{
	for (size_t i = 0; i + 1 < line->count; i++)
		put_format(out, "%-13.*s %.*s\n", BYTES_ARG(line->fields[i].name), BYTES_ARG(line->fields[i].value));
	put_text(out, "oldest        ");
	put_age(out, control_line_number(line, "oldest_s"));
	put_char(out, '\n');
}

static void
put_done(struct buf *out, const char *verb, const struct control_line *line)
{
	static const struct {
		const char *verb, *did;
	} rows[] = { { "hold", "Held" }, { "release", "Released" }, { "retry", "Due now:" }, { "reroute", "Sent another way:" }, { "remove", "Removed" }, { "bounce", "On the way back:" } };
	uint64_t left_alone = control_line_number(line, "left_alone");

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (strcmp(rows[i].verb, verb) == 0)
			put_format(out, "%s ", rows[i].did);
	put_count(out, control_line_number(line, "recipients"), "recipient");
	put_text(out, " of ");
	put_count(out, control_line_number(line, "messages"), "message");
	put_text(out, ".\n");
	if (left_alone == 0)
		return;
	put_count(out, left_alone, "recipient");
	put_format(out, " %s being sent right now and %s left alone.\n", left_alone == 1 ? "is" : "are", left_alone == 1 ? "was" : "were");
}

static void
put_end(const struct queue_print *p, struct buf *out, const struct control_line *line)
{
	if (strcmp(p->verb, "stats") == 0)
		put_stats(out, line);
	else if (strcmp(p->verb, "list") != 0 && strcmp(p->verb, "show") != 0)
		put_done(out, p->verb, line);
	else if (!p->has_recipients && strcmp(p->verb, "list") == 0)
		put_text(out, "No such mail waits.\n");
}

void
queue_print_begin(struct queue_print *p, struct buf *out)
{
	if (!p->has_started && p->is_json && (strcmp(p->verb, "list") == 0 || strcmp(p->verb, "tls-reports") == 0))
		put_char(out, '[');
	p->has_started = true;
}

void
queue_print_line(struct queue_print *p, struct buf *out, const struct control_line *line)
{
	if (queue_tls_is(p->verb)) {
		queue_tls_print_line(p, out, line);
	} else if (p->is_json) {
		put_json(p, out, line);
	} else if (control_line_is(line, "message")) {
		p->has_message = true;
		put_message(out, line);
	} else if (control_line_is(line, "recipient")) {
		put_recipient(out, line, p->has_message);
		p->has_recipients = true;
	} else {
		put_end(p, out, line);
	}
}
