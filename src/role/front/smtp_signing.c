/* Whether an SMTP client's message is signed (DKIM), and its signature.

   What is signed is mail that goes out, of who may speak for the domain of its From: field: a client that logged in, or a program of this machine, when
   that is the domain of the address that it sends as (which the directory allowed), or of its account; a client of trusted_networks with any domain.
   Mail of strangers that is forwarded is not. */
#include "role/front/smtp_client_internal.h"

#include "config/route.h"

static struct bytes
domain_part(struct bytes address)
{
	return bytes_sub(address, bytes_find_last_char(address, '@') + 1, address.len);
}

static bool
may_speak_for(const struct smtp_client *c, const struct domain *from)
{
	if (!c->account && !c->local)
		return c->is_trusted;
	return domain_equal(domain_part(c->sender), domain_bytes(from)) || domain_equal(domain_part(c->address), domain_bytes(from));
}

static bool
has_key(const struct config *config, const struct domain *from)
{
	for (size_t i = 0; i < config->dkim_count; i++)
		if (config_dkim_is_for(config->dkim[i].domain, domain_bytes(from)))
			return true;
	return false;
}

void
smtp_signing_begin(struct smtp_client *c, struct bytes before, struct bytes header, bool is_whole)
{
	struct domain from;
	struct buf whole;

	if (smtp_outgoing_count(c) == 0 || smtp_client_front(c)->config->dkim_count == 0)
		return;
	if (!signing_from(header, &from) || !has_key(smtp_client_front(c)->config, &from) || !may_speak_for(c, &from))
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
