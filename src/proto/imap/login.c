#include "proto/imap/commands.h"

struct login_args {
	struct bytes name, secret_password;
};

struct authenticate_args {
	struct bytes mechanism, initial;
	bool has_initial;
};

/* login = "LOGIN" SP userid SP password; both are astring */
bool
imap_parse_login(struct imap_command *c, struct bytes *in)
{
	struct login_args *args = imap_command_args(c, sizeof *args);

	return args && take_char(in, ' ') && take_imap_astring(in, c->arena, &args->name) && take_char(in, ' ') &&
		take_imap_astring(in, c->arena, &args->secret_password);
}

/* authenticate = "AUTHENTICATE" SP auth-type [SP initial-resp]       initial-resp = base64 / "=" (RFC 4959 5) */
bool
imap_parse_authenticate(struct imap_command *c, struct bytes *in)
{
	struct authenticate_args *args = imap_command_args(c, sizeof *args);

	if (!args || !take_char(in, ' ') || !take_imap_atom(in, &args->mechanism))
		return false;
	args->has_initial = take_char(in, ' ');
	if (args->has_initial)
		args->initial = bytes_sub(*in, 0, bytes_find_char(*in, ' '));
	*in = bytes_sub(*in, args->initial.len, in->len);
	return !args->has_initial || args->initial.len > 0;
}

static bool
may_login(const struct imap_session *s)
{
	return s->is_tls || s->settings->may_login_in_clear;
}

static enum imap_turn
refuse_clear(struct imap_command *c)
{
	return imap_no(c, "[PRIVACYREQUIRED]", "Log in over TLS only");
}

struct imap_refusal
imap_refusal_of_login(enum imap_outcome outcome)
{
	if (outcome == IMAP_LATER || outcome == IMAP_NO_SPACE)
		return (struct imap_refusal){ "[UNAVAILABLE]", "Can't check this right now, try again later" };
	if (outcome == IMAP_EXPIRED)
		return (struct imap_refusal){ "[EXPIRED]", "The password has expired: change it, then log in again" };
	if (outcome == IMAP_DISABLED)
		return (struct imap_refusal){ "[CONTACTADMIN]", "The account is disabled: ask the administrator" };
	return (struct imap_refusal){ "[AUTHENTICATIONFAILED]", "Wrong name or password" };
}

static enum imap_turn
logged_in(struct imap_session *s, struct imap_command *c)
{
	struct imap_refusal refusal = imap_refusal_of_login(c->answer.outcome);
	struct buf code;

	if (c->answer.outcome != IMAP_OK)
		return imap_no(c, refusal.code, refusal.text);
	s->state = STATE_AUTHENTICATED;
	imap_frame_allow(&s->frame, s->settings->limits.command_octets_max);
	buf_init(&code, 1024);
	put_char(&code, '[');
	imap_put_capabilities(s, &code);
	put_char(&code, ']');
	imap_command_set_code(c, &code);
	buf_done(&code);
	return imap_ok(c, NULL, "Logged in");
}

enum imap_turn
imap_run_login(struct imap_session *s, struct imap_command *c)
{
	const struct login_args *args = c->args;

	if (c->phase++ > 0)
		return logged_in(s, c);
	if (!may_login(s))
		return refuse_clear(c);
	/* An empty password must never reach a directory: an LDAP bind with it succeeds (RFC 4513 5.1.2). */
	if (args->name.len == 0 || args->name.len > SASL_NAME_OCTETS_MAX || args->secret_password.len == 0 ||
		args->secret_password.len > SASL_PASSWORD_OCTETS_MAX)
		return imap_no(c, "[AUTHENTICATIONFAILED]", "Wrong name or password");
	c->ask = (struct imap_ask){ .kind = IMAP_ASK_LOGIN };
	c->ask.login.mechanism = "LOGIN";
	c->ask.login.name = args->name;
	c->ask.login.secret_password = args->secret_password;
	return TURN_ASK;
}

static enum imap_turn
ask_credentials(struct imap_session *s, struct imap_command *c)
{
	struct sasl_credentials credentials = sasl_credentials(s->sasl);

	c->phase = 1;
	c->ask = (struct imap_ask){ .kind = IMAP_ASK_LOGIN };
	c->ask.login.mechanism = sasl_name(s->sasl);
	c->ask.login.name = credentials.name;
	c->ask.login.authorize_as = credentials.authorize_as;
	c->ask.login.secret_password = credentials.secret_password;
	return TURN_ASK;
}

/* One step of the mechanism. */
static enum imap_turn
exchange(struct imap_session *s, bool has_in, struct bytes in)
{
	size_t from = s->out.len;

	put_text(&s->out, "+ ");
	switch (sasl_step(s->sasl, has_in, in, &s->out)) {
	case SASL_CONTINUE:
		put_text(&s->out, "\r\n");
		imap_frame_reset(&s->frame);
		s->stage = STAGE_CHALLENGE;
		return TURN_ON;
	case SASL_CHECK:
		s->out.len = from;
		return ask_credentials(s, s->command);
	case SASL_MALFORMED:
		break;
	}
	s->out.len = from;
	return imap_bad(s->command, "Malformed response to the challenge");
}

enum imap_turn
imap_run_authenticate(struct imap_session *s, struct imap_command *c)
{
	const struct authenticate_args *args = c->args;

	if (c->phase == 1)
		return logged_in(s, c);
	if (!may_login(s))
		return refuse_clear(c);
	s->sasl = sasl_new(args->mechanism);
	if (!s->sasl)
		return imap_no(c, "[CANNOT]", "No such mechanism");
	return exchange(s, args->has_initial, args->initial);
}

enum imap_turn
imap_challenge_stage(struct imap_session *s, struct bytes *in)
{
	struct bytes line;

	switch (imap_frame_take(&s->frame, in)) {
	case IMAP_FRAME_MORE:
		return TURN_INPUT;
	case IMAP_FRAME_LITERAL:
	case IMAP_FRAME_TOO_LONG:
		return imap_bad(s->command, "Malformed response to the challenge");
	case IMAP_FRAME_DONE:
		break;
	}
	line = imap_frame_octets(&s->frame);
	/* RFC 3501 6.2.2: the client cancels. */
	if (bytes_equal(line, BYTES("*")))
		return imap_bad(s->command, "Cancelled");
	return exchange(s, true, line);
}
