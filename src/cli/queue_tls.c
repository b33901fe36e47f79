#include "cli/queue_tls.h"

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/json.h"

#include <string.h>

/* How deep a line stands in the list. */
enum { DEPTH_NONE, DEPTH_DOMAIN, DEPTH_POLICY, DEPTH_FAILURE };

bool
queue_tls_is(const char *verb)
{
	return strcmp(verb, "tls-reports") == 0 || strcmp(verb, "report-tls") == 0;
}

void
queue_tls_put_question(struct buf *out, const char *verb, uint64_t cursor)
{
	if (strcmp(verb, "report-tls") == 0)
		put_text(out, "tls\tnow=1\n");
	else
		put_format(out, "tls\tcursor=%llu\n", (unsigned long long)cursor);
	put_char(out, '\0');
}

static unsigned int
depth_of(const struct control_line *line)
{
	if (control_line_is(line, "failure"))
		return DEPTH_FAILURE;
	if (control_line_is(line, "policy"))
		return DEPTH_POLICY;
	return control_line_is(line, "domain") ? DEPTH_DOMAIN : DEPTH_NONE;
}

/* ---- as JSON */

static bool
is_number(struct bytes name)
{
	static const char *const numbers[] = { "begin_s", "end_s", "due_s", "successes", "failures", "left_out", "sessions", "domains" };

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (bytes_equal(name, bytes_text(numbers[i])))
			return true;
	return false;
}

static void
put_fields(struct buf *out, const struct control_line *line)
{
	put_char(out, '{');
	for (size_t i = 0; i < line->count; i++) {
		put_text(out, i ? "," : "");
		json_put_text(out, line->fields[i].name);
		put_char(out, ':');
		if (is_number(line->fields[i].name))
			put_bytes(out, line->fields[i].value);
		else
			json_put_text(out, line->fields[i].value);
	}
}

static void
put_json(struct queue_print *p, struct buf *out, const struct control_line *line)
{
	static const char *const lists[] = { [DEPTH_DOMAIN] = ",\"policies\":[", [DEPTH_POLICY] = ",\"failure_details\":[", [DEPTH_FAILURE] = "}" };
	unsigned int depth = depth_of(line);
	bool is_first = p->depth < depth;

	for (; p->depth > 0 && p->depth >= depth; p->depth--)
		put_text(out, p->depth == DEPTH_FAILURE ? "" : "]}");
	if (depth == DEPTH_NONE) {
		put_text(out, "\n]\n");
		return;
	}
	is_first = depth == DEPTH_DOMAIN ? !p->has_recipients : is_first;
	put_text(out, is_first ? "" : ",");
	put_text(out, depth == DEPTH_DOMAIN ? "\n  " : "");
	put_fields(out, line);
	put_text(out, lists[depth]);
	p->has_recipients = true;
	p->depth = depth;
}

/* ---- as text */

static void
put_field(struct buf *out, const struct control_line *line, const char *field, const char *before)
{
	struct bytes value = control_line_get(line, field);

	if (value.len == 0)
		return;
	put_text(out, before);
	cli_put_visible(out, value);
}

static void
put_time(struct buf *out, const char *before, uint64_t unix_s)
{
	put_text(out, before);
	clock_put_rfc3339_s(out, (int64_t)unix_s);
}

static void
put_sums(struct buf *out, const struct control_line *line)
{
	put_format(out, "  %llu good, %llu failed", (unsigned long long)control_line_number(line, "successes"),
		(unsigned long long)control_line_number(line, "failures"));
}

static void
put_domain(struct buf *out, const struct control_line *line)
{
	uint64_t end_s = control_line_number(line, "end_s"), left_out = control_line_number(line, "left_out");

	put_field(out, line, "domain", "");
	put_sums(out, line);
	if (left_out)
		put_format(out, ", %llu not told apart", (unsigned long long)left_out);
	put_time(out, "  since ", control_line_number(line, "begin_s"));
	if (end_s) {
		put_time(out, " until ", end_s);
		put_time(out, ", report due ", control_line_number(line, "due_s"));
	}
	put_char(out, '\n');
}

static void
put_failure(struct buf *out, const struct control_line *line)
{
	put_text(out, "    ");
	put_field(out, line, "sessions", "");
	put_field(out, line, "result", "  ");
	put_field(out, line, "mx", "  ");
	put_field(out, line, "receiving_ip", " ");
	put_field(out, line, "reason", "  ");
	put_char(out, '\n');
}

static void
put_end(const struct queue_print *p, struct buf *out, const struct control_line *line)
{
	uint64_t domains = control_line_number(line, "domains"), left_out = control_line_number(line, "left_out");

	if (strcmp(p->verb, "report-tls") == 0 && domains)
		put_format(out, "Reports on %llu domain%s are due now, to those that ask for them.\n", (unsigned long long)domains, domains == 1 ? "" : "s");
	else if (strcmp(p->verb, "report-tls") == 0 || !p->has_recipients)
		put_text(out, "No sessions were counted since the last reports.\n");
	if (left_out)
		put_format(out, "%llu sessions with more domains were counted together.\n", (unsigned long long)left_out);
}

static void
put_as_text(struct queue_print *p, struct buf *out, const struct control_line *line)
{
	switch (depth_of(line)) {
	case DEPTH_DOMAIN:
		put_domain(out, line);
		p->has_recipients = true;
		break;
	case DEPTH_POLICY:
		put_field(out, line, "type", "  ");
		put_field(out, line, "policy_domain", " of ");
		put_sums(out, line);
		put_char(out, '\n');
		break;
	case DEPTH_FAILURE:
		put_failure(out, line);
		break;
	default:
		put_end(p, out, line);
		break;
	}
}

void
queue_tls_print_line(struct queue_print *p, struct buf *out, const struct control_line *line)
{
	if (!p->is_json) {
		put_as_text(p, out, line);
	} else if (strcmp(p->verb, "report-tls") == 0) {
		put_fields(out, line);
		put_text(out, "}\n");
	} else {
		put_json(p, out, line);
	}
}
