/* Commands that name a mailbox: CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, STATUS. */
#include "proto/imap/commands.h"

bool
imap_parse_name(struct imap_command *c, struct bytes *in)
{
	struct imap_name_args *args = imap_command_args(c, sizeof *args);

	return args && take_char(in, ' ') && take_imap_mailbox(in, c->arena, &args->name);
}

/* rename = "RENAME" SP mailbox SP mailbox */
bool
imap_parse_two_names(struct imap_command *c, struct bytes *in)
{
	struct imap_name_args *args = imap_command_args(c, sizeof *args);

	return args && take_char(in, ' ') && take_imap_mailbox(in, c->arena, &args->name) && take_char(in, ' ') &&
		take_imap_mailbox(in, c->arena, &args->new_name);
}

/* RFC 3501 6.3.3: a separator at the end says that names below will follow; it is not part of the name. */
static struct bytes
without_separator(struct bytes name)
{
	if (name.len > 1 && name.ptr[name.len - 1] == IMAP_SEPARATOR)
		name.len--;
	return name;
}

static enum imap_turn
refuse_name(struct imap_command *c)
{
	return imap_no(c, "[CANNOT]", "A mailbox can't have that name");
}

static bool
is_inbox(struct bytes name)
{
	return bytes_equal(name, BYTES("INBOX"));
}

enum imap_turn
imap_run_create(struct imap_session *s, struct imap_command *c)
{
	const struct imap_name_args *args = c->args;
	struct bytes name = without_separator(args->name);

	(void)s;
	if (c->phase++ > 0)
		return imap_end_as_answered(c, "CREATE completed");
	if (is_inbox(name))
		return imap_refuse(c, IMAP_EXISTS);
	if (!imap_name_is_valid(name))
		return refuse_name(c);
	return imap_ask_name(c, IMAP_ASK_CREATE, name);
}

enum imap_turn
imap_run_delete(struct imap_session *s, struct imap_command *c)
{
	const struct imap_name_args *args = c->args;

	(void)s;
	if (c->phase++ > 0)
		return imap_end_as_answered(c, "DELETE completed");
	if (is_inbox(args->name))
		return imap_no(c, "[CANNOT]", "INBOX can't be deleted");
	if (!imap_name_is_valid(args->name))
		return imap_refuse(c, IMAP_ABSENT);
	return imap_ask_name(c, IMAP_ASK_DELETE, args->name);
}

enum imap_turn
imap_run_rename(struct imap_session *s, struct imap_command *c)
{
	const struct imap_name_args *args = c->args;
	struct bytes new_name = without_separator(args->new_name);

	(void)s;
	if (c->phase++ > 0)
		return imap_end_as_answered(c, "RENAME completed");
	if (!imap_name_is_valid(args->name))
		return imap_refuse(c, IMAP_ABSENT);
	if (is_inbox(new_name))
		return imap_refuse(c, IMAP_EXISTS);
	if (!imap_name_is_valid(new_name))
		return refuse_name(c);
	(void)imap_ask_name(c, IMAP_ASK_RENAME, args->name);
	c->ask.new_name = new_name;
	return TURN_ASK;
}

enum imap_turn
imap_run_subscribe(struct imap_session *s, struct imap_command *c)
{
	const struct imap_name_args *args = c->args;

	(void)s;
	if (c->phase++ > 0)
		return imap_end_as_answered(c, "SUBSCRIBE completed");
	if (!imap_name_is_valid(args->name))
		return refuse_name(c);
	return imap_ask_name(c, IMAP_ASK_SUBSCRIBE, args->name);
}

enum imap_turn
imap_run_unsubscribe(struct imap_session *s, struct imap_command *c)
{
	const struct imap_name_args *args = c->args;

	(void)s;
	if (c->phase++ > 0)
		return imap_end_as_answered(c, "UNSUBSCRIBE completed");
	if (!imap_name_is_valid(args->name))
		return refuse_name(c);
	return imap_ask_name(c, IMAP_ASK_UNSUBSCRIBE, args->name);
}

enum { ITEM_MESSAGES = 1, ITEM_RECENT = 2, ITEM_UIDNEXT = 4, ITEM_UIDVALIDITY = 8, ITEM_UNSEEN = 16, ITEM_DELETED = 32,
	ITEM_DELETED_STORAGE = 64 };

static const struct {
	struct bytes name;
	unsigned int item;
} items[] = {
	{ BYTES_INIT("MESSAGES"), ITEM_MESSAGES }, { BYTES_INIT("RECENT"), ITEM_RECENT },
	{ BYTES_INIT("UIDNEXT"), ITEM_UIDNEXT }, { BYTES_INIT("UIDVALIDITY"), ITEM_UIDVALIDITY },
	{ BYTES_INIT("UNSEEN"), ITEM_UNSEEN }, { BYTES_INIT("DELETED"), ITEM_DELETED },
	{ BYTES_INIT("DELETED-STORAGE"), ITEM_DELETED_STORAGE },
};

enum { ITEMS = sizeof items / sizeof items[0] };

struct status_args {
	struct bytes name;
	unsigned int items;
};

/* status-att = "MESSAGES" / "RECENT" / "UIDNEXT" / "UIDVALIDITY" / "UNSEEN"
   status-att =/ "DELETED" / "DELETED-STORAGE"      RFC 9208 7 */
static bool
take_status_att(struct bytes *in, unsigned int *found)
{
	struct bytes rest = *in, atom;

	if (!take_imap_atom(&rest, &atom))
		return false;
	for (size_t i = 0; i < ITEMS; i++)
		if (bytes_equal_nocase(atom, items[i].name)) {
			*found |= items[i].item;
			*in = rest;
			return true;
		}
	return false;
}

/* status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")" */
bool
imap_parse_status(struct imap_command *c, struct bytes *in)
{
	struct status_args *args = imap_command_args(c, sizeof *args);

	if (!args || !take_char(in, ' ') || !take_imap_mailbox(in, c->arena, &args->name) || !take_char(in, ' ') ||
		!take_char(in, '('))
		return false;
	do {
		if (!take_status_att(in, &args->items))
			return false;
	} while (take_char(in, ' '));
	return take_char(in, ')');
}

static enum imap_turn
put_status(struct imap_session *s, struct imap_command *c, const struct status_args *args)
{
	const struct imap_answer *a = &c->answer;
	const uint64_t values[ITEMS] = { a->messages, a->recent, a->uid_next, a->uid_validity, a->unseen, a->deleted, a->deleted_size };
	const char *before = " (";

	put_text(&s->out, "* STATUS ");
	imap_put_astring(&s->out, args->name);
	for (size_t i = 0; i < ITEMS; i++) {
		if (!(args->items & items[i].item))
			continue;
		put_text(&s->out, before);
		put_bytes(&s->out, items[i].name);
		put_char(&s->out, ' ');
		put_number(&s->out, values[i]);
		before = " ";
	}
	put_text(&s->out, ")\r\n");
	return imap_ok(c, NULL, "STATUS completed");
}

enum imap_turn
imap_run_status(struct imap_session *s, struct imap_command *c)
{
	const struct status_args *args = c->args;

	if (c->phase++ > 0) {
		if (c->answer.outcome != IMAP_OK)
			return imap_refuse(c, c->answer.outcome);
		return put_status(s, c, args);
	}
	if (!imap_name_is_valid(args->name))
		return imap_refuse(c, IMAP_ABSENT);
	return imap_ask_name(c, IMAP_ASK_STATUS, args->name);
}
