#include "config/aliases.h"

/* What ends a word outside quotes, beside white space. */
static const struct bytes ends_of_name = BYTES_INIT(":,"), ends_of_target = BYTES_INIT(",");

void
aliases_begin(struct aliases *a, struct bytes text, struct arena *arena,
	void (*trouble)(void *arg, uint32_t line, uint32_t column, const char *sentence), void *arg)
{
	*a = (struct aliases){ .rest = text, .arena = arena, .trouble = trouble, .arg = arg, .line = 1, .column = 1 };
}

/* ---- characters */

/* The octet that stands next; '\n' at the end of the file too. */
static uint8_t
peek(const struct aliases *a)
{
	return a->rest.len ? a->rest.ptr[0] : '\n';
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void
step(struct aliases *a)
{
	uint8_t c = a->rest.ptr[0];

	a->rest = bytes_sub(a->rest, 1, a->rest.len);
	if (c == '\n') {
		a->line++;
		a->column = 1;
		return;
	}
	/* The octets behind the first one of a UTF-8 character are 10xxxxxx. */
	a->column += a->rest.len == 0 || (a->rest.ptr[0] & 0xc0) != 0x80;
}

static void
step_to(struct aliases *a, const uint8_t *where)
{
	while (a->rest.len && a->rest.ptr != where)
		step(a);
}

static bool
is_comment_or_blank(struct bytes line)
{
	line = bytes_trim(line);
	return line.len == 0 || line.ptr[0] == '#';
}

/* Where the first line in the text begins that says something; its end when none does. */
static const uint8_t *
next_line(struct bytes text)
{
	while (text.len) {
		struct bytes before = text, line = take_until(&text, '\n');

		if (!is_comment_or_blank(line))
			return before.ptr;
	}
	return text.ptr;
}

/* White space, and the ends of lines behind which the entry goes on. */
static void
skip_space(struct aliases *a)
{
	for (;;) {
		while (a->rest.len && is_blank(peek(a)))
			step(a);
		if (a->rest.len == 0 || peek(a) != '\n')
			return;

		struct bytes behind = bytes_sub(a->rest, 1, a->rest.len);
		const uint8_t *line = next_line(behind);

		if (!a->is_list && (line == behind.ptr + behind.len || !is_blank(*line)))
			return;
		step_to(a, line);
	}
}

/* Is the entry over? */
static bool
is_end(const struct aliases *a)
{
	return a->rest.len == 0 || peek(a) == '\n';
}

static void
skip_entry(struct aliases *a)
{
	for (skip_space(a); !is_end(a); skip_space(a))
		while (!is_end(a))
			step(a);
}

/* ---- words */

static bool
refuse(struct aliases *a, uint32_t line, uint32_t column, const char *sentence)
{
	a->trouble(a->arg, line, column, sentence);
	return false;
}

static bool
refuse_here(struct aliases *a, const char *sentence)
{
	return refuse(a, a->line, a->column, sentence);
}

static bool
take_quoted(struct aliases *a, struct buf *out)
{
	uint32_t line = a->line, column = a->column;

	step(a);
	while (a->rest.len && peek(a) != '"') {
		if (peek(a) == '\\' && a->rest.len > 1)
			step(a);
		if (peek(a) == '\n')
			break;
		put_char(out, peek(a));
		step(a);
	}
	if (is_end(a))
		return refuse(a, line, column, "the quotes that begin here are not closed on their line");
	step(a);
	return true;
}

static bool
is_in(struct bytes set, uint8_t c)
{
	return bytes_find_char(set, c) < set.len;
}

static bool
is_remark(const struct aliases *a)
{
	return peek(a) == '(' || peek(a) == '<';
}

static bool
refuse_remark(struct aliases *a)
{
	return refuse_here(a, "write the address alone: names and remarks stand in comment lines, which begin with \"#\"");
}

static bool
take_characters(struct aliases *a, struct bytes ends, struct buf *out, bool *is_bare)
{
	while (!is_end(a) && !is_blank(peek(a)) && !is_in(ends, peek(a))) {
		if (is_remark(a))
			return refuse_remark(a);
		if (peek(a) != '"') {
			put_char(out, peek(a));
			step(a);
			continue;
		}
		*is_bare = false;
		if (!take_quoted(a, out))
			return false;
	}
	return true;
}

static bool
take_word(struct aliases *a, struct bytes ends, struct aliases_word *word)
{
	uint8_t space[ALIASES_WORD_MAX];
	struct buf text;

	*word = (struct aliases_word){ .line = a->line, .column = a->column, .is_bare = true };
	buf_init_fixed(&text, space, sizeof space);
	if (!take_characters(a, ends, &text, &word->is_bare))
		return false;
	if (text.has_failed)
		return refuse(a, word->line, word->column, "that is longer than any address or path");
	if (text.len == 0)
		return refuse(a, word->line, word->column, "an address is missing here");
	if (bytes_find_char(buf_bytes(&text), '\0') < text.len)
		return refuse(a, word->line, word->column, "there is a NUL in it");
	return arena_copy(a->arena, buf_bytes(&text), &word->text) || refuse_here(a, "there are too many aliases");
}

/* A command has white space and commas of its own, and its file name has been read. */
static bool
is_command(const struct aliases_word *word)
{
	return word->is_bare && word->text.ptr[0] == '|';
}

static bool
add_target(struct aliases *a, const struct aliases_word *word, struct aliases_entry *out)
{
	struct aliases_word *grown;

	if (out->target_count == ALIASES_TARGETS_MAX)
		return refuse(a, word->line, word->column, "there are 8192 addresses at most behind a name");
	grown = arena_grow(a->arena, out->targets, out->target_count, sizeof *grown);
	if (!grown)
		return refuse(a, word->line, word->column, "there are too many aliases");
	grown[out->target_count++] = *word;
	out->targets = grown;
	return true;
}

/* Has a comma, or in a list a new line, come since `line`? */
static bool
take_separator(struct aliases *a, uint32_t line)
{
	skip_space(a);
	if (is_end(a))
		return true;
	if (take_char(&a->rest, ',')) {
		a->column++;
		skip_space(a);
		return true;
	}
	return a->is_list && a->line > line;
}

static bool
take_targets(struct aliases *a, struct aliases_entry *out)
{
	struct aliases_word word;

	for (skip_space(a); !is_end(a);) {
		uint32_t line = a->line;

		if (!take_word(a, ends_of_target, &word) || !add_target(a, &word, out))
			return false;
		if (is_command(&word)) {
			skip_entry(a);
			return true;
		}
		if (!take_separator(a, line))
			return is_remark(a) ? refuse_remark(a) : refuse_here(a, "a comma is missing before this");
	}
	return true;
}

static bool
take_entry(struct aliases *a, struct aliases_entry *out)
{
	uint32_t line = a->line, column = a->column;

	*out = (struct aliases_entry){ .target_count = 0 };
	if (is_blank(peek(a)))
		return refuse_here(a, "this goes on with an alias, and there is none before it");
	if (!take_word(a, ends_of_name, &out->name))
		return false;
	skip_space(a);
	if (is_end(a) || peek(a) != ':')
		return refuse(a, line, column, "an alias is written: NAME: ADDRESS, ADDRESS");
	step(a);
	if (!take_targets(a, out))
		return false;
	return out->target_count || refuse(a, line, column, "there is no address behind the name");
}

bool
aliases_next(struct aliases *a, struct aliases_entry *out)
{
	for (;;) {
		bool is_good;

		step_to(a, next_line(a->rest));
		if (a->rest.len == 0)
			return false;
		is_good = take_entry(a, out);
		skip_entry(a);
		if (is_good)
			return true;
	}
}

void
aliases_read_list(struct aliases *a, struct aliases_entry *out)
{
	*out = (struct aliases_entry){ .target_count = 0 };
	a->is_list = true;
	step_to(a, next_line(a->rest));
	while (!take_targets(a, out))
		/* What is wrong ends with its line. */
		while (a->rest.len && peek(a) != '\n')
			step(a);
}

/* ---- printing */

static void
put_quoted(struct buf *out, struct bytes text)
{
	put_char(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '"' || text.ptr[i] == '\\')
			put_char(out, '\\');
		put_char(out, text.ptr[i]);
	}
	put_char(out, '"');
}

void
aliases_put_name(struct buf *out, struct bytes name)
{
	put_quoted(out, name);
	put_char(out, ':');
}

void
aliases_put_target(struct buf *out, struct bytes target, bool is_first)
{
	put_text(out, is_first ? " " : ", ");
	put_quoted(out, target);
}

void
aliases_put_end(struct buf *out)
{
	put_char(out, '\n');
}
