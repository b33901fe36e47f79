#include "cli/explain_print.h"

#include "cli/json.h"

enum kind { KIND_TEXT, KIND_NUMBER, KIND_TRUTH };

static enum kind
kind_of(struct bytes name)
{
	static const char *const numbers[] = { "depth", "targets", "read_s", "confirmed_s", "mailboxes", "elsewhere", "preference", "waiting",
		"sending", "failures", "rests_until_s", "limit", "octets", "messages", "quota_octets", "quota_messages" };
	static const char *const truths[] = { "enabled", "up", "tells_changes", "accepted", "authentic", "tried" };

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (bytes_equal(name, bytes_text(numbers[i])))
			return KIND_NUMBER;
	for (size_t i = 0; i < sizeof truths / sizeof *truths; i++)
		if (bytes_equal(name, bytes_text(truths[i])))
			return KIND_TRUTH;
	return KIND_TEXT;
}

static void
put_number_value(struct buf *out, struct bytes value)
{
	struct bytes digits = value;

	(void)take_char(&digits, '-');
	if (digits.len && bytes_all_class(digits, CLASS_DIGIT))
		put_bytes(out, value);
	else
		json_put_text(out, value);
}

static void
put_value(struct buf *out, struct bytes name, struct bytes value)
{
	switch (kind_of(name)) {
	case KIND_NUMBER:
		put_number_value(out, value);
		return;
	case KIND_TRUTH:
		put_text(out, bytes_equal(value, BYTES("1")) ? "true" : "false");
		return;
	case KIND_TEXT:
		json_put_text(out, value);
		return;
	}
}

void
explain_print_fields(struct buf *out, const struct control_line *line)
{
	for (size_t i = 0; i < line->count; i++) {
		put_char(out, ',');
		json_put_text(out, line->fields[i].name);
		put_char(out, ':');
		put_value(out, line->fields[i].name, line->fields[i].value);
	}
}

void
explain_print_step(struct buf *out, const struct control_line *line, const struct config_where *where, bool is_first)
{
	put_text(out, is_first ? "\n  {\"step\":" : ",\n  {\"step\":");
	json_put_text(out, line->word);
	explain_print_fields(out, line);
	if (where && where->line) {
		put_text(out, ",\"file\":");
		json_put_text(out, where->file);
		put_format(out, ",\"line\":%u,\"column\":%u", where->line, where->column);
	}
	put_char(out, '}');
}
