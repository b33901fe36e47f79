/* What an account's mail takes and may take: RFC 9208.  An account with a quota has one quota root for all of its mailboxes, whose
   name is empty; one without has none. */
#include "proto/imap/commands.h"

#define ROOT_NAME BYTES_NONE

/* getquota = "GETQUOTA" SP quota-root-name
   quota-root-name = astring */
bool
imap_parse_get_quota(struct imap_command *c, struct bytes *in)
{
	struct imap_name_args *args = imap_command_args(c, sizeof *args);

	return args && take_char(in, ' ') && take_imap_astring(in, c->arena, &args->name);
}

/* setquota-resource = resource-name SP resource-limit
   resource-name = atom; resource-limit = number64 */
static bool
take_set_resource(struct bytes *in)
{
	struct bytes name;
	uint64_t limit;

	return take_imap_atom(in, &name) && take_char(in, ' ') && take_number(in, INT64_MAX, &limit);
}

/* setquota = "SETQUOTA" SP quota-root-name SP setquota-list
   setquota-list = "(" [setquota-resource *(SP setquota-resource)] ")" */
bool
imap_parse_set_quota(struct imap_command *c, struct bytes *in)
{
	if (!imap_parse_get_quota(c, in) || !take_char(in, ' ') || !take_char(in, '('))
		return false;
	if (take_char(in, ')'))
		return true;
	do {
		if (!take_set_resource(in))
			return false;
	} while (take_char(in, ' '));
	return take_char(in, ')');
}

/* quota-resource = resource-name SP resource-usage SP resource-limit */
static void
put_resource(struct buf *out, const char *name, uint64_t used, uint64_t limit, const char **before)
{
	if (limit == 0)
		return;
	put_format(out, "%s%s ", *before, name);
	put_number(out, used);
	put_char(out, ' ');
	put_number(out, limit);
	*before = " ";
}

/* RFC 9208 5.1: units of 1024 octets. */
static uint64_t
storage_units(uint64_t octets)
{
	return octets / 1024 + (octets % 1024 != 0);
}

/* quota-response = "QUOTA" SP quota-root-name SP quota-list */
static void
put_quota(struct buf *out, const struct imap_quota *q)
{
	const char *before = "";

	put_text(out, "* QUOTA ");
	imap_put_astring(out, ROOT_NAME);
	put_text(out, " (");
	put_resource(out, "STORAGE", storage_units(q->octets), storage_units(q->octets_max), &before);
	put_resource(out, "MESSAGE", q->messages, q->messages_max, &before);
	put_text(out, ")\r\n");
}

static enum imap_turn
refuse_root(struct imap_command *c)
{
	return imap_no(c, "[NONEXISTENT]", "There is no such quota root");
}

enum imap_turn
imap_run_get_quota(struct imap_session *s, struct imap_command *c)
{
	const struct imap_name_args *args = c->args;

	if (!bytes_equal(args->name, ROOT_NAME))
		return refuse_root(c);
	if (c->phase++ == 0)
		return imap_ask_name(c, IMAP_ASK_QUOTA, BYTES_NONE);
	if (c->answer.outcome == IMAP_ABSENT)
		return refuse_root(c);
	if (c->answer.outcome != IMAP_OK)
		return imap_refuse(c, c->answer.outcome);
	put_quota(&s->out, &c->answer.quota);
	return imap_ok(c, NULL, "GETQUOTA completed");
}

/* RFC 9208 4.1.2: the mailbox need not exist.
   quotaroot-response = "QUOTAROOT" SP mailbox *(SP quota-root-name) */
enum imap_turn
imap_run_get_quota_root(struct imap_session *s, struct imap_command *c)
{
	const struct imap_name_args *args = c->args;

	if (c->phase++ == 0)
		return imap_ask_name(c, IMAP_ASK_QUOTA, BYTES_NONE);
	if (c->answer.outcome != IMAP_OK && c->answer.outcome != IMAP_ABSENT)
		return imap_refuse(c, c->answer.outcome);
	put_text(&s->out, "* QUOTAROOT ");
	imap_put_astring(&s->out, args->name);
	if (c->answer.outcome == IMAP_OK) {
		put_char(&s->out, ' ');
		imap_put_astring(&s->out, ROOT_NAME);
	}
	put_text(&s->out, "\r\n");
	if (c->answer.outcome == IMAP_OK)
		put_quota(&s->out, &c->answer.quota);
	return imap_ok(c, NULL, "GETQUOTAROOT completed");
}

/* QUOTASET is not offered: what an account may take is said where its other data are. */
enum imap_turn
imap_run_set_quota(struct imap_session *s, struct imap_command *c)
{
	(void)s;
	return imap_no(c, "[NOPERM]", "Quotas are set by the administrator");
}
