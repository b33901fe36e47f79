/* APPEND: its message is not part of the command, but goes on to the driver as it comes. */
#include "proto/imap/commands.h"

struct append_args {
	struct bytes name;
	struct imap_flags flags;
	int64_t date_s;
	bool has_nul, is_empty;
};

/* mailbox [SP flag-list] [SP date-time] SP, as far as the literal */
static bool
parse_until_literal(struct imap_command *c, struct bytes *in, struct append_args *args)
{
	args->date_s = INT64_MIN;
	if (!take_char(in, ' ') || !take_imap_mailbox(in, c->arena, &args->name) || !take_char(in, ' '))
		return false;
	if (take_imap_flag_list(in, c->arena, &args->flags) && !take_char(in, ' '))
		return false;
	return !take_imap_date_time(in, &args->date_s) || take_char(in, ' ');
}

/* The whole command at once is never right: without a literal there is no message. */
bool
imap_parse_append(struct imap_command *c, struct bytes *in)
{
	(void)c;
	(void)in;
	return false;
}

/* The client hears at once, or when all that it sends anyway has come. */
static bool
refuse_large(struct imap_session *s)
{
	if (s->frame.is_synchronising) {
		(void)imap_no(s->command, "[TOOBIG]", "The message is too large");
		s->stage = STAGE_FINISH;
	} else {
		imap_command_drop(s);
		imap_frame_swallow(&s->frame);
	}
	return true;
}

static bool
begin(struct imap_session *s, uint64_t octets)
{
	s->message_left = octets;
	if (s->frame.is_synchronising)
		put_text(&s->out, "+ OK\r\n");
	imap_frame_reset(&s->frame);
	s->owed = IMAP_APPEND_BEGIN;
	s->stage = STAGE_MESSAGE;
	return true;
}

bool
imap_append_begin(struct imap_session *s)
{
	struct bytes octets = imap_frame_octets(&s->frame);
	struct append_args *args;
	uint64_t size = s->frame.literal_octets;
	bool is_it = imap_command_identify(s, &octets) && s->command->row->parse == imap_parse_append;

	args = is_it ? imap_command_args(s->command, sizeof *args) : NULL;
	/* What is parsed must outlive the frame. */
	if (!args || !arena_copy(s->arena, octets, &octets) || !parse_until_literal(s->command, &octets, args) ||
		octets.len == 0 || octets.ptr[0] != '{' || bytes_find_last_char(octets, '{') != 0) {
		imap_command_drop(s);
		return false;
	}
	if (size > s->settings->limits.message_octets_max)
		return refuse_large(s);
	args->is_empty = size == 0;
	return begin(s, size);
}

enum imap_turn
imap_append_stage(struct imap_session *s, struct bytes *in)
{
	struct append_args *args = s->command->args;
	struct bytes piece = bytes_sub(*in, 0, s->message_left < in->len ? (size_t)s->message_left : in->len);

	if (s->message_left == 0) {
		s->stage = STAGE_MESSAGE_END;
		return TURN_ON;
	}
	if (piece.len == 0)
		return TURN_INPUT;
	args->has_nul |= bytes_find_char(piece, 0) < piece.len;
	*in = bytes_sub(*in, piece.len, in->len);
	s->message_left -= piece.len;
	s->piece = piece;
	s->owed = IMAP_APPEND_OCTETS;
	return TURN_EFFECT;
}

/* The driver forgets the message; how the command ended is set. */
static enum imap_turn
abandon(struct imap_session *s)
{
	s->stage = STAGE_FINISH;
	s->owed = IMAP_APPEND_ABANDONED;
	return TURN_EFFECT;
}

static enum imap_turn
refuse_more(struct imap_session *s)
{
	(void)imap_bad(s->command, "Nothing may follow the message");
	return abandon(s);
}

/* What the store need not be asked for. */
static bool
is_refused(struct imap_command *c, const struct append_args *args)
{
	if (!imap_name_is_valid(args->name))
		(void)imap_no(c, "[CANNOT]", "A mailbox can't have that name");
	else if (!imap_flags_fit(&args->flags))
		(void)imap_no(c, "[LIMIT]", "Too many keywords, or too long ones");
	else if (args->is_empty)
		(void)imap_no(c, "[CANNOT]", "An empty message can't be stored");
	else
		return false;
	return true;
}

enum imap_turn
imap_append_end_stage(struct imap_session *s, struct bytes *in)
{
	const struct append_args *args = s->command->args;

	switch (imap_frame_take(&s->frame, in)) {
	case IMAP_FRAME_MORE:
		return TURN_INPUT;
	case IMAP_FRAME_LITERAL:
		if (s->frame.is_synchronising)
			return refuse_more(s);
		imap_frame_swallow(&s->frame);
		return TURN_ON;
	case IMAP_FRAME_TOO_LONG:
		return refuse_more(s);
	case IMAP_FRAME_DONE:
		break;
	}
	if (imap_frame_octets(&s->frame).len)
		return refuse_more(s);
	/* RFC 3501 9: CHAR8 = %x01-ff */
	if (args->has_nul) {
		(void)imap_bad(s->command, "A message can't have NUL octets");
		return abandon(s);
	}
	if (is_refused(s->command, args))
		return abandon(s);
	s->stage = STAGE_RUN;
	return TURN_ON;
}

static enum imap_turn
appended(struct imap_command *c)
{
	struct buf code;

	if (c->answer.outcome == IMAP_ABSENT)
		return imap_no(c, "[TRYCREATE]", "There is no such mailbox");
	if (c->answer.outcome != IMAP_OK)
		return imap_refuse(c, c->answer.outcome);
	/* RFC 4315 3 */
	buf_init(&code, 64);
	put_text(&code, "[APPENDUID ");
	put_number(&code, c->answer.uid_validity);
	put_char(&code, ' ');
	put_number(&code, c->answer.uid);
	put_char(&code, ']');
	imap_command_set_code(c, &code);
	buf_done(&code);
	return imap_ok(c, NULL, "APPEND completed");
}

enum imap_turn
imap_run_append(struct imap_session *s, struct imap_command *c)
{
	const struct append_args *args = c->args;

	(void)s;
	if (c->phase++ > 0)
		return appended(c);
	c->ask = (struct imap_ask){
		.kind = IMAP_ASK_APPEND,
		.name = args->name,
		.flags = args->flags.flags,
		.keywords = args->flags.keywords,
		.date_s = args->date_s,
	};
	return TURN_ASK;
}
