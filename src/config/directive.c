#include "config/directive.h"

#include "config/config.h"

#define FOR_SUPERVISOR (1u << ROLE_SUPERVISOR)
#define FOR_FRONT (1u << ROLE_FRONT)
#define FOR_DIRECTORY (1u << ROLE_DIRECTORY)
#define FOR_STORE (1u << ROLE_STORE)
#define FOR_RESOLVER (1u << ROLE_RESOLVER)
#define FOR_QUEUE (1u << ROLE_QUEUE)
#define FOR_RELAY (1u << ROLE_RELAY)
#define FOR_ALL (FOR_SUPERVISOR | FOR_FRONT | FOR_DIRECTORY | FOR_STORE | FOR_RESOLVER | FOR_QUEUE | FOR_RELAY)

enum { RESTART, RELOAD };

const struct directive directives[DIRECTIVE_COUNT] = {
#define DIRECTIVE(block, name, kind, member, initial, least, most, syntax, reload, roles, rfc, sentence) \
	{ block, name, kind, offsetof(struct config, member), sizeof(((struct config *)NULL)->member),  \
		initial, least, most, syntax, (reload) == RELOAD, roles, rfc, sentence },
#include "config/directives.def"
#undef DIRECTIVE
};

struct bytes
directive_first_word(const char *name)
{
	struct bytes rest = bytes_text(name);

	return take_until(&rest, ' ');
}

struct bytes
directive_second_word(const char *name)
{
	struct bytes rest = bytes_text(name);

	(void)take_until(&rest, ' ');
	return rest;
}

const struct directive *
directive_find(struct bytes block, struct bytes word, struct bytes which, bool *needs_which)
{
	*needs_which = false;
	for (const struct directive *d = directives; d < directives + DIRECTIVE_COUNT; d++) {
		struct bytes second = directive_second_word(d->name);

		if (!bytes_equal(bytes_text(d->block), block) || !bytes_equal(directive_first_word(d->name), word))
			continue;
		if (second.len == 0 || bytes_equal(second, which))
			return d;
		*needs_which = true;
	}
	return NULL;
}

bool
directive_is_block(struct bytes block)
{
	for (const struct directive *d = directives; d < directives + DIRECTIVE_COUNT; d++)
		if (d->block[0] && bytes_equal(bytes_text(d->block), block))
			return true;
	return false;
}

bool
directive_begins_block(struct bytes word)
{
	for (const struct directive *d = directives; d < directives + DIRECTIVE_COUNT; d++)
		if (d->block[0] && bytes_equal(directive_first_word(d->block), word))
			return true;
	return false;
}

bool
directive_is_for(const struct directive *d, enum role role)
{
	return (d->roles & (1u << role)) != 0;
}
