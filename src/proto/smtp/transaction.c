#include "proto/smtp/parameter.h"
#include "proto/smtp/session_internal.h"

void
smtp_transaction_end(struct smtp_session *s)
{
	if (s->phase != SMTP_PHASE_START)
		s->phase = SMTP_PHASE_READY;
	s->recipients = 0;
	s->is_utf8 = false;
	s->has_mail_id = false;
}

void
smtp_transaction_abandon(struct smtp_session *s)
{
	bool is_known = s->asked == SMTP_MAIL || (s->phase != SMTP_PHASE_START && s->phase != SMTP_PHASE_READY);

	if (!is_known)
		return;
	s->is_abandon_due = true;
	smtp_transaction_end(s);
}

struct smtp_offer
smtp_offer_now(const struct smtp_session *s)
{
	const struct smtp_settings *settings = s->settings;
	bool may_hold = settings->is_submission && settings->hold_most_s > 0;

	return (struct smtp_offer){
		.size = settings->limits.message_octets_max,
		.has_tls = settings->offers_tls && !s->is_tls,
		.has_login = smtp_may_login(s),
		.address = buf_bytes(&s->address),
		.offered = (s->is_tls ? SMTP_OFFERED_REQUIRETLS : 0u) | (may_hold ? SMTP_OFFERED_FUTURERELEASE : 0u),
		.hold_most_s = settings->hold_most_s,
		.now_s = s->now_s,
	};
}

/* Where a part of a path is, now that `from` stands at `to`; a part that was unquoted into the arena stays. */
static struct bytes
moved(struct bytes part, struct bytes from, struct bytes to)
{
	uintptr_t at = (uintptr_t)part.ptr, start = (uintptr_t)from.ptr;

	if (part.len == 0 || at < start || at >= start + from.len)
		return part;
	return bytes_sub(to, at - start, part.len);
}

/* The path's octets go where they last until the question about it is answered. */
static bool
keep_path(struct arena *arena, struct smtp_path *path)
{
	struct bytes text = path->text;

	if (!arena_copy(arena, text, &path->text))
		return false;
	path->local = moved(path->local, text, path->text);
	path->domain = moved(path->domain, text, path->text);
	return true;
}

static enum smtp_reply
take_path(struct smtp_session *s, struct bytes *in, struct smtp_path *path, enum smtp_reply when_bad)
{
	struct fault f;

	/* Not in the grammar, but many type it: "FROM: <" (RFC 5321 4.1.1.2 has no space). */
	take_spaces(in);
	if (smtp_path_parse(in, true, s->paths, path, &f) == 0)
		return REPLY_OK;
	return f.kind == FAULT_LIMIT ? REPLY_PATH_TOO_LONG : when_bad;
}

/* RFC 4865 4, 5; a mail that is to come back before it may be sent is nobody's wish. */
static enum smtp_reply
judge_times(const struct smtp_offer *offer, const struct smtp_mail *mail)
{
	int64_t held_s = mail->release_s ? mail->release_s - offer->now_s : 0;

	if (held_s > (int64_t)offer->hold_most_s)
		return REPLY_HOLD_TOO_LONG;
	return mail->by.mode == SMTP_BY_RETURN && held_s >= mail->by.within_s ? REPLY_HOLD_BEYOND_BY : REPLY_OK;
}

static enum smtp_reply
take_sender(struct smtp_session *s, struct bytes argument, struct smtp_mail *mail, struct bytes *keyword)
{
	struct smtp_offer offer = smtp_offer_now(s);
	uint64_t max = s->settings->limits.message_octets_max;
	enum smtp_reply reply;

	if (!take_text_nocase(&argument, BYTES("FROM:")))
		return REPLY_MAIL_SYNTAX;
	reply = take_path(s, &argument, &mail->path, REPLY_BAD_SENDER);
	if (reply != REPLY_OK)
		return reply;
	if (!mail->path.is_null && mail->path.domain.len == 0)
		return REPLY_BAD_SENDER;
	reply = smtp_mail_parameters(argument, &offer, mail, keyword);
	if (reply == REPLY_OK)
		reply = judge_times(&offer, mail);
	if (reply != REPLY_OK)
		return reply;
	/* RFC 6531 3.5 */
	if (!mail->is_utf8 && !bytes_is_ascii(mail->path.text))
		return REPLY_NOT_ASCII;
	/* RFC 1870 6.1 */
	if (max && mail->size > max)
		return REPLY_TOO_LARGE;
	return keep_path(s->paths, &mail->path) && arena_copy(s->paths, mail->dsn.envelope_id, &mail->dsn.envelope_id) ?
		REPLY_OK : REPLY_LATER;
}

void
smtp_command_mail(struct smtp_session *s, struct bytes argument)
{
	struct smtp_mail mail = { .size = 0 };
	struct bytes keyword = BYTES_NONE;
	enum smtp_reply reply;

	if (s->settings->is_submission && !s->is_logged_in) {
		bool is_tls_needed = !s->is_tls && !s->settings->may_login_in_clear && s->settings->offers_tls;

		smtp_session_reply(s, is_tls_needed ? REPLY_TLS_NEEDED : REPLY_LOGIN_NEEDED);
		return;
	}
	reply = take_sender(s, argument, &mail, &keyword);
	if (reply != REPLY_OK) {
		arena_release(s->paths);
		smtp_session_reply_of(s, reply, keyword);
		return;
	}
	s->is_utf8 = mail.is_utf8;
	s->due.kind = SMTP_MAIL;
	s->due.mail = mail;
}

static enum smtp_reply
take_recipient(struct smtp_session *s, struct bytes argument, struct smtp_path *path, struct dsn_rcpt *wishes,
	struct bytes *keyword)
{
	enum smtp_reply reply;

	if (!take_text_nocase(&argument, BYTES("TO:")))
		return REPLY_RCPT_SYNTAX;
	reply = take_path(s, &argument, path, REPLY_BAD_RECIPIENT);
	if (reply != REPLY_OK)
		return reply;
	if (path->is_null)
		return REPLY_BAD_RECIPIENT;
	reply = smtp_recipient_parameters(argument, s->is_utf8, wishes, keyword);
	if (reply != REPLY_OK)
		return reply;
	if (!s->is_utf8 && !bytes_is_ascii(path->text))
		return REPLY_NOT_ASCII;
	return keep_path(s->paths, path) && arena_copy(s->paths, wishes->original, &wishes->original) ? REPLY_OK : REPLY_LATER;
}

void
smtp_command_rcpt(struct smtp_session *s, struct bytes argument)
{
	struct smtp_path path;
	struct dsn_rcpt wishes = { .notify = 0 };
	struct bytes keyword = BYTES_NONE;
	/* RFC 5321 4.5.3.1.10 */
	enum smtp_reply reply = s->recipients < s->settings->limits.recipients_max ?
		take_recipient(s, argument, &path, &wishes, &keyword) : REPLY_TOO_MANY_RECIPIENTS;

	if (reply != REPLY_OK) {
		arena_release(s->paths);
		smtp_session_reply_of(s, reply, keyword);
		return;
	}
	s->due.kind = SMTP_ASK_RECIPIENT;
	s->due.path = path;
	s->due.wishes = wishes;
}
