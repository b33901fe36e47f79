/* What of an SMTP client's message goes elsewhere when it has lines that are longer than other servers need to take (RFC 5321 4.5.3.1.6): the same in shorter ones
   (proto/mime/downgrade.h), and signed as such.  Mailboxes here get it as it came. */
#include "role/front/smtp_client_internal.h"

#include "proto/mime/downgrade.h"

enum {
	PIECE_OCTETS = 16384,
	SMALL_OCTETS = IPC_BODY_INLINE / 4, /* fits into a frame still when it has half as many again, and a header for each part that is encoded */
};

static void
put_head(void *arg, struct bytes header, bool is_whole, struct buf *out)
{
	struct smtp_client *c = arg;

	(void)out;
	if (!c->signing)
		return;
	signing_free(&c->signing);
	smtp_signing_begin(c, BYTES_NONE, header, is_whole);
}

/* One of both readings; to: NULL in the first one.  False: the file can't be read. */
static bool
read_all(const struct incoming *from, struct downgrade *d, struct incoming *to)
{
	uint8_t piece[PIECE_OCTETS];
	ssize_t count;
	struct buf out;

	buf_init(&out, DOWNGRADE_OUTPUT_MAX(PIECE_OCTETS));
	for (uint64_t at = 0; (count = incoming_read(from, at, piece, sizeof piece)) > 0; at += (uint64_t)count) {
		buf_reset(&out);
		if (to)
			downgrade_convert(d, bytes_of(piece, (size_t)count), &out);
		else
			downgrade_look(d, bytes_of(piece, (size_t)count));
		if (to)
			incoming_add(to, buf_bytes(&out));
	}
	buf_reset(&out);
	if (to)
		downgrade_end(d, &out);
	if (to)
		incoming_add(to, buf_bytes(&out));
	buf_done(&out);
	return count == 0;
}

static enum ipc_outcome
shorten(struct smtp_client *c)
{
	struct downgrade *d = downgrade_new(DOWNGRADE_TO_SHORT_LINES);
	uint64_t more;
	bool is_read = read_all(c->incoming, d, NULL) && downgrade_plan(d, &more);

	downgrade_rewind(d);
	is_read = is_read && read_all(c->incoming, d, c->shortened);
	downgrade_free(&d);
	if (!is_read)
		return IPC_LATER;
	return incoming_finish(c->shortened) ? IPC_OK : IPC_NO_SPACE;
}

static void
file_answered(void *arg, const struct message *m)
{
	struct smtp_client *c = arg;
	enum ipc_outcome outcome = m ? (enum ipc_outcome)m->u.new_file_result.outcome : IPC_LATER;

	if (m && m->fd_count)
		incoming_set_file(c->shortened, m->fds[0]);
	else if (outcome == IPC_OK)
		outcome = IPC_LATER;
	smtp_message_delivered(c, outcome == IPC_OK && c->connection ? shorten(c) : outcome);
}

static void
ask_file(struct smtp_client *c, uint64_t octets)
{
	struct peer *store = smtp_client_front(c)->store;
	struct message m = { .type = MESSAGE_NEW_FILE };

	c->deliveries++;
	m.u.new_file = (struct ipc_new_file){ .request = smtp_client_begin_request(c, store), .octets = octets };
	smtp_client_send_request(c, store, &m, m.u.new_file.request, file_answered);
}

void
smtp_lines_shorten(struct smtp_client *c)
{
	struct message_facts facts = incoming_facts(c->incoming);

	if (!facts.has_long_line || smtp_outgoing_elsewhere(c) == 0)
		return;
	c->shortened = incoming_new(put_head, smtp_signing_add, c);
	if (facts.size > SMALL_OCTETS)
		ask_file(c, facts.size / 2 * 3);
	else if (shorten(c) != IPC_OK)
		c->result = SMTP_ANSWER_LATER;
}
