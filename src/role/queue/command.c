#include "role/queue/command.h"

#include "config/address.h"
#include "role/control_line.h"
#include "role/queue/schedule.h"

enum { DESTINATION_MAX = 300 };

static const struct {
	const char *name;
	bool is_action;
} verbs[QUEUE_VERBS] = {
	[QUEUE_LIST] = { "list", false },
	[QUEUE_SHOW] = { "show", false },
	[QUEUE_STATS] = { "stats", false },
	[QUEUE_HOLD] = { "hold", true },
	[QUEUE_RELEASE] = { "release", true },
	[QUEUE_RETRY] = { "retry", true },
	[QUEUE_REROUTE] = { "reroute", true },
	[QUEUE_REMOVE] = { "remove", true },
	[QUEUE_BOUNCE] = { "bounce", true },
	[QUEUE_NEXT] = { "next", false },
	[QUEUE_BODY] = { "body", false },
};

const char *
command_name(enum queue_verb verb)
{
	return verbs[verb].name;
}

bool
command_is_action(enum queue_verb verb)
{
	return verbs[verb].is_action;
}

static bool
take_verb(struct bytes word, enum queue_verb *out)
{
	for (enum queue_verb verb = 0; verb < QUEUE_VERBS; verb++)
		if (bytes_equal(word, bytes_text(verbs[verb].name))) {
			*out = verb;
			return true;
		}
	return false;
}

static bool
take_count(struct bytes value, uint64_t *out)
{
	return take_number(&value, INT64_MAX, out) && value.len == 0;
}

/* False: there is no such field, or that is no value for it. */
static bool
take_field(struct bytes name, struct bytes value, struct command *c, bool *is_all)
{
	const struct {
		struct bytes name;
		struct bytes *text;
		uint64_t *number;
	} fields[] = { { BYTES("id"), &c->id, NULL }, { BYTES("sender"), &c->sender, NULL }, { BYTES("recipient"), &c->recipient, NULL },
		{ BYTES("destination"), &c->destination, NULL }, { BYTES("reason"), &c->reason, NULL },
		{ BYTES("to"), &c->to, NULL },
		{ BYTES("older_s"), NULL, &c->older_s }, { BYTES("limit"), NULL, &c->limit }, { BYTES("cursor"), NULL, &c->cursor } };

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		if (!bytes_equal(name, fields[i].name))
			continue;
		if (fields[i].number)
			return take_count(value, fields[i].number);
		*fields[i].text = value;
		return value.len > 0;
	}
	*is_all = bytes_equal(name, BYTES("all"));
	return *is_all && bytes_equal(value, BYTES("1"));
}

/* "default" is no target. */
static int
take_way(struct command *c, struct fault *f)
{
	struct hop hop;

	if (c->verb != QUEUE_REROUTE)
		return c->to.len == 0 ? 0 : fault_set(f, FAULT_SYNTAX, "--to is of reroute alone");
	if (c->to.len == 0)
		return fault_set(f, FAULT_SYNTAX, "reroute needs --to");
	if (bytes_equal(c->to, BYTES("default"))) {
		c->to = BYTES_NONE;
		return 0;
	}
	if (c->to.len > QUEUE_WAY_MAX || !route_to_target(c->to, &hop))
		return fault_set(f, FAULT_SYNTAX, "--to takes HOST[:PORT], lmtp:HOST[:PORT], mx:DOMAIN, or default: where its route leads");
	return 0;
}

static bool
names_somebody(const struct command *c)
{
	return c->id.len || c->sender.len || c->recipient.len || c->destination.len || c->reason.len || c->older_s;
}

int
command_take(struct bytes text, struct buf *space, struct command *out, struct fault *f)
{
	struct control_line line;
	struct mail_id id;
	bool is_all = false;

	*out = (struct command){ .cursor = 0 };
	if (!control_line_take(&text, space, &line) || !take_verb(line.word, &out->verb))
		return fault_set(f, FAULT_SYNTAX, "there is no such command");
	for (size_t i = 0; i < line.count; i++)
		if (!take_field(line.fields[i].name, line.fields[i].value, out, &is_all))
			return fault_set(f, FAULT_SYNTAX, "%.*s can't be understood", BYTES_ARG(line.fields[i].name));
	if (out->id.len && !mail_id_parse(out->id, &id))
		return fault_set(f, FAULT_SYNTAX, "that is no mail id");
	if (out->verb == QUEUE_BODY && !out->id.len)
		return fault_set(f, FAULT_SYNTAX, "no mail is named");
	if (command_is_action(out->verb) && !names_somebody(out) && !is_all)
		return fault_set(f, FAULT_SYNTAX, "nobody is named");
	return take_way(out, f);
}

bool
command_means_message(const struct command *c, const struct queued *m, int64_t now_s)
{
	struct bytes sender = queued_sender(m);

	if (c->id.len && !bytes_equal(c->id, bytes_text(queued_told(m)->text)))
		return false;
	if (c->sender.len && !address_equal(c->sender, sender.len ? sender : BYTES("<>")))
		return false;
	return now_s - m->arrived_s >= (int64_t)c->older_s;
}

static bool
has_part(struct bytes text, struct bytes part)
{
	for (; text.len >= part.len; text = bytes_sub(text, 1, text.len))
		if (bytes_starts_nocase(text, part))
			return true;
	return false;
}

void
command_put_destination(struct buf *out, const struct hop *hop)
{
	if (hop->kind == HOP_KIND_MAILBOXES) {
		put_text(out, "local");
		return;
	}
	if (hop->kind == HOP_KIND_NOBODY) {
		put_text(out, "error");
		return;
	}
	put_text(out, hop->protocol == HOP_LMTP ? "lmtp:" : "");
	put_bytes(out, hop->host);
	if (hop->port)
		put_format(out, ":%u", hop->port);
}

static bool
is_destination(struct bytes wanted, const struct hop *hop)
{
	uint8_t space[DESTINATION_MAX];
	struct bytes shown;
	struct buf out;

	buf_init_fixed(&out, space, sizeof space);
	command_put_destination(&out, hop);
	shown = buf_bytes(&out);
	if (hop->protocol == HOP_LMTP && !bytes_starts_nocase(wanted, BYTES("lmtp:")))
		(void)take_text(&shown, BYTES("lmtp:"));
	return bytes_equal_nocase(wanted, shown) || (hop->host.len && bytes_equal_nocase(wanted, hop->host));
}

bool
command_means(const struct command *c, const struct delivery *d, const struct hop *hop)
{
	struct bytes address = delivery_address(d), recipient = c->recipient;

	if (recipient.len && take_char(&recipient, '@')) {
		if (!domain_equal(recipient, delivery_domain(d)))
			return false;
	} else if (recipient.len && !address_equal(recipient, address)) {
		return false;
	}
	if (c->destination.len && !is_destination(c->destination, hop))
		return false;
	return c->reason.len == 0 || has_part(schedule_words(d), c->reason);
}
