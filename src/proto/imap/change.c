/* STORE, EXPUNGE, COPY, MOVE. */
#include "proto/imap/commands.h"

struct store_args {
	struct imap_set set;
	struct imap_set chunk;
	enum imap_flags_mode mode;
	bool is_silent, has_missed;
	struct imap_flags flags;
	struct imap_walk walk;
};

struct copy_args {
	struct bytes name;
	struct imap_set set;
	struct imap_set chunk;
};

struct expunge_args {
	struct imap_set set;
	struct imap_set chunk;
	struct imap_walk walk;
	struct imap_range all;
};

/* store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag))) */
static bool
take_store_att_flags(struct bytes *in, struct imap_command *c, struct store_args *args)
{
	args->mode = IMAP_FLAGS_REPLACE;
	if (take_char(in, '+'))
		args->mode = IMAP_FLAGS_ADD;
	else if (take_char(in, '-'))
		args->mode = IMAP_FLAGS_REMOVE;
	if (!take_text_nocase(in, BYTES("FLAGS")))
		return false;
	args->is_silent = take_text_nocase(in, BYTES(".SILENT"));
	return take_char(in, ' ') && (take_imap_flag_list(in, c->arena, &args->flags) ||
		take_imap_flags(in, c->arena, &args->flags));
}

/* store = "STORE" SP sequence-set SP store-att-flags */
bool
imap_parse_store(struct imap_command *c, struct bytes *in)
{
	struct store_args *args = imap_command_args(c, sizeof *args);

	return args && take_char(in, ' ') && take_imap_set(in, c->arena, &args->set) && take_char(in, ' ') &&
		take_store_att_flags(in, c, args);
}

static enum imap_turn
refuse_read_only(struct imap_command *c)
{
	return imap_no(c, "[READ-ONLY]", "The mailbox was opened with EXAMINE");
}

static enum imap_turn
refuse_number(struct imap_command *c)
{
	return imap_bad(c, "There is no message of that number");
}

static enum imap_turn
refuse_set(struct imap_command *c)
{
	return imap_no(c, "[LIMIT]", "Too many messages at once");
}

enum { STORE_START, STORE_NEXT, STORE_ANSWERED, STORE_TELL, STORE_TELLING };

static enum imap_turn
store_start(struct imap_session *s, struct imap_command *c, struct store_args *args)
{
	if (s->mailbox->is_read_only)
		return refuse_read_only(c);
	if (!imap_flags_fit(&args->flags))
		return imap_no(c, "[LIMIT]", "Too many keywords, or too long ones");
	if (!imap_mailbox_resolve(s->mailbox, &args->set, c->is_uid))
		return refuse_number(c);
	imap_walk_start(&args->walk, &args->set);
	c->phase = STORE_NEXT;
	return TURN_ON;
}

/* What was changed before that is told as if others had: the client believes that nothing was. */
static enum imap_turn
store_stop(struct imap_command *c, enum imap_turn turn)
{
	c->own.count = 0;
	return turn;
}

static enum imap_turn
store_next(struct imap_session *s, struct imap_command *c, struct store_args *args)
{
	if (!imap_command_chunk(s, &args->walk, &args->chunk, &args->has_missed))
		return store_stop(c, refuse_set(c));
	c->phase = args->chunk.count ? STORE_ANSWERED : STORE_TELL;
	if (args->chunk.count == 0)
		return TURN_ON;
	(void)imap_ask_uids(c, IMAP_ASK_SET_FLAGS, &args->chunk);
	c->ask.mode = args->mode;
	c->ask.told = args->is_silent ? s->mailbox->flags_modseq : UINT64_MAX;
	c->ask.flags = args->flags.flags;
	c->ask.keywords = args->flags.keywords;
	return TURN_ASK;
}

static void
put_stored(struct imap_session *s, uint32_t index, uint32_t number)
{
	const struct view_record *r = &s->mailbox->view->records[index];
	struct buf *out = &s->out;

	put_text(out, "* ");
	put_number(out, number);
	put_text(out, " FETCH (");
	/* RFC 3501 6.4.8: the UID stands in what a UID command causes. */
	if (s->command->is_uid) {
		put_text(out, "UID ");
		put_number(out, r->uid);
		put_char(out, ' ');
	}
	put_text(out, "FLAGS ");
	imap_put_flags(out, s->mailbox, view_flags(r), atomic_load_explicit(&r->keywords, memory_order_relaxed),
		imap_mailbox_is_recent(s->mailbox, r->uid));
	put_text(out, ")\r\n");
}

/* RFC 2180 4.2.1 and RFC 5530 3: what is left was changed. */
static enum imap_turn
store_end(struct imap_session *s, struct imap_command *c, const struct store_args *args)
{
	if (!c->is_uid && (args->has_missed || imap_mailbox_has_ghost(s->mailbox, &args->set)))
		return imap_no(c, "[EXPUNGEISSUED]", "Some of the messages no longer exist");
	return imap_ok(c, NULL, "STORE completed");
}

static enum imap_turn
store_tell(struct imap_session *s, struct imap_command *c, struct store_args *args)
{
	uint32_t index, number;

	while (!imap_is_output_high(s)) {
		if (args->is_silent || !imap_walk_next(&args->walk, s->mailbox, &index, &number))
			return store_end(s, c, args);
		if (!(view_flags(&s->mailbox->view->records[index]) & VIEW_EXPUNGED))
			put_stored(s, index, number);
	}
	return TURN_FLUSH;
}

enum imap_turn
imap_run_store(struct imap_session *s, struct imap_command *c)
{
	struct store_args *args = c->args;

	switch (c->phase) {
	case STORE_START:
		return store_start(s, c, args);
	case STORE_NEXT:
		return store_next(s, c, args);
	case STORE_ANSWERED:
		if (c->answer.outcome != IMAP_OK)
			return store_stop(c, imap_refuse(c, c->answer.outcome));
		imap_own_add(c, c->answer.modseq);
		c->phase = STORE_NEXT;
		return TURN_ON;
	case STORE_TELL:
		imap_put_new_keywords(s);
		imap_walk_start(&args->walk, &args->set);
		c->phase = STORE_TELLING;
		return TURN_ON;
	default:
		return store_tell(s, c, args);
	}
}

/* expunge = "EXPUNGE"; RFC 4315 2.1: uid-expunge = "UID" SP "EXPUNGE" SP sequence-set */
bool
imap_parse_expunge(struct imap_command *c, struct bytes *in)
{
	struct expunge_args *args = imap_command_args(c, sizeof *args);

	return args && (!c->is_uid || (take_char(in, ' ') && take_imap_set(in, c->arena, &args->set)));
}

enum { EXPUNGE_START, EXPUNGE_NEXT, EXPUNGE_ANSWERED };

static enum imap_turn
expunge_start(struct imap_session *s, struct imap_command *c, struct expunge_args *args)
{
	if (s->mailbox->is_read_only)
		return refuse_read_only(c);
	if (!c->is_uid) {
		args->all = (struct imap_range){ 1, UINT32_MAX };
		args->chunk = (struct imap_set){ &args->all, 1 };
		c->phase = EXPUNGE_ANSWERED;
		return imap_ask_uids(c, IMAP_ASK_EXPUNGE, &args->chunk);
	}
	if (!imap_mailbox_resolve(s->mailbox, &args->set, true))
		return refuse_number(c);
	imap_walk_start(&args->walk, &args->set);
	c->phase = EXPUNGE_NEXT;
	return TURN_ON;
}

enum imap_turn
imap_run_expunge(struct imap_session *s, struct imap_command *c)
{
	struct expunge_args *args = c->args;

	if (c->phase == EXPUNGE_START)
		return expunge_start(s, c, args);
	if (c->phase == EXPUNGE_ANSWERED && c->answer.outcome != IMAP_OK)
		return imap_refuse(c, c->answer.outcome);
	if (c->phase == EXPUNGE_ANSWERED && !c->is_uid)
		return imap_ok(c, NULL, "EXPUNGE completed");
	if (!imap_command_chunk(s, &args->walk, &args->chunk, NULL))
		return refuse_set(c);
	if (args->chunk.count == 0)
		return imap_ok(c, NULL, "EXPUNGE completed");
	c->phase = EXPUNGE_ANSWERED;
	return imap_ask_uids(c, IMAP_ASK_EXPUNGE, &args->chunk);
}

/* copy = "COPY" SP sequence-set SP mailbox; RFC 6851 5: move = "MOVE" SP sequence-set SP mailbox */
bool
imap_parse_copy(struct imap_command *c, struct bytes *in)
{
	struct copy_args *args = imap_command_args(c, sizeof *args);

	return args && take_char(in, ' ') && take_imap_set(in, c->arena, &args->set) && take_char(in, ' ') &&
		take_imap_mailbox(in, c->arena, &args->name);
}

static enum imap_turn
copy_start(struct imap_session *s, struct imap_command *c, struct copy_args *args, bool is_move)
{
	struct imap_walk walk;
	bool has_missed = false;
	uint32_t index, number;

	if (is_move && s->mailbox->is_read_only)
		return refuse_read_only(c);
	if (!imap_mailbox_resolve(s->mailbox, &args->set, c->is_uid))
		return refuse_number(c);
	imap_walk_start(&walk, &args->set);
	if (!imap_command_chunk(s, &walk, &args->chunk, &has_missed) ||
		imap_walk_next(&walk, s->mailbox, &index, &number))
		return refuse_set(c);
	/* RFC 2180 4.4.1: all or nothing. */
	has_missed |= imap_mailbox_has_ghost(s->mailbox, &args->set);
	if (has_missed && !c->is_uid)
		return imap_no(c, "[EXPUNGEISSUED]", "Some of the messages no longer exist");
	if (args->chunk.count == 0)
		return imap_ok(c, NULL, "There was nothing to copy");
	if (!imap_name_is_valid(args->name))
		return imap_no(c, "[TRYCREATE]", "There is no such mailbox");
	(void)imap_ask_uids(c, IMAP_ASK_COPY, &args->chunk);
	c->ask.name = args->name;
	c->ask.is_move = is_move;
	return TURN_ASK;
}

static uint32_t
count_uids(const struct imap_range *ranges, size_t count)
{
	uint32_t uids = 0;

	for (size_t i = 0; i < count; i++)
		uids += ranges[i].last - ranges[i].first + 1;
	return uids;
}

/* RFC 4315 3: resp-code-copy = "COPYUID" SP nz-number SP uid-set SP uid-set */
static void
put_copyuid(struct buf *out, const struct imap_answer *a)
{
	uint32_t count = count_uids(a->source, a->source_ranges);
	struct imap_range target = { a->uid, a->uid + count - 1 };

	put_text(out, "[COPYUID ");
	put_number(out, a->uid_validity);
	put_char(out, ' ');
	put_imap_set(out, a->source, a->source_ranges);
	put_char(out, ' ');
	put_imap_set(out, &target, 1);
	put_char(out, ']');
}

static enum imap_turn
copied(struct imap_session *s, struct imap_command *c, bool is_move)
{
	const struct imap_answer *a = &c->answer;
	struct buf code;

	if (a->outcome == IMAP_ABSENT)
		return imap_no(c, "[TRYCREATE]", "There is no such mailbox");
	if (a->outcome != IMAP_OK)
		return imap_refuse(c, a->outcome);
	/* None are told when all are gone, or are too many to be told of. */
	if (a->source_ranges > 0 && !is_move) {
		buf_init(&code, 1U << 18);
		put_copyuid(&code, a);
		imap_command_set_code(c, &code);
		buf_done(&code);
	}
	/* RFC 6851 4.3: before the EXPUNGE responses. */
	if (a->source_ranges > 0 && is_move) {
		put_text(&s->out, "* OK ");
		put_copyuid(&s->out, a);
		put_text(&s->out, " Moved\r\n");
	}
	return imap_ok(c, NULL, is_move ? "MOVE completed" : "COPY completed");
}

enum imap_turn
imap_run_copy(struct imap_session *s, struct imap_command *c)
{
	return c->phase++ == 0 ? copy_start(s, c, c->args, false) : copied(s, c, false);
}

enum imap_turn
imap_run_move(struct imap_session *s, struct imap_command *c)
{
	return c->phase++ == 0 ? copy_start(s, c, c->args, true) : copied(s, c, true);
}
