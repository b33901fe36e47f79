/* LIST and LSUB (RFC 3501 6.3.8, 6.3.9), with \HasChildren (RFC 3348) and special uses (RFC 6154: the options
   of RFC 5258 that it adds, and no others). */
#include "proto/imap/commands.h"

#include <stdlib.h>
#include <string.h>

/* Octets that are compared before others have their turn. */
#define TURN_WORK_MAX (4U << 20)

struct list_args {
	struct bytes reference, pattern;
	struct bytes whole; /* reference and pattern */
	struct imap_folder *folders; /* in the order of their names */
	size_t count, at, work;
	bool is_of_special_use; /* only those that have one */
};

/* lsub = "LSUB" SP mailbox SP list-mailbox */
bool
imap_parse_lsub(struct imap_command *c, struct bytes *in)
{
	struct list_args *args = imap_command_args(c, sizeof *args);

	return args && take_char(in, ' ') && take_imap_astring(in, c->arena, &args->reference) &&
		take_char(in, ' ') && take_imap_list_mailbox(in, c->arena, &args->pattern);
}

/* list-select-opts, return-opts: "(" ["SPECIAL-USE" *(SP "SPECIAL-USE")] ")"      RFC 5258 6 with what RFC 6154 6 adds */
static bool
take_options(struct bytes *in, bool *is_of_special_use)
{
	if (!take_char(in, '('))
		return false;
	if (take_char(in, ')'))
		return true;
	do {
		if (!take_imap_word(in, BYTES("SPECIAL-USE")))
			return false;
		*is_of_special_use = true;
	} while (take_char(in, ' '));
	return take_char(in, ')');
}

/* list = "LIST" [SP list-select-opts] SP mailbox SP list-mailbox [SP "RETURN" SP return-opts]      RFC 5258 6
   Special uses are returned always. */
bool
imap_parse_list(struct imap_command *c, struct bytes *in)
{
	struct bytes rest = *in;
	bool is_of_special_use = false, is_returned;

	if (take_text(&rest, BYTES(" (")) && (!take_char(in, ' ') || !take_options(in, &is_of_special_use)))
		return false;
	if (!imap_parse_lsub(c, in))
		return false;
	((struct list_args *)c->args)->is_of_special_use = is_of_special_use;
	return in->len == 0 ||
		(take_char(in, ' ') && take_imap_word(in, BYTES("RETURN")) && take_char(in, ' ') && take_options(in, &is_returned));
}

static int
compare_folders(const void *a, const void *b)
{
	return bytes_compare(((const struct imap_folder *)a)->name, ((const struct imap_folder *)b)->name);
}

/* Those that the command is about, in order. */
static bool
sort_folders(struct imap_command *c, bool is_lsub)
{
	struct list_args *args = c->args;
	struct buf whole;
	bool fits;

	args->folders = arena_take(c->arena, (c->answer.folder_count + 1) * sizeof *args->folders);
	if (!args->folders)
		return false;
	for (size_t i = 0; i < c->answer.folder_count; i++) {
		const struct imap_folder *f = &c->answer.folders[i];

		if (is_lsub ? (f->attributes & IMAP_SUBSCRIBED) != 0 : !(f->attributes & IMAP_NONEXISTENT))
			args->folders[args->count++] = *f;
	}
	if (args->count)
		qsort(args->folders, args->count, sizeof *args->folders, compare_folders);
	buf_init(&whole, IMAP_PATTERN_MAX);
	put_bytes(&whole, args->reference);
	put_bytes(&whole, args->pattern);
	fits = !whole.has_failed && arena_copy(c->arena, buf_bytes(&whole), &args->whole);
	buf_done(&whole);
	return fits;
}

static bool
has_folder(const struct list_args *args, struct bytes name)
{
	struct imap_folder key = { .name = name };

	return args->count &&
		bsearch(&key, args->folders, args->count, sizeof key, compare_folders) != NULL;
}

/* Does a folder stand below `name`?  In order of names those below stand together. */
static bool
has_children(const struct list_args *args, struct bytes name)
{
	size_t low = 0, high = args->count;
	uint8_t prefix[IMAP_NAME_MAX + 1];

	if (name.len > IMAP_NAME_MAX)
		return false;
	memcpy(prefix, name.ptr, name.len);
	prefix[name.len] = IMAP_SEPARATOR;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (bytes_compare(args->folders[middle].name, bytes_of(prefix, name.len + 1)) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < args->count && bytes_starts(args->folders[low].name, bytes_of(prefix, name.len + 1));
}

static void
put_folder(struct buf *out, const char *command, const char *attributes, struct bytes name)
{
	put_text(out, command);
	put_text(out, attributes);
	put_text(out, ") \".\" ");
	imap_put_astring(out, name);
	put_text(out, "\r\n");
}

static void
put_listed(struct buf *out, const struct list_args *args, const struct imap_folder *f)
{
	const char *use = imap_name_special_use(f->name);

	put_text(out, "* LIST (");
	if (f->attributes & IMAP_NO_SELECT)
		put_text(out, "\\Noselect ");
	if (f->attributes & IMAP_MARKED)
		put_text(out, "\\Marked ");
	if (use) {
		put_text(out, use);
		put_char(out, ' ');
	}
	put_folder(out, "", has_children(args, f->name) ? "\\HasChildren" : "\\HasNoChildren", f->name);
}

/* RFC 3501 6.3.8, 6.3.9: a level that is no folder (or not subscribed) itself is told as \Noselect when the pattern
   matches it, and not what is below it. */
static bool
is_missing_parent(const struct list_args *args, struct bytes parent)
{
	const struct imap_folder *before = args->at ? &args->folders[args->at - 1] : NULL;

	if (has_folder(args, parent) || !imap_name_matches(args->whole, parent))
		return false;
	/* Told already, with the folder before. */
	return !before || !bytes_starts(before->name, parent) || before->name.len <= parent.len ||
		before->name.ptr[parent.len] != IMAP_SEPARATOR;
}

static void
put_missing_parents(struct buf *out, struct list_args *args, bool is_lsub)
{
	struct bytes name = args->folders[args->at].name;

	for (size_t i = 1; i < name.len; i++) {
		struct bytes parent = bytes_sub(name, 0, i);

		if (name.ptr[i] != IMAP_SEPARATOR)
			continue;
		args->work += i * args->whole.len;
		if (!is_missing_parent(args, parent))
			continue;
		if (is_lsub)
			put_folder(out, "* LSUB (", "\\Noselect", parent);
		else
			put_folder(out, "* LIST (", "\\Noselect \\HasChildren", parent);
	}
}

static enum imap_turn
put_folders(struct imap_session *s, struct imap_command *c, bool is_lsub)
{
	struct list_args *args = c->args;

	for (; args->at < args->count; args->at++) {
		const struct imap_folder *f = &args->folders[args->at];

		if (imap_is_output_high(s))
			return TURN_FLUSH;
		if (args->work > TURN_WORK_MAX) {
			args->work = 0;
			return TURN_AGAIN;
		}
		if (args->is_of_special_use && !imap_name_special_use(f->name))
			continue;
		args->work += f->name.len * args->whole.len;
		put_missing_parents(&s->out, args, is_lsub);
		if (!imap_name_matches(args->whole, f->name))
			continue;
		if (is_lsub)
			put_folder(&s->out, "* LSUB (",
				f->attributes & (IMAP_NO_SELECT | IMAP_NONEXISTENT) ? "\\Noselect" : "", f->name);
		else
			put_listed(&s->out, args, f);
	}
	return imap_ok(c, NULL, is_lsub ? "LSUB completed" : "LIST completed");
}

enum { START, ANSWERED, PUT };

static enum imap_turn
start(struct imap_session *s, struct imap_command *c, bool is_lsub)
{
	const struct list_args *args = c->args;

	c->phase = ANSWERED;
	if (args->pattern.len == 0) {
		/* The separator and the root of the reference: there is one namespace without a prefix. */
		put_folder(&s->out, is_lsub ? "* LSUB (" : "* LIST (", "\\Noselect", BYTES_NONE);
		return imap_ok(c, NULL, is_lsub ? "LSUB completed" : "LIST completed");
	}
	return imap_ask_name(c, IMAP_ASK_LIST, BYTES_NONE);
}

static enum imap_turn
run(struct imap_session *s, struct imap_command *c, bool is_lsub)
{
	if (c->phase == START)
		return start(s, c, is_lsub);
	if (c->phase == ANSWERED) {
		if (c->answer.outcome != IMAP_OK)
			return imap_refuse(c, c->answer.outcome);
		if (!sort_folders(c, is_lsub))
			return imap_refuse(c, IMAP_LIMIT);
		c->phase = PUT;
	}
	return put_folders(s, c, is_lsub);
}

enum imap_turn
imap_run_list(struct imap_session *s, struct imap_command *c)
{
	return run(s, c, false);
}

enum imap_turn
imap_run_lsub(struct imap_session *s, struct imap_command *c)
{
	return run(s, c, true);
}
