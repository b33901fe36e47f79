#include "config/tree.h"

#include <string.h>

enum token_kind { TOKEN_VALUE, TOKEN_SEMICOLON, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_END };

struct token {
	enum token_kind kind;
	struct config_value value;
};

struct scanner {
	struct bytes rest;
	struct config_place at; /* of the first octet of rest */
	struct arena *arena;
	struct config_errors *errors;
	size_t statement_count;
	struct token pending; /* was read too early; comes next, unless it is TOKEN_VALUE */
	bool has_stopped; /* a limit was passed: there is an error, and nothing more is read */
};

static bool
stop(struct scanner *s, const struct config_place *at, const char *why)
{
	if (!s->has_stopped)
		(void)config_error_add(s->errors, at, "%s", why);
	s->has_stopped = true;
	s->rest = BYTES_NONE;
	return false;
}

static bool
stop_full(struct scanner *s)
{
	return stop(s, &s->at, "the configuration is too large");
}

/* Steps over one octet; an octet that continues a UTF-8 character is no new column. */
static uint8_t
step(struct scanner *s)
{
	uint8_t c = s->rest.ptr[0];

	s->rest = bytes_sub(s->rest, 1, s->rest.len);
	if (c == '\n') {
		s->at.line++;
		s->at.column = 1;
	} else if ((c & 0xc0) != 0x80) {
		s->at.column++;
	}
	return c;
}

static bool
is_next(const struct scanner *s, uint8_t c)
{
	return s->rest.len > 0 && s->rest.ptr[0] == c;
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
skip_blanks(struct scanner *s)
{
	while (s->rest.len > 0) {
		if (is_next(s, '#')) {
			while (s->rest.len > 0 && !is_next(s, '\n'))
				(void)step(s);
		} else if (is_blank(s->rest.ptr[0])) {
			(void)step(s);
		} else {
			return;
		}
	}
}

static bool
ends_word(uint8_t c)
{
	return is_blank(c) || byte_is_class(c, CLASS_CONTROL) || c == '"' || c == ';' || c == '{' || c == '}';
}

/* "%{" … "}" in a word. */
static bool
read_braced(struct scanner *s, const struct config_place *word)
{
	(void)step(s);
	while (s->rest.len > 0 && (s->rest.ptr[0] == '}' || !ends_word(s->rest.ptr[0])))
		if (step(s) == '}')
			return true;
	return config_error_add(s->errors, word, "\"%%{\" is not closed: write %%{name}");
}

static void
read_word(struct scanner *s, struct config_value *value)
{
	struct bytes before = s->rest;

	while (s->rest.len > 0 && !ends_word(s->rest.ptr[0]))
		if (step(s) == '%' && is_next(s, '{') && !read_braced(s, &value->at))
			break;
	if (!arena_copy(s->arena, bytes_between(before, s->rest), &value->text))
		(void)stop_full(s);
}

/* The octet that "\" and c stand for, or 0. */
static uint8_t
escaped(uint8_t c)
{
	switch (c) {
	case '\\':
	case '"':
		return c;
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return 0;
	}
}

/* Behind a "\"; the octet that was meant. */
static uint8_t
read_escape(struct scanner *s)
{
	struct config_place at = s->at;
	uint8_t c = s->rest.len > 0 && !is_next(s, '\n') ? step(s) : ' ';

	if (!escaped(c))
		(void)config_error_add(s->errors, &at,
			"after \"\\\" in quotes comes one of \\ \" n r t; write \\\\ for a backslash");
	return escaped(c) ? escaped(c) : c;
}

/* From the quote on, at least as many octets as the value will have. */
static size_t
quoted_octets(struct bytes rest)
{
	size_t at = 1;

	while (at < rest.len && rest.ptr[at] != '"' && rest.ptr[at] != '\n')
		at += rest.ptr[at] == '\\' ? 2 : 1;
	return at;
}

static void
read_quoted(struct scanner *s, struct config_value *value)
{
	uint8_t *to = arena_take(s->arena, quoted_octets(s->rest));
	size_t len = 0;

	if (!to) {
		(void)stop_full(s);
		return;
	}
	(void)step(s);
	while (s->rest.len > 0 && !is_next(s, '"') && !is_next(s, '\n')) {
		uint8_t c = step(s);

		to[len++] = c == '\\' ? read_escape(s) : c;
	}
	value->text = bytes_of(to, len);
	if (is_next(s, '"'))
		(void)step(s);
	else
		(void)config_error_add(s->errors, &value->at,
			"the quote is not closed on its line; write \\n for a line end within quotes");
}

static struct token
next_token(struct scanner *s)
{
	static const char marks[] = { [TOKEN_SEMICOLON] = ';', [TOKEN_OPEN] = '{', [TOKEN_CLOSE] = '}' };
	struct token t = s->pending;

	s->pending.kind = TOKEN_VALUE;
	if (t.kind != TOKEN_VALUE)
		return t;
	for (skip_blanks(s); s->rest.len > 0; skip_blanks(s)) {
		t.value.at = s->at;
		for (enum token_kind kind = TOKEN_SEMICOLON; kind <= TOKEN_CLOSE; kind++) {
			if (!is_next(s, (uint8_t)marks[kind]))
				continue;
			(void)step(s);
			t.kind = kind;
			return t;
		}
		if (byte_is_class(s->rest.ptr[0], CLASS_CONTROL)) {
			(void)config_error_add(s->errors, &t.value.at, "a control character (0x%02x) has no place here",
				step(s));
			continue;
		}
		t.kind = TOKEN_VALUE;
		if (is_next(s, '"'))
			read_quoted(s, &t.value);
		else
			read_word(s, &t.value);
		return t;
	}
	t.kind = TOKEN_END;
	t.value.at = s->at;
	return t;
}

static bool
add_value(struct scanner *s, struct config_node *node, struct config_value value)
{
	struct config_value *values;

	if (node->value_count == CONFIG_VALUES_MAX)
		return stop(s, &value.at, "a statement has 1000 values at most; is there a \";\" missing?");
	values = arena_grow(s->arena, node->values, node->value_count, sizeof *values);
	if (!values)
		return stop_full(s);
	node->values = values;
	values[node->value_count++] = value;
	return true;
}

static struct config_node *
new_node(struct scanner *s, struct config_value name)
{
	struct config_node *node = arena_take(s->arena, sizeof *node);

	if (!node) {
		(void)stop_full(s);
		return NULL;
	}
	if (++s->statement_count > CONFIG_STATEMENTS_MAX) {
		(void)stop(s, &name.at, "there are 50000 statements at most");
		return NULL;
	}
	node->name = name;
	return node;
}

static void read_statements(struct scanner *s, unsigned int depth, const struct config_place *open,
	struct config_node **first);

static void
read_block(struct scanner *s, unsigned int depth, const struct config_place *open, struct config_node *node)
{
	if (depth == CONFIG_DEPTH_MAX) {
		(void)stop(s, open, "blocks are nested too deep; is there a \"}\" missing?");
		return;
	}
	node->has_block = true;
	read_statements(s, depth + 1, open, &node->children);
}

/* What stands behind the name, to the ";" or the end of the block. */
static void
read_statement(struct scanner *s, unsigned int depth, struct config_node *node)
{
	for (;;) {
		struct token t = next_token(s);

		switch (t.kind) {
		case TOKEN_VALUE:
			if (!add_value(s, node, t.value))
				return;
			break;
		case TOKEN_SEMICOLON:
			return;
		case TOKEN_OPEN:
			read_block(s, depth, &t.value.at, node);
			return;
		case TOKEN_CLOSE:
		case TOKEN_END:
			if (s->has_stopped)
				return;
			s->pending = t;
			(void)config_error_add(s->errors, &node->name.at, "\";\" is missing at the end of \"%s\"",
				config_show(node->name.text).text);
			return;
		}
	}
}

/* depth 0: the file itself; else up to the "}" of the block that was opened at *open. */
static void
read_statements(struct scanner *s, unsigned int depth, const struct config_place *open, struct config_node **first)
{
	struct config_node **next = first, ignored = { 0 };

	for (;;) {
		struct token t = next_token(s);

		switch (t.kind) {
		case TOKEN_VALUE:
			*next = new_node(s, t.value);
			if (!*next)
				return;
			read_statement(s, depth, *next);
			next = &(*next)->next;
			break;
		case TOKEN_SEMICOLON:
			break;
		case TOKEN_OPEN:
			(void)config_error_add(s->errors, &t.value.at, "\"{\" needs a name before it");
			read_block(s, depth, &t.value.at, &ignored);
			break;
		case TOKEN_CLOSE:
			if (depth > 0)
				return;
			(void)config_error_add(s->errors, &t.value.at, "\"}\" without a \"{\" before it");
			break;
		case TOKEN_END:
			if (depth > 0 && !s->has_stopped)
				(void)config_error_add(s->errors, open, "\"{\" is not closed: \"}\" is missing");
			return;
		}
	}
}

int
config_tree_read(struct bytes text, const char *file, struct arena *arena, struct config_node **first,
	struct config_errors *errors)
{
	struct scanner s = { .rest = text, .at = { file, 1, 1 }, .arena = arena, .errors = errors,
		.pending = { .kind = TOKEN_VALUE } };
	size_t errors_before = errors->count;

	*first = NULL;
	(void)take_text(&s.rest, BYTES("\xef\xbb\xbf"));
	read_statements(&s, 0, &s.at, first);
	return errors->count == errors_before ? 0 : -1;
}

static bool
is_plain(struct bytes value)
{
	for (size_t i = 0; i < value.len; i++)
		if (ends_word(value.ptr[i]) || (i == 0 && value.ptr[i] == '#'))
			return false;
	return value.len > 0;
}

/* Is it a word that holds braces only as %{name}? */
static bool
is_template(struct bytes value)
{
	bool is_open = false;

	for (size_t i = 0; i < value.len; i++) {
		uint8_t c = value.ptr[i];

		if (!is_open && c == '{' && i > 0 && value.ptr[i - 1] == '%')
			is_open = true;
		else if (is_open && c == '}')
			is_open = false;
		else if (ends_word(c) || (i == 0 && c == '#'))
			return false;
	}
	return value.len > 0 && !is_open;
}

void
config_tree_put_value(struct buf *out, struct bytes value)
{
	static const char letters[] = { ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't', ['"'] = '"', ['\\'] = '\\' };

	if (is_plain(value) || is_template(value)) {
		put_bytes(out, value);
		return;
	}
	put_char(out, '"');
	for (size_t i = 0; i < value.len; i++) {
		uint8_t c = value.ptr[i];

		if (c < sizeof letters && letters[c]) {
			put_char(out, '\\');
			c = (uint8_t)letters[c];
		}
		put_char(out, c);
	}
	put_char(out, '"');
}
