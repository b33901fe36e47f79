#include "base/event.h"

#include "base/clock.h"

static const struct {
	const char *name;
	enum event_level level;
	const char *sentence;
} list[EVENT_COUNT] = {
#define EVENT(id, name, level, sentence) { name, level, sentence },
#include "base/events.def"
#undef EVENT
};

enum { LINE_MAX_OCTETS = 4096 };

static struct event_sink sink;

void
event_set_sink(const struct event_sink *new_sink)
{
	sink = *new_sink;
}

const char *
event_name(enum event_id id)
{
	return list[id].name;
}

const char *
event_sentence(enum event_id id)
{
	return list[id].sentence;
}

enum event_level
event_level_of(enum event_id id)
{
	return list[id].level;
}

const char *
event_level_name(enum event_level level)
{
	static const char *const names[] = { "debug", "info", "notice", "warning", "error" };

	return names[level];
}

static bool
needs_quotes(struct bytes in)
{
	for (size_t i = 0; i < in.len; i++)
		if (in.ptr[i] <= ' ' || in.ptr[i] >= 0x7f || in.ptr[i] == '"' || in.ptr[i] == '\\')
			return true;
	return in.len == 0;
}

void
event_put_escaped(struct buf *b, struct bytes in)
{
	if (!needs_quotes(in)) {
		put_bytes(b, in);
		return;
	}
	put_char(b, '"');
	put_harmless(b, in, HARMLESS_QUOTED);
	put_char(b, '"');
}

static void
put_json_text(struct buf *b, struct bytes in)
{
	put_char(b, '"');
	put_harmless(b, in, HARMLESS_JSON);
	put_char(b, '"');
}

static void
put_field(struct buf *b, const struct event_field *field)
{
	bool is_json = sink.format == EVENT_JSON;

	if (is_json)
		put_format(b, ",\"%s\":", field->name);
	else
		put_format(b, " %s=", field->name);
	if (field->kind == FIELD_INT)
		put_format(b, "%lld", (long long)field->number);
	else if (is_json)
		put_json_text(b, field->kind == FIELD_SECRET ? BYTES("***") : field->text);
	else
		event_put_escaped(b, field->kind == FIELD_SECRET ? BYTES("***") : field->text);
}

static void
put_head(struct buf *b, enum event_id id)
{
	bool is_json = sink.format == EVENT_JSON;

	put_text(b, is_json ? "{\"time\":\"" : "");
	clock_put_rfc3339(b, sink.now_us());
	if (is_json)
		put_format(b, "\",\"level\":\"%s\",\"event\":\"%s\",\"role\":\"%s\",\"pid\":%lld",
			event_level_name(list[id].level), list[id].name, sink.role, (long long)sink.pid);
	else
		put_format(b, " %s %s role=%s pid=%lld", event_level_name(list[id].level),
			list[id].name, sink.role, (long long)sink.pid);
}

/* A field that no longer fits is left out whole, so that a long one can't break the line. */
static void
put_field_if_it_fits(struct buf *b, const struct event_field *field)
{
	size_t before = b->len;

	put_field(b, field);
	if (b->has_failed || b->max - b->len < 8) {
		b->has_failed = false;
		b->len = before;
	}
}

void
event_emit(const struct event_context *ctx, enum event_id id, const struct event_field *fields)
{
	uint8_t memory[LINE_MAX_OCTETS];
	struct buf line;

	if (!sink.write || list[id].level < sink.least)
		return;
	buf_init_fixed(&line, memory, sizeof memory);
	put_head(&line, id);
	if (ctx && ctx->session)
		put_field(&line, &(struct event_field)INT("session", ctx->session));
	if (ctx && ctx->mail_id)
		put_field(&line, &(struct event_field)STR("mail", ctx->mail_id));
	for (; fields->kind != FIELD_END; fields++)
		put_field_if_it_fits(&line, fields);
	put_text(&line, sink.format == EVENT_JSON ? "}\n" : "\n");
	sink.write(sink.arg, buf_bytes(&line));
}
