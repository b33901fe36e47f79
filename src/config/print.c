#include "config/apply.h"

#include "base/memory.h"

#include <string.h>

/* One directive's statements, in a buffer of their own. */
static struct bytes
statements_of(const struct config *c, const struct directive *d, enum config_form form, struct buf *scratch)
{
	buf_reset(scratch);
	config_kinds[d->kind].put(c, d, form, scratch);
	return buf_bytes(scratch);
}

/* Opens and closes blocks as they come; `open` is the one that is open. */
static void
put_block_change(struct buf *out, const char **open, const char *block)
{
	if (strcmp(*open, block) == 0)
		return;
	if (**open)
		put_text(out, "}\n");
	if (*block) {
		put_text(out, block);
		put_text(out, " {\n");
	}
	*open = block;
}

/* The keys of dkim are the queue's alone; fronts know for which domains there are some.  So with the passwords of log-ins, which are the relay's: the
   queue knows whose there are. */
static enum config_form
form_for(const struct directive *d, enum role role)
{
	bool is_shown = (d->kind == KIND_DKIM && role == ROLE_FRONT) || (d->kind == KIND_LOGIN && role == ROLE_QUEUE);

	return is_shown ? CONFIG_FORM_SHOWN : CONFIG_FORM_SLICE;
}

void
config_put_slice(const struct config *c, enum role role, struct buf *out)
{
	const char *open = "";
	struct buf scratch;

	buf_init(&scratch, out->max);
	for (const struct directive *d = directives; d < directives + DIRECTIVE_COUNT; d++) {
		struct bytes text;

		if (!directive_is_for(d, role))
			continue;
		text = statements_of(c, d, form_for(d, role), &scratch);
		if (text.len > 0)
			put_block_change(out, &open, d->block);
		put_bytes(out, text);
		out->has_failed |= scratch.has_failed;
	}
	put_block_change(out, &open, "");
	buf_done_secret(&scratch);
}

void
config_put_text(const struct config *c, bool is_all, struct buf *out)
{
	struct config *initial = config_new();
	const char *open = "";
	struct buf mine, theirs;

	config_complete(initial);
	buf_init(&mine, out->max);
	buf_init(&theirs, out->max);
	for (const struct directive *d = directives; d < directives + DIRECTIVE_COUNT; d++) {
		struct bytes text = statements_of(c, d, CONFIG_FORM_SHOWN, &mine);

		if (text.len == 0 || (!is_all && bytes_equal(text, statements_of(initial, d, CONFIG_FORM_SHOWN, &theirs))))
			continue;
		put_block_change(out, &open, d->block);
		put_bytes(out, text);
		out->has_failed |= mine.has_failed;
	}
	put_block_change(out, &open, "");
	buf_done(&mine);
	buf_done(&theirs);
	config_free(&initial);
}

const char *
config_needs_restart(const struct config *now, const struct config *next)
{
	const char *name = NULL;
	struct buf before, after;

	buf_init(&before, CONFIG_FILE_MAX);
	buf_init(&after, CONFIG_FILE_MAX);
	for (const struct directive *d = directives; !name && d < directives + DIRECTIVE_COUNT; d++)
		if (!d->is_reloadable && !bytes_equal(statements_of(now, d, CONFIG_FORM_SHOWN, &before),
			statements_of(next, d, CONFIG_FORM_SHOWN, &after)))
			name = d->name;
	buf_done(&before);
	buf_done(&after);
	return name;
}

int
config_read_slice(struct bytes text, struct config **out, struct fault *f)
{
	struct config *c = config_new();
	struct arena *tree = arena_new("config.slice", (size_t)64 * 1024 * 1024, ARENA_SECRET);
	struct config_errors *errors = NEW(struct config_errors);
	struct config_reading r = { .config = c, .errors = errors, .is_slice = true };
	struct config_node *first;
	int result = config_tree_read(text, "slice", tree, &first, errors);

	config_apply(&r, first);
	if (errors->count > 0) {
		config_free(&c);
		result = fault_set(f, FAULT_PERM, "%u:%u: %.150s", errors->at[0].line, errors->at[0].column,
			errors->at[0].text);
	} else {
		config_complete(c);
		*out = c;
	}
	memory_free(errors);
	arena_free(&tree);
	return result;
}
