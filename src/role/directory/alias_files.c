#include "role/directory/alias_files.h"

#include "config/aliases.h"

enum { ARENA_MAX = 64 * 1024 * 1024 };

/* It was read before, without trouble. */
static void
on_trouble(void *arg, uint32_t line, uint32_t column, const char *sentence)
{
	const struct bytes *file = arg;

	(void)column;
	event(NULL, EV_DIRECTORY_ROW, TEXT("file", *file), INT("line", line), STR("reason", sentence));
}

static void
put(struct accounts *a, const struct aliases_entry *entry)
{
	struct bytes targets[ALIASES_TARGETS_MAX];

	for (size_t i = 0; i < entry->target_count; i++)
		targets[i] = entry->targets[i].text;
	accounts_put_alias(a, &(struct alias_record){ .address = entry->name.text, .targets = targets, .target_count = entry->target_count,
		.rank = ALIAS_LISTED });
}

void
alias_files_put(struct accounts *a, const struct config *config)
{
	struct arena *arena = arena_new("alias files", ARENA_MAX, ARENA_PLAIN);

	for (size_t i = 0; i < config->aliases_count; i++) {
		struct config_aliases *of = &config->aliases[i];
		struct aliases_entry entry;
		struct aliases reader;

		aliases_begin(&reader, of->text, arena, on_trouble, &of->file);
		while (aliases_next(&reader, &entry)) {
			put(a, &entry);
			arena_reset(arena);
		}
	}
	arena_free(&arena);
}
