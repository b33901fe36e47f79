/* The session's turns: which stage it is in, what it owes the driver. */
#include "proto/imap/session_internal.h"

#include "base/memory.h"

#include <assert.h>
#include <string.h>

/* What a stranger may send as one command. */
#define STRANGER_OCTETS_MAX 8192
/* Of output that waits.  Jobs stop at IMAP_OUTPUT_HIGH; a command's tagged response comes on top. */
#define OUTPUT_MAX (1U << 20)

struct imap_session *
imap_session_new(const struct imap_settings *settings)
{
	struct imap_session *s = NEW(struct imap_session);
	uint32_t octets_max = settings->limits.command_octets_max;

	s->settings = settings;
	s->state = STATE_STRANGER;
	s->is_tls = settings->is_tls_from_start;
	s->next_stage = STAGE_FRAME;
	s->arena = arena_new("imap command", IMAP_COMMAND_ARENA_MAX, ARENA_SECRET);
	imap_frame_init(&s->frame, octets_max < STRANGER_OCTETS_MAX ? octets_max : STRANGER_OCTETS_MAX);
	buf_init(&s->out, OUTPUT_MAX);
	return s;
}

void
imap_session_free(struct imap_session **s)
{
	if (!*s)
		return;
	imap_mailbox_free(&(*s)->mailbox);
	sasl_free(&(*s)->sasl);
	imap_frame_done(&(*s)->frame);
	buf_done(&(*s)->out);
	memory_free((*s)->idle_tag);
	arena_free(&(*s)->arena);
	arena_free(&(*s)->scratch);
	arena_free(&(*s)->order);
	buf_done(&(*s)->text);
	memory_free(*s);
	*s = NULL;
}

void
imap_session_leave_mailbox(struct imap_session *s)
{
	imap_mailbox_free(&s->mailbox);
	s->told = 0;
	s->state = STATE_AUTHENTICATED;
}

static void
close_with(struct imap_session *s, struct bytes text)
{
	/* Within a literal or a list a BYE would be part of that. */
	if (!s->is_inside_response) {
		put_text(&s->out, "* BYE ");
		put_bytes(&s->out, text);
		put_text(&s->out, "\r\n");
	}
	imap_command_drop(s);
	s->stage = STAGE_CLOSED;
	s->owed = IMAP_NEED_INPUT;
}

static enum imap_turn
greeting_stage(struct imap_session *s, struct bytes *in)
{
	(void)in;
	put_text(&s->out, "* OK [");
	imap_put_capabilities(s, &s->out);
	put_text(&s->out, "] ");
	put_bytes(&s->out, s->settings->hostname);
	put_text(&s->out, " is ready\r\n");
	s->stage = STAGE_FRAME;
	return TURN_ON;
}

/* There is not even a tag. */
static enum imap_turn
refuse_tagless(struct imap_session *s)
{
	put_text(&s->out, "* BAD A command begins with a tag\r\n");
	imap_frame_reset(&s->frame);
	arena_reset(s->arena);
	if (++s->errors >= s->settings->limits.errors_max)
		close_with(s, BYTES("Too many errors"));
	return TURN_ON;
}

static enum imap_turn
refuse_long(struct imap_session *s)
{
	struct bytes octets = imap_frame_octets(&s->frame);

	(void)!imap_command_identify(s, &octets);
	if (!s->command)
		return refuse_tagless(s);
	s->stage = STAGE_FINISH;
	return imap_no(s->command, "[TOOBIG]", "The command is too long");
}

static enum imap_turn
begin_command(struct imap_session *s)
{
	struct bytes octets = imap_frame_octets(&s->frame);
	bool may_run = imap_command_identify(s, &octets);
	struct imap_command *c = s->command;

	if (!c)
		return refuse_tagless(s);
	if (!may_run)
		return TURN_DONE;
	if (!c->row->parse(c, &octets) || octets.len)
		return imap_bad(c, c->row->usage);
	s->stage = STAGE_RUN;
	return TURN_ON;
}

static enum imap_turn
at_literal(struct imap_session *s)
{
	if (imap_append_begin(s))
		return TURN_ON;
	if (!imap_frame_has_room(&s->frame)) {
		if (s->frame.is_synchronising)
			return refuse_long(s);
		imap_frame_swallow(&s->frame);
		return TURN_ON;
	}
	imap_frame_accept(&s->frame);
	if (s->frame.is_synchronising) {
		put_text(&s->out, "+ OK\r\n");
		return TURN_FLUSH;
	}
	return TURN_ON;
}

static enum imap_turn
frame_stage(struct imap_session *s, struct bytes *in)
{
	switch (imap_frame_take(&s->frame, in)) {
	case IMAP_FRAME_MORE:
		return TURN_INPUT;
	case IMAP_FRAME_LITERAL:
		return at_literal(s);
	case IMAP_FRAME_DONE:
		return begin_command(s);
	case IMAP_FRAME_TOO_LONG:
		return refuse_long(s);
	}
	return TURN_INPUT;
}

static enum imap_turn
run_stage(struct imap_session *s, struct bytes *in)
{
	(void)in;
	return s->command->row->run(s, s->command);
}

static enum imap_turn
blocked_stage(struct imap_session *s, struct bytes *in)
{
	(void)s;
	(void)in;
	return TURN_BLOCKED;
}

static void
put_tagged(struct imap_session *s, const struct imap_command *c)
{
	static const char *const statuses[] = { " OK ", " NO ", " BAD " };

	put_bytes(&s->out, c->tag);
	put_text(&s->out, statuses[c->status]);
	if (c->code.len) {
		put_bytes(&s->out, c->code);
		put_char(&s->out, ' ');
	}
	put_text(&s->out, c->text);
	put_text(&s->out, "\r\n");
}

static void
count_error(struct imap_session *s, enum imap_status status)
{
	if (status == STATUS_OK)
		s->errors = 0;
	if (status == STATUS_BAD && ++s->errors >= s->settings->limits.errors_max)
		close_with(s, BYTES("Too many errors"));
}

static enum imap_turn
finish_stage(struct imap_session *s, struct bytes *in)
{
	struct imap_command *c = s->command;
	bool holds_numbers = c->row && (c->row->traits & COMMAND_NUMBERS) && !c->is_uid;
	enum imap_status status = c->status;

	if (s->mailbox && s->next_stage == STAGE_FRAME) {
		enum imap_turn turn = imap_sync(s, !holds_numbers, c->is_uid);

		if (turn != TURN_DONE)
			return turn;
	}
	put_tagged(s, c);
	imap_command_drop(s);
	imap_frame_reset(&s->frame);
	s->stage = s->next_stage;
	s->next_stage = STAGE_FRAME;
	if (s->stage == STAGE_TLS) {
		/* RFC 3501 6.2.1: what came behind STARTTLS in the clear may be an attacker's. */
		*in = bytes_sub(*in, in->len, 0);
		s->owed = IMAP_START_TLS;
		return TURN_EFFECT;
	}
	count_error(s, status);
	return TURN_ON;
}

static enum imap_turn
closed_stage(struct imap_session *s, struct bytes *in)
{
	(void)in;
	s->owed = IMAP_CLOSE;
	return TURN_EFFECT;
}

static enum imap_turn (*const stages[])(struct imap_session *s, struct bytes *in) = {
	[STAGE_GREETING] = greeting_stage,
	[STAGE_FRAME] = frame_stage,
	[STAGE_RUN] = run_stage,
	[STAGE_BLOCKED] = blocked_stage,
	[STAGE_FINISH] = finish_stage,
	[STAGE_MESSAGE] = imap_append_stage,
	[STAGE_MESSAGE_END] = imap_append_end_stage,
	[STAGE_CHALLENGE] = imap_challenge_stage,
	[STAGE_IDLE] = imap_idle_stage,
	[STAGE_TLS] = blocked_stage,
	[STAGE_CLOSED] = closed_stage,
};

static bool
has_output(const struct imap_session *s)
{
	return s->out_at < s->out.len;
}

static enum imap_effect_kind
give_output(struct imap_session *s, struct imap_effect *effect)
{
	assert(!s->out.has_failed);
	effect->octets = bytes_sub(buf_bytes(&s->out), s->out_at, IMAP_OUTPUT_MAX);
	s->out_at += effect->octets.len;
	return IMAP_OUTPUT;
}

/* What the last IMAP_OUTPUT gave is sent. */
static void
drop_output(struct imap_session *s)
{
	if (s->out_at == 0 || has_output(s))
		return;
	buf_reset(&s->out);
	s->out_at = 0;
	s->is_flushing = false;
}

static enum imap_effect_kind
give_owed(struct imap_session *s, struct imap_effect *effect)
{
	enum imap_effect_kind kind = s->owed;

	s->owed = IMAP_NEED_INPUT;
	effect->octets = s->piece;
	s->piece = BYTES_NONE;
	effect->size = s->message_left;
	if (kind == IMAP_ASK)
		effect->ask = s->command->ask;
	return kind;
}

static enum imap_effect_kind
give_told(struct imap_session *s, struct imap_effect *effect)
{
	effect->size = s->told;
	s->told = 0;
	return IMAP_TOLD;
}

bool
imap_session_is_idle(const struct imap_session *s)
{
	bool is_waiting = s->stage == STAGE_FRAME || (s->stage == STAGE_IDLE && !s->has_changed);

	return is_waiting && imap_frame_is_empty(&s->frame) && !has_output(s);
}

/* Ten thousand sessions wait here: they keep nothing that they can do without. */
static enum imap_effect_kind
wait_for_input(struct imap_session *s)
{
	if (imap_session_is_idle(s)) {
		buf_done(&s->out);
		imap_frame_release(&s->frame);
		arena_release(s->arena);
	}
	return IMAP_NEED_INPUT;
}

/* One turn of the stage.  IMAP_NEED_INPUT or IMAP_BLOCKED when it can't go on, else IMAP_OUTPUT. */
static enum imap_effect_kind
take_turn(struct imap_session *s, struct bytes *in)
{
	switch (stages[s->stage](s, in)) {
	case TURN_ON:
	case TURN_EFFECT:
		break;
	case TURN_DONE:
		s->stage = STAGE_FINISH;
		break;
	case TURN_ASK:
		s->stage = STAGE_BLOCKED;
		s->owed = IMAP_ASK;
		break;
	case TURN_TELL:
		s->owed = IMAP_ASK;
		break;
	case TURN_FLUSH:
		s->is_flushing = true;
		break;
	case TURN_AGAIN:
		s->owed = IMAP_AGAIN;
		break;
	case TURN_INPUT:
		return IMAP_NEED_INPUT;
	case TURN_BLOCKED:
		return IMAP_BLOCKED;
	}
	return IMAP_OUTPUT;
}

enum imap_effect_kind
imap_session_step(struct imap_session *s, struct bytes *in, struct imap_effect *effect)
{
	enum imap_effect_kind kind;

	*effect = (struct imap_effect){ 0 };
	drop_output(s);
	for (;;) {
		bool is_owing = s->owed != IMAP_NEED_INPUT;

		if (has_output(s) && (is_owing || s->is_flushing || imap_is_output_high(s)))
			return effect->kind = give_output(s, effect);
		if (is_owing)
			return effect->kind = give_owed(s, effect);
		if (s->told)
			return effect->kind = give_told(s, effect);
		s->is_flushing = false;
		kind = take_turn(s, in);
		if (kind == IMAP_OUTPUT)
			continue;
		if (has_output(s))
			return effect->kind = give_output(s, effect);
		if (kind == IMAP_NEED_INPUT)
			kind = wait_for_input(s);
		return effect->kind = kind;
	}
}

/* The list of folders and the ranges live on with the command. */
static bool
copy_answer(struct imap_command *c, const struct imap_answer *answer)
{
	struct imap_folder *folders = arena_take(c->arena, answer->folder_count * sizeof *folders);
	struct imap_range *source = arena_take(c->arena, answer->source_ranges * sizeof *source);

	c->answer = *answer;
	if (!folders || !source || (answer->left_out_from && answer->body_count == 0))
		return false;
	for (size_t i = 0; i < answer->folder_count; i++) {
		folders[i].attributes = answer->folders[i].attributes;
		if (!arena_copy(c->arena, answer->folders[i].name, &folders[i].name))
			return false;
	}
	if (answer->source_ranges)
		memcpy(source, answer->source, answer->source_ranges * sizeof *source);
	c->answer.folders = folders;
	c->answer.source = source;
	return true;
}

void
imap_session_answer(struct imap_session *s, const struct imap_answer *answer)
{
	if (s->stage != STAGE_BLOCKED)
		return;
	if (!copy_answer(s->command, answer))
		s->command->answer = (struct imap_answer){ .outcome = IMAP_LIMIT };
	s->stage = STAGE_RUN;
}

void
imap_session_tls_started(struct imap_session *s)
{
	if (s->stage == STAGE_TLS)
		s->stage = STAGE_FRAME;
	s->is_tls = true;
}

void
imap_session_mailbox_changed(struct imap_session *s)
{
	s->has_changed = true;
}

void
imap_session_new_view(struct imap_session *s, const struct view *view)
{
	if (s->mailbox)
		imap_mailbox_new_view(s->mailbox, view);
	else if (s->command && s->command->answer.view)
		s->command->answer.view = view;
	s->has_changed = true;
}

void
imap_session_shut(struct imap_session *s, struct bytes text)
{
	if (s->stage != STAGE_CLOSED)
		close_with(s, text);
}

bool
imap_session_is_logged_in(const struct imap_session *s)
{
	return s->state != STATE_STRANGER;
}
