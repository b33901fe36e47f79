#include "proto/imap/commands.h"

#include <string.h>

#define STATE_INSIDE (STATE_AUTHENTICATED | STATE_SELECTED)

/* RFC 3501 6: which command is allowed in which state is a column. */
static const struct imap_command_row rows[] = {
	{ BYTES_INIT("CAPABILITY"), STATE_ANY, 0, imap_parse_nothing, imap_run_capability, "CAPABILITY" },
	{ BYTES_INIT("NOOP"), STATE_ANY, 0, imap_parse_nothing, imap_run_noop, "NOOP" },
	{ BYTES_INIT("LOGOUT"), STATE_ANY, 0, imap_parse_nothing, imap_run_logout, "LOGOUT" },
	{ BYTES_INIT("ID"), STATE_ANY, 0, imap_parse_id, imap_run_id, "ID (field value ...), or ID NIL" },
	{ BYTES_INIT("STARTTLS"), STATE_STRANGER, 0, imap_parse_nothing, imap_run_starttls, "STARTTLS" },
	{ BYTES_INIT("AUTHENTICATE"), STATE_STRANGER, COMMAND_SECRET, imap_parse_authenticate,
		imap_run_authenticate, "AUTHENTICATE mechanism [initial-response]" },
	{ BYTES_INIT("LOGIN"), STATE_STRANGER, COMMAND_SECRET, imap_parse_login, imap_run_login,
		"LOGIN name password" },
	{ BYTES_INIT("ENABLE"), STATE_INSIDE, 0, imap_parse_enable, imap_run_enable,
		"ENABLE capability ..." },
	{ BYTES_INIT("SELECT"), STATE_INSIDE, 0, imap_parse_name, imap_run_select,
		"SELECT mailbox" },
	{ BYTES_INIT("EXAMINE"), STATE_INSIDE, 0, imap_parse_name, imap_run_examine,
		"EXAMINE mailbox" },
	{ BYTES_INIT("CREATE"), STATE_INSIDE, 0, imap_parse_name, imap_run_create,
		"CREATE mailbox" },
	{ BYTES_INIT("DELETE"), STATE_INSIDE, 0, imap_parse_name, imap_run_delete,
		"DELETE mailbox" },
	{ BYTES_INIT("RENAME"), STATE_INSIDE, 0, imap_parse_two_names, imap_run_rename,
		"RENAME mailbox new-name" },
	{ BYTES_INIT("SUBSCRIBE"), STATE_INSIDE, 0, imap_parse_name, imap_run_subscribe,
		"SUBSCRIBE mailbox" },
	{ BYTES_INIT("UNSUBSCRIBE"), STATE_INSIDE, 0, imap_parse_name, imap_run_unsubscribe,
		"UNSUBSCRIBE mailbox" },
	{ BYTES_INIT("LIST"), STATE_INSIDE, 0, imap_parse_list, imap_run_list,
		"LIST [(SPECIAL-USE)] reference pattern [RETURN (SPECIAL-USE)]" },
	{ BYTES_INIT("LSUB"), STATE_INSIDE, 0, imap_parse_lsub, imap_run_lsub,
		"LSUB reference pattern" },
	{ BYTES_INIT("STATUS"), STATE_INSIDE, 0, imap_parse_status, imap_run_status,
		"STATUS mailbox (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)" },
	{ BYTES_INIT("GETQUOTA"), STATE_INSIDE, 0, imap_parse_get_quota, imap_run_get_quota, "GETQUOTA root" },
	{ BYTES_INIT("GETQUOTAROOT"), STATE_INSIDE, 0, imap_parse_name, imap_run_get_quota_root, "GETQUOTAROOT mailbox" },
	{ BYTES_INIT("SETQUOTA"), STATE_INSIDE, 0, imap_parse_set_quota, imap_run_set_quota, "SETQUOTA root (resource limit ...)" },
	{ BYTES_INIT("NAMESPACE"), STATE_INSIDE, 0, imap_parse_nothing, imap_run_namespace, "NAMESPACE" },
	{ BYTES_INIT("APPEND"), STATE_INSIDE, 0, imap_parse_append, imap_run_append,
		"APPEND mailbox [(flags)] [date-time] {octets}" },
	{ BYTES_INIT("IDLE"), STATE_INSIDE, 0, imap_parse_nothing, imap_run_idle, "IDLE" },
	{ BYTES_INIT("CHECK"), STATE_SELECTED, 0, imap_parse_nothing, imap_run_check, "CHECK" },
	{ BYTES_INIT("CLOSE"), STATE_SELECTED, 0, imap_parse_nothing, imap_run_close, "CLOSE" },
	{ BYTES_INIT("UNSELECT"), STATE_SELECTED, 0, imap_parse_nothing, imap_run_unselect, "UNSELECT" },
	{ BYTES_INIT("EXPUNGE"), STATE_SELECTED, COMMAND_HAS_UID_FORM, imap_parse_expunge,
		imap_run_expunge, "EXPUNGE, or UID EXPUNGE set" },
	{ BYTES_INIT("SEARCH"), STATE_SELECTED, COMMAND_HAS_UID_FORM | COMMAND_NUMBERS, imap_parse_search,
		imap_run_search, "SEARCH [CHARSET charset] key ..." },
	{ BYTES_INIT("SORT"), STATE_SELECTED, COMMAND_HAS_UID_FORM | COMMAND_NUMBERS, imap_parse_sort,
		imap_run_sort, "SORT (key ...) charset search-key ..." },
	{ BYTES_INIT("THREAD"), STATE_SELECTED, COMMAND_HAS_UID_FORM | COMMAND_NUMBERS, imap_parse_thread,
		imap_run_thread, "THREAD algorithm charset search-key ..." },
	{ BYTES_INIT("FETCH"), STATE_SELECTED, COMMAND_HAS_UID_FORM | COMMAND_NUMBERS, imap_parse_fetch,
		imap_run_fetch, "FETCH set (item ...)" },
	{ BYTES_INIT("STORE"), STATE_SELECTED, COMMAND_HAS_UID_FORM | COMMAND_NUMBERS, imap_parse_store,
		imap_run_store, "STORE set [+|-]FLAGS[.SILENT] (flags)" },
	{ BYTES_INIT("COPY"), STATE_SELECTED, COMMAND_HAS_UID_FORM, imap_parse_copy, imap_run_copy,
		"COPY set mailbox" },
	{ BYTES_INIT("MOVE"), STATE_SELECTED, COMMAND_HAS_UID_FORM, imap_parse_copy, imap_run_move,
		"MOVE set mailbox" },
};

const struct imap_command_row *
imap_command_find(struct bytes name)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (bytes_equal_nocase(name, rows[i].name))
			return &rows[i];
	return NULL;
}

struct imap_command *
imap_command_new(struct imap_session *s, struct bytes tag, const struct imap_command_row *row)
{
	struct imap_command *c = arena_take(s->arena, sizeof *c);

	if (!c || !arena_copy(s->arena, tag, &c->tag))
		return NULL;
	c->arena = s->arena;
	c->row = row;
	s->command = c;
	return c;
}

void
imap_command_drop(struct imap_session *s)
{
	s->command = NULL;
	sasl_free(&s->sasl);
	arena_free(&s->scratch);
	arena_free(&s->order);
	buf_done(&s->text);
	arena_reset(s->arena);
}

/* command-any, command-auth, command-nonauth, command-select; uid = "UID" SP (copy / fetch / …) */
static const struct imap_command_row *
take_name(struct bytes *in, bool *is_uid)
{
	const struct imap_command_row *row;
	struct bytes name;

	if (!take_char(in, ' '))
		return NULL;
	*is_uid = take_text_nocase(in, BYTES("UID "));
	if (!take_imap_atom(in, &name))
		return NULL;
	row = imap_command_find(name);
	return row && *is_uid && !(row->traits & COMMAND_HAS_UID_FORM) ? NULL : row;
}

bool
imap_command_identify(struct imap_session *s, struct bytes *in)
{
	struct bytes tag;
	struct imap_command *c;

	s->command = NULL;
	if (!take_imap_tag(in, &tag))
		return false;
	c = imap_command_new(s, tag, NULL);
	if (!c)
		return false;
	c->row = take_name(in, &c->is_uid);
	c->is_uid &= c->row != NULL;
	if (!c->row)
		(void)imap_bad(c, "Unknown command");
	else if (c->row->states & (unsigned int)s->state)
		return true;
	else if (s->state == STATE_STRANGER)
		(void)imap_bad(c, "Log in first");
	else
		(void)imap_bad(c, c->row->states == STATE_SELECTED ? "Select a mailbox first" : "Already logged in");
	return false;
}

void *
imap_command_args(struct imap_command *c, size_t size)
{
	c->args = arena_take(c->arena, size);
	return c->args;
}

static enum imap_turn
end(struct imap_command *c, enum imap_status status, const char *code, const char *text)
{
	c->status = status;
	if (code)
		c->code = bytes_text(code);
	c->text = text;
	return TURN_DONE;
}

enum imap_turn
imap_ok(struct imap_command *c, const char *code, const char *text)
{
	return end(c, STATUS_OK, code, text);
}

enum imap_turn
imap_no(struct imap_command *c, const char *code, const char *text)
{
	return end(c, STATUS_NO, code, text);
}

enum imap_turn
imap_bad(struct imap_command *c, const char *text)
{
	return end(c, STATUS_BAD, NULL, text);
}

enum imap_turn
imap_refuse(struct imap_command *c, enum imap_outcome outcome)
{
	switch (outcome) {
	case IMAP_OK:
	case IMAP_LATER:
		return imap_no(c, "[UNAVAILABLE]", "Not possible right now, try again later");
	case IMAP_NO_SPACE:
		return imap_no(c, "[UNAVAILABLE]", "The server has no room right now, try again later");
	case IMAP_ABSENT:
		return imap_no(c, "[NONEXISTENT]", "There is no such mailbox");
	case IMAP_DENIED:
	case IMAP_DISABLED:
	case IMAP_EXPIRED:
		return imap_no(c, "[NOPERM]", "Not allowed");
	case IMAP_EXISTS:
		return imap_no(c, "[ALREADYEXISTS]", "There is such a mailbox already");
	case IMAP_INVALID:
		return imap_no(c, "[CANNOT]", "Not possible");
	case IMAP_LIMIT:
		return imap_no(c, "[LIMIT]", "A limit of the server is reached");
	case IMAP_OVER_QUOTA:
		/* RFC 9208 4.3.1 */
		return imap_no(c, "[OVERQUOTA]", "The account has no room for it: delete something first");
	}
	return imap_no(c, "[UNAVAILABLE]", "Not possible right now");
}

enum imap_turn
imap_end_as_answered(struct imap_command *c, const char *done_text)
{
	if (c->answer.outcome != IMAP_OK)
		return imap_refuse(c, c->answer.outcome);
	return imap_ok(c, NULL, done_text);
}

enum imap_turn
imap_ask_name(struct imap_command *c, enum imap_ask_kind kind, struct bytes name)
{
	c->ask = (struct imap_ask){ .kind = kind, .name = name };
	return TURN_ASK;
}

enum imap_turn
imap_ask_uids(struct imap_command *c, enum imap_ask_kind kind, const struct imap_set *uids)
{
	c->ask = (struct imap_ask){ .kind = kind, .uids = uids->ranges, .uid_ranges = uids->count };
	return TURN_ASK;
}

void
imap_command_set_code(struct imap_command *c, const struct buf *code)
{
	if (code->has_failed || !arena_copy(c->arena, buf_bytes(code), &c->code))
		c->code = BYTES_NONE;
}

void
imap_own_add(struct imap_command *c, uint64_t modseq)
{
	struct imap_own *own = &c->own;

	if (modseq <= (own->count ? own->modseqs[own->count - 1] : 0))
		return;
	if (own->count == own->size) {
		size_t size = own->size ? own->size * 2 : 8;
		uint64_t *modseqs = arena_take(c->arena, size * sizeof *modseqs);

		/* Full: then the client hears once more what it knows. */
		if (!modseqs)
			return;
		if (own->count)
			memcpy(modseqs, own->modseqs, own->count * sizeof *modseqs);
		own->modseqs = modseqs;
		own->size = size;
	}
	own->modseqs[own->count++] = modseq;
}

bool
imap_own_has(const struct imap_command *c, uint64_t modseq)
{
	size_t low = 0, high = c->own.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (c->own.modseqs[middle] < modseq)
			low = middle + 1;
		else
			high = middle;
	}
	return low < c->own.count && c->own.modseqs[low] == modseq;
}

bool
imap_command_chunk(struct imap_session *s, struct imap_walk *walk, struct imap_set *chunk, bool *has_missed)
{
	uint32_t index, number, last_number = 0;
	size_t size = 0;

	*chunk = (struct imap_set){ 0 };
	while (imap_walk_next(walk, s->mailbox, &index, &number)) {
		const struct view_record *r = &s->mailbox->view->records[index];

		if (view_flags(r) & VIEW_EXPUNGED) {
			if (has_missed)
				*has_missed = true;
			continue;
		}
		/* Nothing is between two messages that follow each other: no uid comes into being there. */
		if (chunk->count && number == last_number + 1) {
			chunk->ranges[chunk->count - 1].last = r->uid;
		} else if (chunk->count == IMAP_RANGES_MAX) {
			imap_walk_back(walk, r->uid);
			return true;
		} else if (!imap_set_add(chunk, s->command->arena, &size, r->uid)) {
			return false;
		}
		last_number = number;
	}
	return true;
}
