#include "config/apply.h"

#include "config/near.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* All of a configuration: its texts, its lists, the contents of the certificates it names. */
enum { CONFIG_ARENA_MAX = 64 * 1024 * 1024, BLOCK_NAME_MAX = 64 };

/* "Did you mean": names of the block, first words and block names of the file too. */
static const char *
nearest_name(struct bytes block, struct bytes word)
{
	struct near best = { 0 };

	for (const struct directive *d = directives; d < directives + DIRECTIVE_COUNT; d++) {
		char name[NEAR_NAME_MAX];
		struct bytes first = directive_first_word(block.len == 0 && d->block[0] ? d->block : d->name);

		if (block.len > 0 && !bytes_equal(bytes_text(d->block), block))
			continue;
		(void)snprintf(name, sizeof name, "%.*s", BYTES_ARG(first));
		near_try(&best, word, name);
		if (best.name == name)
			best.name = block.len == 0 && d->block[0] ? d->block : d->name;
	}
	return best.name;
}

/* The block that knows the name, or NULL. */
static const char *
block_of(struct bytes word)
{
	for (const struct directive *d = directives; d < directives + DIRECTIVE_COUNT; d++)
		if (d->block[0] && bytes_equal(bytes_text(d->name), word))
			return d->block;
	return NULL;
}

static bool
unknown_name(struct config_reading *r, struct bytes block, const struct config_node *node)
{
	struct bytes word = node->name.text;
	const char *home = block_of(word), *nearest = nearest_name(block, word);
	bool needs_which;

	if (directive_begins_block(word) && block.len == 0)
		return config_error_add(r->errors, &node->name.at, "\"%.*s\" is written: %.*s { ... }", BYTES_ARG(word),
			BYTES_ARG(word));
	if (home && !bytes_equal(bytes_text(home), block))
		return config_error_add(r->errors, &node->name.at, "\"%.*s\" belongs into %s { ... }", BYTES_ARG(word), home);
	if (block.len > 0 && directive_find(BYTES_NONE, word, BYTES_NONE, &needs_which))
		return config_error_add(r->errors, &node->name.at, "\"%.*s\" does not belong into %.*s { ... }",
			BYTES_ARG(word), BYTES_ARG(block));
	if (nearest)
		return config_error_add(r->errors, &node->name.at, "there is no directive %s; did you mean \"%.*s\"?",
			config_show(word).text, BYTES_ARG(directive_first_word(nearest)));
	return config_error_add(r->errors, &node->name.at,
		"there is no directive %s; \"mermoz directives\" lists all there are", config_show(word).text);
}

/* What may stand behind `word`: the second words of names, or of block names. */
static void
put_choices(struct buf *out, struct bytes block, struct bytes word, bool of_blocks)
{
	struct bytes last = BYTES_NONE;

	for (const struct directive *d = directives; d < directives + DIRECTIVE_COUNT; d++) {
		const char *name = of_blocks ? d->block : d->name;
		struct bytes second = directive_second_word(name);

		if (!bytes_equal(directive_first_word(name), word) || bytes_equal(second, last))
			continue;
		if (!of_blocks && !bytes_equal(bytes_text(d->block), block))
			continue;
		put_text(out, last.len > 0 ? ", " : "");
		put_bytes(out, second);
		last = second;
	}
}

static bool
unknown_which(struct config_reading *r, struct bytes block, const struct config_node *node, bool of_blocks)
{
	const struct config_place *at = node->value_count > 0 ? &node->values[0].at : &node->name.at;
	char text[200];
	struct buf choices;

	buf_init_fixed(&choices, text, sizeof text);
	put_choices(&choices, block, node->name.text, of_blocks);
	if (node->value_count == 0)
		return config_error_add(r->errors, at, "\"%.*s\" is followed by one of: %.*s",
			BYTES_ARG(node->name.text), BYTES_ARG(buf_bytes(&choices)));
	return config_error_add(r->errors, at, "there is no \"%.*s %s\"; what there is: %.*s", BYTES_ARG(node->name.text),
		config_show(node->values[0].text).text, BYTES_ARG(buf_bytes(&choices)));
}

static bool
is_count_wrong(struct config_reading *r, const struct config_setting *s)
{
	const struct config_kind *kind = &config_kinds[s->directive->kind];
	const char *hint = "";
	const struct config_place *at = s->at;

	if (r->is_slice && s->directive->kind == KIND_CERTIFICATE && s->count == 4)
		return false;
	if (r->is_slice && s->directive->kind == KIND_LDAP_BIND && s->count == 3)
		return false;
	if (r->is_slice && s->directive->kind == KIND_RESOLVER && s->count == 3)
		return false;
	if (r->is_slice && s->directive->kind == KIND_LOGIN && s->count == 5)
		return false;
	if (r->is_slice && s->directive->kind == KIND_DKIM && s->count == 4)
		return false;
	if (r->is_slice && (s->directive->kind == KIND_ALIASES || s->directive->kind == KIND_SRS) && s->count == 3)
		return false;
	if (s->count >= kind->values_least && s->count <= kind->values_most)
		return false;
	for (size_t i = 0; i < s->count; i++) {
		if (s->values[i].at.line == at->line)
			continue;
		hint = "; is the \";\" missing at the end of the line before?";
		at = &s->values[i].at;
		break;
	}
	(void)config_error_add(r->errors, at, "\"%s\" is written: %s %s;%s", s->directive->name, s->directive->name,
		s->directive->syntax, hint);
	return true;
}

static void
apply_setting(struct config_reading *r, const struct config_setting *s)
{
	size_t id = (size_t)(s->directive - directives);
	const struct config_kind *kind = &config_kinds[s->directive->kind];

	if (r->is_seen[id] && !kind->may_repeat) {
		(void)config_error_add(r->errors, s->at, "\"%s\" is set already, at %s:%u", s->directive->name,
			r->seen_at[id].file, r->seen_at[id].line);
		return;
	}
	if (!r->is_seen[id])
		r->seen_at[id] = *s->at;
	r->is_seen[id] = true;
	if (is_count_wrong(r, s))
		return;
	(void)kind->read(r, s);
}

static void
apply_directive(struct config_reading *r, struct bytes block, const struct config_node *node)
{
	struct bytes which = node->value_count > 0 ? node->values[0].text : BYTES_NONE;
	bool needs_which;
	const struct directive *d = directive_find(block, node->name.text, which, &needs_which);
	size_t skip = d && directive_second_word(d->name).len > 0 ? 1 : 0;

	if (needs_which && !d)
		(void)unknown_which(r, block, node, false);
	else if (!d)
		(void)unknown_name(r, block, node);
	else if (node->has_block)
		(void)config_error_add(r->errors, &node->name.at, "\"%s\" has no block; it is written: %s %s;", d->name,
			d->name, d->syntax);
	else
		apply_setting(r, &(struct config_setting){ d, &node->name.at, node->values + skip, node->value_count - skip });
}

/* "directory embedded" for `directory embedded { … }`; empty when it would be too long to be one. */
static struct bytes
block_name(const struct config_node *node, char text[BLOCK_NAME_MAX])
{
	struct buf name;

	buf_init_fixed(&name, text, BLOCK_NAME_MAX);
	put_bytes(&name, node->name.text);
	for (size_t i = 0; i < node->value_count; i++) {
		put_char(&name, ' ');
		put_bytes(&name, node->values[i].text);
	}
	return name.has_failed ? BYTES_NONE : buf_bytes(&name);
}

static void apply_block(struct config_reading *r, struct bytes block, const struct config_node *first);

static void
apply_statement(struct config_reading *r, struct bytes block, const struct config_node *node)
{
	char text[BLOCK_NAME_MAX];
	struct bytes name = block_name(node, text);

	if (node->has_block && block.len == 0 && directive_is_block(name))
		apply_block(r, name, node->children);
	else if (block.len == 0 && directive_begins_block(node->name.text) && !directive_is_block(node->name.text))
		(void)(directive_is_block(name) ? unknown_name(r, block, node) : unknown_which(r, block, node, true));
	else
		apply_directive(r, block, node);
}

/* The first value that begins a line and is the name of a directive or of a block; node->value_count: none is. */
static size_t
find_name(struct bytes block, const struct config_node *node)
{
	uint32_t line = node->name.at.line;
	size_t i;

	for (i = 0; i < node->value_count; line = node->values[i++].at.line) {
		struct bytes word = node->values[i].text;
		bool needs_which = false;

		if (node->values[i].at.line != line &&
			(directive_find(block, word, BYTES_NONE, &needs_which) || needs_which ||
				(block.len == 0 && directive_begins_block(word))))
			break;
	}
	return i;
}

/* Its first `count` values, as a statement that ended there.  What it has set was set by the whole, unless that had a block. */
static void
apply_head(struct config_reading *r, struct bytes block, const struct config_node *node, size_t count)
{
	struct config_node head = { .name = node->name, .values = node->values, .value_count = count };

	if (node->has_block)
		apply_statement(r, block, &head);
}

/* What is wrong as one statement, and holds the name of another, is two with the ";" between them missing. */
static void
apply_block(struct config_reading *r, struct bytes block, const struct config_node *first)
{
	for (const struct config_node *node = first; node; node = node->next) {
		struct config_node rest = *node;

		for (;;) {
			size_t before = r->errors->count, i = find_name(block, &rest);

			apply_statement(r, block, &rest);
			if (r->errors->count == before || i == rest.value_count)
				break;
			r->errors->count = before;
			(void)config_error_add(r->errors, &rest.values[i].at, "the \";\" is missing at the end of the line before");
			apply_head(r, block, &rest, i);
			rest.name = rest.values[i];
			rest.values += i + 1;
			rest.value_count -= i + 1;
		}
	}
}

void
config_apply(struct config_reading *r, const struct config_node *first)
{
	apply_block(r, BYTES_NONE, first);
}

/* The initial values go the way of written ones. */
static void
apply_initial(struct config_reading *r, const struct directive *d)
{
	struct config_place at = { "directives.def", 1, 1 };
	struct config_value value = { bytes_text(d->initial), at };
	bool is_good;

	if (d->initial[0] == '\0')
		return;
	is_good = config_kinds[d->kind].read(r, &(struct config_setting){ d, &at, &value, 1 });
	assert(is_good);
}

struct config *
config_new(void)
{
	struct arena *arena = arena_new("config", CONFIG_ARENA_MAX, ARENA_SECRET);
	struct config *c = arena_take(arena, sizeof *c);
	struct config_reading r = { .config = c };

	assert(c);
	c->arena = arena;
	for (const struct directive *d = directives; d < directives + DIRECTIVE_COUNT; d++)
		apply_initial(&r, d);
	return c;
}

void
config_free(struct config **c)
{
	struct arena *arena;

	if (!*c)
		return;
	arena = (*c)->arena;
	*c = NULL;
	arena_free(&arena);
}

void
config_complete(struct config *c)
{
	struct buf path;

	if (c->directory_embedded_file.len > 0)
		return;
	buf_init(&path, c->state_directory.len + 32);
	put_bytes(&path, c->state_directory);
	put_text(&path, "/directory/accounts.db");
	/* The arena is empty but for a file of 1 MiB, so there is room. */
	if (!arena_copy(c->arena, buf_bytes(&path), &c->directory_embedded_file))
		c->directory_embedded_file = BYTES_NONE;
	buf_done(&path);
}
