/* What the machine of proto/smtp/client.h asks of a session. */
#include "role/relay/session_internal.h"

void
session_count_tls(struct session *c, enum tlsrpt_result result, struct bytes reason)
{
	if (!c->is_counted && c->target.level != TLS_CLIENT_NONE)
		tls_report_tell(c->sending, &c->target, c->fd, smtp_client_peer_name(c->client), result, reason);
	c->is_counted = true;
}

/* The mail does not go over it. */
static struct sending *
let_go(struct session *c)
{
	struct sending *s = c->sending;

	session_set_sending(c, NULL);
	s->session = NULL;
	c->is_timer_due = true;
	smtp_client_quit(c->client);
	return s;
}

static void
on_unreadable(struct session *c)
{
	struct sending *s = let_go(c);

	sending_fail(s, SMTP_CLIENT_LATER, "451 4.3.0 the message can't be read here now");
}

/* RFC 8689 4.2.1; 5: a report goes to a server that does not know it rather than nowhere. */
static bool
lacks_require_tls(const struct session *c)
{
	return c->sending->needs_tls && c->sending->envelope.sender.len > 0 && !smtp_client_has_require_tls(c->client);
}

/* False: the next mail has to come first. */
static bool
on_ready(struct session *c)
{
	struct relay *relay = c->relay;

	if (c->sending) {
		session_count_tls(c, TLSRPT_STARTTLS_NOT_SUPPORTED, BYTES_NONE);
		if (lacks_require_tls(c)) {
			sending_unfit(let_go(c), &c->target);
			return true;
		}
		if (!sending_prepare(c->sending, c->client)) {
			c->is_full = true;
			return false;
		}
		if (c->sending->is_unreadable) {
			on_unreadable(c);
			return true;
		}
		smtp_client_send(c->client, &c->sending->envelope);
		return true;
	}
	if (relay->is_draining || !session_may_go_on(c)) {
		c->is_timer_due = true;
		smtp_client_quit(c->client);
		return true;
	}
	if (c->idle.is_in)
		return false;
	c->is_timer_due = true;
	idle_add(&relay->idle, &c->idle, bytes_text(c->key));
	/* This one is the last that would go. */
	sessions_end_idle(relay, relay->config->outgoing_max);
	return false;
}

/* False: what was put before has to be sent first, or others have their turn. */
static bool
on_need_body(struct session *c, unsigned int *pieces)
{
	struct bytes octets;
	bool is_last;

	session_flush(c);
	if (c->has_ended)
		return false;
	if (!session_is_all_sent(c) || ++*pieces > SESSION_ROUNDS_MAX) {
		c->is_full = true;
		return false;
	}
	if (sending_read(c->sending, &octets, &is_last) != 0)
		smtp_client_lose(c->client, BYTES("the message could not be read"));
	else
		smtp_client_body(c->client, octets, is_last);
	return true;
}

static void
on_sent(struct session *c)
{
	struct sending *s = c->sending;
	bool is_used = c->uses++ > 0;

	session_set_sending(c, NULL);
	sending_done(s, c, is_used, smtp_client_was_answered(c->client));
}

static void
on_failed(struct session *c, const struct smtp_client_effect *effect)
{
	struct sending *s = c->sending;
	/* RFC 8460 4.3.1; what was not offered, or was refused for good, is none of the mail's. */
	bool has_no_tls = effect->outcome == SMTP_CLIENT_NEVER;
	enum tlsrpt_result failure = has_no_tls ? TLSRPT_STARTTLS_NOT_SUPPORTED : tls_client_failure_of(c->tls);
	const char *trouble = tls_client_trouble_of(c->tls);

	if (effect->at == SMTP_CLIENT_AT_TLS)
		session_count_tls(c, failure, *trouble ? bytes_text(trouble) : failure == TLSRPT_VALIDATION ? effect->octets : BYTES_NONE);
	session_set_sending(c, NULL);
	c->is_timer_due = true;
	sending_failed(s, &c->target, effect, failure);
}

static void
on_close(struct session *c)
{
	static const struct smtp_client_effect lost = { .kind = SMTP_CLIENT_FAILED, .outcome = SMTP_CLIENT_LATER, .at = SMTP_CLIENT_AT_HELLO,
		.octets = BYTES_INIT("451 4.4.2 connection lost") };
	struct sending *s = c->sending;

	c->is_closing = true;
	session_set_sending(c, NULL);
	if (!s)
		return;
	/* It was gone before the mail could go over it. */
	s->session = NULL;
	if (s->was_retried)
		sending_failed(s, &c->target, &lost, TLSRPT_SUCCESS);
	else
		sending_retry(s);
}

bool
session_carry_out(struct session *c, const struct smtp_client_effect *effect, unsigned int *pieces)
{
	switch (effect->kind) {
	case SMTP_CLIENT_OUTPUT:
		put_bytes(&c->output, effect->octets);
		c->has_secret |= effect->is_secret;
		return true;
	case SMTP_CLIENT_START_TLS:
		c->stage = STAGE_TLS_WANTED;
		return false;
	case SMTP_CLIENT_READY:
		return on_ready(c);
	case SMTP_CLIENT_NEED_BODY:
		return on_need_body(c, pieces);
	case SMTP_CLIENT_RESULT:
		sending_result(c->sending, effect->recipient, effect->outcome, effect->octets, effect->is_theirs);
		return true;
	case SMTP_CLIENT_SENT:
		on_sent(c);
		return true;
	case SMTP_CLIENT_FAILED:
		on_failed(c, effect);
		return true;
	case SMTP_CLIENT_CLOSE:
		on_close(c);
		return false;
	case SMTP_CLIENT_NEED_INPUT:
		break;
	}
	return false;
}
