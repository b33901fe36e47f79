/* What the files were like that a configuration was read from. */
#include "config/apply.h"

#include "sys/disk.h"

#include <stdio.h>

enum { PATH_OCTETS_MAX = 4096 };

/* Another number for another file in its place, and for the same with other contents. */
static uint64_t
stamp_of(const struct stat *st)
{
	const uint64_t parts[] = { st->st_dev, st->st_ino, (uint64_t)st->st_size, (uint64_t)st->st_mtim.tv_sec, (uint64_t)st->st_mtim.tv_nsec,
		(uint64_t)st->st_ctim.tv_sec, (uint64_t)st->st_ctim.tv_nsec };
	uint64_t stamp = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		stamp = (stamp ^ parts[i]) * UINT64_C(1099511628211);
	return stamp;
}

bool
config_keep_seen(struct config_reading *r, const struct config_place *at, const char *path, const struct stat *st, bool has_aliases)
{
	struct config *c = r->config;
	struct config_seen seen = { .stamp = stamp_of(st), .has_aliases = has_aliases };
	struct config_seen *list = arena_grow(c->arena, c->seen, c->seen_count, sizeof *list);

	if (!list || !arena_copy(c->arena, bytes_text(path), &seen.path))
		return kind_full(r, at);
	list[c->seen_count++] = seen;
	c->seen = list;
	return true;
}

/* 0: it is not there. */
static uint64_t
stamp_now(struct bytes path)
{
	char name[PATH_OCTETS_MAX];
	struct stat st;

	(void)snprintf(name, sizeof name, "%.*s", BYTES_ARG(path));
	return disk->fstatat(AT_FDCWD, name, &st, 0) == 0 ? stamp_of(&st) : 0;
}

/* *state: another number for each state of all of them. */
static const struct config_seen *
changed_aliases(const struct config *c, uint64_t *state)
{
	const struct config_seen *changed = NULL;

	*state = 0;
	for (size_t i = 0; i < c->seen_count; i++) {
		uint64_t stamp = stamp_now(c->seen[i].path);

		*state = (*state ^ stamp) * UINT64_C(1099511628211);
		if (stamp == c->seen[i].stamp)
			continue;
		if (!c->seen[i].has_aliases)
			return NULL;
		changed = &c->seen[i];
	}
	return changed;
}

const struct config_seen *
config_look_at_aliases(const struct config *c, struct config_look *look)
{
	uint64_t state, last = look->last;
	const struct config_seen *changed = changed_aliases(c, &state);

	look->last = state;
	if (!changed || state != last || state == look->taken)
		return NULL;
	look->taken = state;
	return changed;
}
