#include "role/store/group.h"

#include "base/memory.h"

#define OCTETS_MAX ((size_t)1 << 31)

struct group {
	struct group *next;
	uint64_t number;
	uint32_t count;
	struct buf entries;
};

/* Where the group of that number is linked, or the end of the list. */
static struct group **
find(struct group **list, uint64_t number)
{
	while (*list && (*list)->number != number)
		list = &(*list)->next;
	return list;
}

static void
begin(struct group **list, uint64_t number)
{
	struct group *g = NEW(struct group);

	g->number = number;
	buf_init(&g->entries, OCTETS_MAX);
	g->next = *list;
	*list = g;
}

static void
take_out(struct group **at, struct buf *entries)
{
	struct group *was = *at;

	*at = was->next;
	*entries = was->entries;
	memory_free(was);
}

bool
group_add(struct group **list, const struct record *part, struct bytes entries, struct buf *whole)
{
	struct group **at;
	bool is_missing;

	if (part->index == 0)
		begin(list, part->group);
	at = find(list, part->group);
	if (!*at)
		return false;
	is_missing = (*at)->count++ != part->index;
	put_bytes(&(*at)->entries, entries);
	if (!is_missing && !part->is_last)
		return false;
	take_out(at, whole);
	if (is_missing)
		buf_done(whole);
	return !is_missing;
}

void
group_free_all(struct group **list)
{
	struct buf entries;

	while (*list) {
		take_out(list, &entries);
		buf_done(&entries);
	}
}
