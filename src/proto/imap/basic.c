/* Commands that need no mailbox. */
#include "proto/imap/commands.h"

bool
imap_parse_nothing(struct imap_command *c, struct bytes *in)
{
	(void)c;
	(void)in;
	return true;
}

void
imap_put_capabilities(const struct imap_session *s, struct buf *out)
{
	bool may_login = s->is_tls || s->settings->may_login_in_clear;
	struct bytes mechanisms = bytes_text(sasl_mechanisms());

	put_text(out, "CAPABILITY IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE NAMESPACE UIDPLUS MOVE UNSELECT "
		      "SPECIAL-USE CHILDREN SORT THREAD=ORDEREDSUBJECT THREAD=REFERENCES QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE");
	if (s->state != STATE_STRANGER)
		return;
	if (s->settings->offers_tls && !s->is_tls)
		put_text(out, " STARTTLS");
	if (!may_login)
		put_text(out, " LOGINDISABLED");
	while (may_login && mechanisms.len) {
		put_text(out, " AUTH=");
		put_bytes(out, take_until(&mechanisms, ' '));
	}
}

enum imap_turn
imap_run_capability(struct imap_session *s, struct imap_command *c)
{
	put_text(&s->out, "* ");
	imap_put_capabilities(s, &s->out);
	put_text(&s->out, "\r\n");
	return imap_ok(c, NULL, "CAPABILITY completed");
}

enum imap_turn
imap_run_noop(struct imap_session *s, struct imap_command *c)
{
	(void)s;
	return imap_ok(c, NULL, "NOOP completed");
}

enum imap_turn
imap_run_logout(struct imap_session *s, struct imap_command *c)
{
	put_text(&s->out, "* BYE Logging out\r\n");
	s->next_stage = STAGE_CLOSED;
	return imap_ok(c, NULL, "LOGOUT completed");
}

/* RFC 2971 3.1: id = "ID" SP id-params-list
   id-params-list = "(" *(string SP nstring) ")" / nil; thirty pairs at most (3.3), which is for who sends. */
bool
imap_parse_id(struct imap_command *c, struct bytes *in)
{
	struct bytes field, value;
	bool is_nil, has_more = false;

	if (!take_char(in, ' '))
		return false;
	if (take_imap_word(in, BYTES("NIL")))
		return true;
	if (!take_char(in, '('))
		return false;
	while (!take_char(in, ')')) {
		if (has_more && !take_char(in, ' '))
			return false;
		if (!take_imap_string(in, c->arena, &field) || !take_char(in, ' ') ||
			!take_imap_nstring(in, c->arena, &is_nil, &value))
			return false;
		has_more = true;
	}
	return true;
}

enum imap_turn
imap_run_id(struct imap_session *s, struct imap_command *c)
{
	put_text(&s->out, "* ID (\"name\" \"Mermoz\" \"version\" \"" MERMOZ_VERSION "\")\r\n");
	return imap_ok(c, NULL, "ID completed");
}

/* RFC 5161 3.1: "ENABLE" 1*(SP capability) */
bool
imap_parse_enable(struct imap_command *c, struct bytes *in)
{
	struct bytes capability;

	(void)c;
	do {
		if (!take_char(in, ' ') || !take_imap_atom(in, &capability))
			return false;
	} while (in->len);
	return true;
}

/* Nothing that is offered has to be enabled. */
enum imap_turn
imap_run_enable(struct imap_session *s, struct imap_command *c)
{
	put_text(&s->out, "* ENABLED\r\n");
	return imap_ok(c, NULL, "ENABLE completed");
}

enum imap_turn
imap_run_starttls(struct imap_session *s, struct imap_command *c)
{
	if (s->is_tls)
		return imap_bad(c, "TLS is on already");
	if (!s->settings->offers_tls)
		return imap_bad(c, "TLS is not offered here");
	s->next_stage = STAGE_TLS;
	return imap_ok(c, NULL, "Begin TLS now");
}

/* RFC 2342 5: one namespace, the user's own. */
enum imap_turn
imap_run_namespace(struct imap_session *s, struct imap_command *c)
{
	put_text(&s->out, "* NAMESPACE ((\"\" \".\")) NIL NIL\r\n");
	return imap_ok(c, NULL, "NAMESPACE completed");
}

enum imap_turn
imap_run_check(struct imap_session *s, struct imap_command *c)
{
	(void)s;
	if (c->phase++ == 0)
		return imap_ask_name(c, IMAP_ASK_CHECK, BYTES_NONE);
	return imap_end_as_answered(c, "CHECK completed");
}
