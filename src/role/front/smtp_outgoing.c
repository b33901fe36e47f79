/* What of an SMTP client's message goes elsewhere: handed to the queue, which answers when it is durable. */
#include "role/front/smtp_client_internal.h"

#include "sys/random.h"
#include "sys/time.h"

/* As many as a frame has room for. */
enum { RECIPIENTS_OCTETS_MAX = 16384, RECIPIENTS_MAX = 1000 };

static void
enqueued(void *arg, const struct message *m)
{
	smtp_message_delivered(arg, m ? (enum ipc_outcome)m->u.enqueued.outcome : IPC_LATER);
}

static uint32_t
flags_of(const struct smtp_client *c)
{
	struct message_facts facts = incoming_facts(c->incoming);

	return (facts.has_high_octets ? SEND_8BIT : 0) | (c->is_utf8 ? SEND_UTF8 : 0);
}

/* Appends recipients from *at on while they fit; *at is the first that does not. */
static void
put_recipients(const struct outgoing **at, struct buf *out)
{
	size_t count = 0;

	for (const struct outgoing *o = *at; o; *at = o = o->next) {
		if (++count > RECIPIENTS_MAX || out->len + o->address.len + 4 > RECIPIENTS_OCTETS_MAX)
			return;
		put_u16(out, (uint16_t)o->address.len);
		put_bytes(out, o->address);
		put_u16(out, 0);
	}
}

static void
enqueue(struct smtp_client *c, const struct mail_id *id, struct bytes recipients)
{
	struct peer *queue = smtp_client_front(c)->queue;
	struct message m = { .type = MESSAGE_ENQUEUE };

	m.u.enqueue = (struct ipc_enqueue){
		.request = smtp_client_begin_request(c, queue),
		.mail_id = bytes_text(id->text),
		.sender = c->sender,
		.flags = flags_of(c),
		.size = incoming_facts(c->incoming).size,
		.recipients = recipients,
		.octets = incoming_octets(c->incoming),
	};
	if (incoming_file(c->incoming) >= 0) {
		m.fds[0] = incoming_file(c->incoming);
		m.fd_count = 1;
	}
	c->deliveries++;
	smtp_client_send_request(c, queue, &m, m.u.enqueue.request, enqueued);
}

/* Those that don't fit into one frame go as a message of their own. */
void
smtp_message_enqueue(struct smtp_client *c)
{
	const struct outgoing *at = c->outgoing;
	struct mail_id id = c->mail_id;
	struct buf recipients;
	uint8_t random[10];

	buf_init(&recipients, RECIPIENTS_OCTETS_MAX);
	while (at) {
		buf_reset(&recipients);
		put_recipients(&at, &recipients);
		enqueue(c, &id, buf_bytes(&recipients));
		random_fill(random, sizeof random);
		id = mail_id_make(time_now().wall_us, random);
	}
	buf_done(&recipients);
}
