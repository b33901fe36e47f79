/* The signature (DKIM) of an SMTP client's message that goes out. */
#include "role/front/smtp_client_internal.h"

void
smtp_signing_begin(struct smtp_client *c, struct bytes before, struct bytes header, bool is_whole)
{
	const struct signing_author author = {
		.is_known = c->account || c->local,
		.is_trusted = c->is_trusted,
		.sender = c->sender,
		.address = c->address,
	};
	struct domain from;
	struct buf whole;

	if (smtp_outgoing_count(c) == 0 || !signing_domain(smtp_client_front(c)->config, &author, header, &from))
		return;
	if (!is_whole) {
		event(smtp_client_context(c), EV_MAIL_UNSIGNED, TEXT("sender", c->sender));
		return;
	}
	buf_init(&whole, before.len + header.len);
	put_bytes(&whole, before);
	put_bytes(&whole, header);
	c->signing = signing_new(&from, buf_bytes(&whole));
	buf_done(&whole);
}

void
smtp_signing_add(void *client, struct bytes octets)
{
	const struct smtp_client *c = client;

	if (c->signing)
		signing_add(c->signing, octets);
}

static void
answered(void *arg, const struct message *m)
{
	struct smtp_client *c = arg;

	if (!m || m->u.signed_mail.fields.len == 0 || !arena_copy(c->arena, m->u.signed_mail.fields, &c->signatures))
		event(smtp_client_context(c), EV_MAIL_UNSIGNED, TEXT("sender", c->sender));
	smtp_message_delivered(c, IPC_OK);
}

void
smtp_signing_ask(struct smtp_client *c)
{
	struct peer *queue = smtp_client_front(c)->queue;
	struct message m = { .type = MESSAGE_SIGN };

	if (!c->signing)
		return;
	if (!signing_end(c->signing, &m.u.sign)) {
		event(smtp_client_context(c), EV_MAIL_UNSIGNED, TEXT("sender", c->sender));
		return;
	}
	c->deliveries++;
	m.u.sign.request = smtp_client_begin_request(c, queue);
	smtp_client_send_request(c, queue, &m, m.u.sign.request, answered);
}
