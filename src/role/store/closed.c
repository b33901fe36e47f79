#include "role/store/closed.h"

#include "role/store/failure.h"

#include <string.h>

/* All fitted into the arena before. */
void
closed_shrink(struct offline *m)
{
	struct arena *all = m->arena;
	struct bytes path;
	size_t count = 0;

	m->arena = arena_new("recovery", SIZE_MAX, ARENA_PLAIN);
	for (size_t i = 0; i < m->count; i++) {
		const struct offline_message *x = m->messages[i];
		struct offline_message *copy = x->is_expunged ? arena_take(m->arena, sizeof *copy) : NULL;

		if (!copy)
			continue;
		*copy = (struct offline_message){ .mailbox = m, .uid = x->uid, .has_file = x->has_file, .is_expunged = true, .state = x->state };
		if (arena_copy(m->arena, x->base, &copy->base))
			m->messages[count++] = copy;
	}
	m->count = m->room = count;
	m->messages = memory_resize(m->messages, count, sizeof(struct offline_message *));
	if (arena_copy(m->arena, bytes_of(m->path, strlen(m->path) + 1), &path))
		m->path = (const char *)path.ptr;
	arena_free(&all);
	listing_done(&m->files);
	map_free(&m->by_base);
	disk_close(&m->directory);
	disk_close(&m->account.directory);
	m->is_closed = true;
}

static bool
is_same(const struct offline *a, const struct offline *b)
{
	return strcmp(a->path, b->path) == 0 && memcmp(a->guid, b->guid, sizeof a->guid) == 0;
}

void
closed_open_again(struct offline **list, struct offline *m)
{
	struct offline *was;

	while (*list && !((*list)->is_closed && is_same(*list, m)))
		list = &(*list)->next;
	was = *list;
	if (!was)
		return;
	for (size_t i = 0; i < was->count; i++) {
		struct offline_message *o = offline_find_base(m, was->messages[i]->base);

		if (o)
			o->is_expunged = true;
	}
	*list = was->next;
	offline_drop(&was);
}

/* Somebody may have put another in its place since. */
int
closed_remove_expunged(const struct engine *e, struct offline *m, struct fault *f)
{
	struct fault why = { 0 };
	int result;

	if (way_open(e->mailboxes, m->path, false, &m->account, &why) == 0)
		m->directory = way_open_folder(&m->account, bytes_text(m->name), &why);
	if (m->directory < 0) {
		(void)failure_report_fault(m->path, &why);
		return why.kind == FAULT_DENIED ? 0 : fault_set(f, why.kind, "%s", why.text);
	}
	result = offline_remove_expunged(m, f);
	disk_close(&m->directory);
	disk_close(&m->account.directory);
	return result;
}
