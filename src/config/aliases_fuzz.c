#include "config/aliases.h"

#include <assert.h>

enum { ARENA_MAX = 1 << 22 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t troubles;

static void
on_trouble(void *arg, uint32_t line, uint32_t column, const char *sentence)
{
	(void)arg;
	assert(line > 0 && column > 0 && sentence[0]);
	troubles++;
}

static void
put(const struct aliases_entry *entry, struct buf *out)
{
	assert(entry->target_count <= ALIASES_TARGETS_MAX);
	aliases_put_name(out, entry->name.text);
	for (size_t i = 0; i < entry->target_count; i++) {
		assert(entry->targets[i].text.len > 0 && entry->targets[i].text.len <= ALIASES_WORD_MAX);
		aliases_put_target(out, entry->targets[i].text, i == 0);
	}
	aliases_put_end(out);
}

static void
print(struct bytes text, struct buf *out)
{
	struct arena *arena = arena_new("fuzz", ARENA_MAX, ARENA_PLAIN);
	struct aliases_entry entry;
	struct aliases reader;

	aliases_begin(&reader, text, arena, on_trouble, NULL);
	while (aliases_next(&reader, &entry))
		put(&entry, out);
	arena_free(&arena);
}

/* What was printed reads back without trouble, as the same. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new("fuzz", ARENA_MAX, ARENA_PLAIN);
	struct aliases_entry list;
	struct aliases reader;
	struct buf first, second;

	buf_init(&first, 1 << 22);
	buf_init(&second, 1 << 22);
	print(bytes_of(data, size), &first);
	troubles = 0;
	print(buf_bytes(&first), &second);
	assert(troubles == 0 && bytes_equal(buf_bytes(&first), buf_bytes(&second)));
	buf_done(&first);
	buf_done(&second);
	aliases_begin(&reader, bytes_of(data, size), arena, on_trouble, NULL);
	aliases_read_list(&reader, &list);
	assert(list.target_count <= ALIASES_TARGETS_MAX && reader.rest.len == 0);
	arena_free(&arena);
	return 0;
}
