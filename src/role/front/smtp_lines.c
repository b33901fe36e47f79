/* What of an SMTP client's message goes elsewhere when it has lines that are longer than other servers need to take (RFC 5321 4.5.3.1.6): the same in shorter ones
   (proto/mime/downgrade.h), and signed as such.  Mailboxes here get it as it came. */
#include "role/front/smtp_client_internal.h"

#include "base/memory.h"
#include "proto/mime/downgrade.h"

#include <stddef.h>

enum {
	PIECE_OCTETS = 16384,
	PIECES_A_TURN = 64,
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

/* The two readings of a message, in turns with the other clients when it is large. */
struct shortening {
	struct smtp_client *client; /* who is held by the request for the file */
	struct downgrade *downgrade;
	struct incoming *to; /* NULL in the first reading */
	uint64_t at;
	struct timer turn;
};

/* False: no more of it is wanted, or can be read. */
static bool
read_piece(struct shortening *s, enum ipc_outcome *outcome)
{
	uint8_t piece[PIECE_OCTETS];
	ssize_t count = incoming_read(s->client->incoming, s->at, piece, sizeof piece);
	struct buf out;
	uint64_t more;

	if (count < 0) {
		*outcome = IPC_LATER;
		return false;
	}
	s->at += (uint64_t)count;
	if (!s->to && count > 0) {
		downgrade_look(s->downgrade, bytes_of(piece, (size_t)count));
		return true;
	}
	if (!s->to) {
		(void)!downgrade_plan(s->downgrade, &more);
		downgrade_rewind(s->downgrade);
		s->to = s->client->shortened;
		s->at = 0;
		return true;
	}
	buf_init(&out, DOWNGRADE_OUTPUT_MAX(PIECE_OCTETS));
	if (count > 0)
		downgrade_convert(s->downgrade, bytes_of(piece, (size_t)count), &out);
	else
		downgrade_end(s->downgrade, &out);
	incoming_add(s->to, buf_bytes(&out));
	buf_done(&out);
	if (count == 0)
		*outcome = incoming_finish(s->to) ? IPC_OK : IPC_NO_SPACE;
	return count > 0;
}

static void
closed(struct timer *t)
{
	struct shortening *s = (struct shortening *)((char *)t - offsetof(struct shortening, turn));

	downgrade_free(&s->downgrade);
	memory_free(s);
}

static void
take_turn(struct timer *t)
{
	struct shortening *s = (struct shortening *)((char *)t - offsetof(struct shortening, turn));
	struct smtp_client *c = s->client;
	enum ipc_outcome outcome = IPC_OK;
	unsigned int left = PIECES_A_TURN;

	while (c->connection && left > 0 && read_piece(s, &outcome))
		left--;
	if (c->connection && left == 0) {
		timer_start(&s->turn, 0, 0);
		return;
	}
	timer_close(&s->turn, closed);
	smtp_message_delivered(c, outcome);
}

static struct shortening *
shortening_new(struct smtp_client *c)
{
	struct shortening *s = NEW(struct shortening);

	s->client = c;
	s->downgrade = downgrade_new(DOWNGRADE_TO_SHORT_LINES);
	timer_init(&s->turn, smtp_client_front(c)->loop, take_turn);
	return s;
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
	if (outcome == IPC_OK && c->connection)
		take_turn(&shortening_new(c)->turn);
	else
		smtp_message_delivered(c, outcome);
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

static void
shorten_now(struct smtp_client *c)
{
	struct shortening *s = shortening_new(c);
	enum ipc_outcome outcome = IPC_OK;

	while (read_piece(s, &outcome))
		;
	timer_close(&s->turn, closed);
	if (outcome != IPC_OK)
		c->result = SMTP_ANSWER_LATER;
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
	else
		shorten_now(c);
}
