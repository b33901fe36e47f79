#include "proto/smtp/session_internal.h"

enum { CHALLENGE_OCTETS_MAX = 1024 };

bool
smtp_may_login(const struct smtp_session *s)
{
	return s->settings->offers_login && !s->is_logged_in && (s->is_tls || s->settings->may_login_in_clear);
}

static void
end_exchange(struct smtp_session *s, enum smtp_reply reply)
{
	s->stage = SMTP_STAGE_COMMAND;
	sasl_free(&s->sasl);
	smtp_session_reply(s, reply);
}

static void
ask(struct smtp_session *s)
{
	struct sasl_credentials c = sasl_credentials(s->sasl);

	s->stage = SMTP_STAGE_COMMAND;
	s->due.kind = SMTP_ASK_LOGIN;
	s->due.login = (struct smtp_login){
		.mechanism = sasl_name(s->sasl),
		.name = c.name,
		.authorize_as = c.authorize_as,
		.secret_password = c.secret_password,
	};
}

static void
step(struct smtp_session *s, bool has_in, struct bytes in)
{
	struct buf challenge;

	buf_init(&challenge, CHALLENGE_OCTETS_MAX);
	switch (sasl_step(s->sasl, has_in, in, &challenge)) {
	case SASL_CONTINUE:
		s->stage = SMTP_STAGE_LOGIN;
		s->is_flush_due = true;
		put_text(&s->out, "334 ");
		put_bytes(&s->out, buf_bytes(&challenge));
		put_text(&s->out, "\r\n");
		break;
	case SASL_CHECK:
		ask(s);
		break;
	case SASL_MALFORMED:
		end_exchange(s, REPLY_LOGIN_MALFORMED);
		break;
	}
	buf_done(&challenge);
}

/* "AUTH" SP sasl-mech [SP initial-response] (RFC 4954 8) */
void
smtp_command_auth(struct smtp_session *s, struct bytes argument)
{
	struct bytes mechanism = take_until(&argument, ' ');

	if (s->is_logged_in) {
		smtp_session_reply(s, REPLY_LOGGED_IN_BEFORE);
	} else if (!s->settings->offers_login) {
		smtp_session_reply(s, REPLY_NOT_IMPLEMENTED);
	} else if (!smtp_may_login(s)) {
		smtp_session_reply(s, REPLY_LOGIN_NEEDS_TLS);
	} else if (!(s->sasl = sasl_new(mechanism))) {
		smtp_session_reply(s, REPLY_UNKNOWN_MECHANISM);
	} else {
		take_spaces(&argument);
		step(s, argument.len > 0, argument);
	}
}

void
smtp_login_line(struct smtp_session *s, struct bytes line)
{
	s->is_flush_due = true;
	if (bytes_equal(line, BYTES("*")))
		end_exchange(s, REPLY_LOGIN_CANCELLED);
	else
		step(s, true, line);
}
