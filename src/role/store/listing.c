#include "role/store/listing.h"

#include <string.h>

struct walk {
	struct listing *l;
	int directory;
	bool is_in_new;
};

/* Links, fifos and the like are no messages: a link would lead out of the mailbox. */
static bool
is_file(const struct walk *w, const char *name, unsigned char type)
{
	char path[MAILDIR_NAME_MAX + 8];
	struct stat st;
	struct buf out;

	if (type != DT_UNKNOWN)
		return type == DT_REG;
	buf_init_fixed(&out, path, sizeof path);
	put_text(&out, w->is_in_new ? "new/" : "cur/");
	put_text(&out, name);
	put_char(&out, '\0');
	return !out.has_failed && disk->fstatat(w->directory, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

static void
add_entry(struct listing *l, const struct listed *e)
{
	if (l->count == l->room) {
		l->room = l->room ? l->room * 2 : 64;
		l->entries = memory_resize(l->entries, l->room, sizeof *l->entries);
	}
	l->entries[l->count++] = *e;
}

static bool
take_name(void *arg, const char *text, unsigned char type)
{
	struct walk *w = arg;
	struct bytes name = bytes_text(text);
	struct maildir_name parsed;

	if (!is_file(w, text, type) || !maildir_parse_name(name, w->is_in_new, &parsed))
		return true;
	add_entry(w->l, &(struct listed){
				.name_at = w->l->names.len,
				.name_len = (uint32_t)name.len,
				.base_len = (uint32_t)parsed.base.len,
				.state = parsed.state,
				.is_canonical = parsed.is_canonical,
				.is_in_new = w->is_in_new,
			});
	put_bytes(&w->l->names, name);
	return !w->l->names.has_failed;
}

/* new/ first: what moves to cur/ meanwhile is seen in one of them at least. A base that is in both
   counts once, as it stands in cur/. */
int
listing_init(struct listing *l, int directory)
{
	struct walk w = { l, directory, true };

	*l = (struct listing){ .by_base = map_new() };
	buf_init(&l->names, UIDLIST_OCTETS_MAX);
	if (disk->list(directory, "new", take_name, &w) == 0) {
		w.is_in_new = false;
		if (disk->list(directory, "cur", take_name, &w) == 0 && !l->names.has_failed) {
			for (size_t i = 0; i < l->count; i++)
				(void)map_put(l->by_base, listed_base(l, &l->entries[i]), (void *)(i + 1));
			return 0;
		}
	}
	listing_done(l);
	return -1;
}

void
listing_done(struct listing *l)
{
	map_free(&l->by_base);
	buf_done(&l->names);
	memory_free(l->entries);
	*l = (struct listing){ 0 };
}

struct listed *
listing_find(const struct listing *l, struct bytes base)
{
	size_t index = (size_t)map_get(l->by_base, base);

	return index ? &l->entries[index - 1] : NULL;
}

struct bytes
listed_base(const struct listing *l, const struct listed *e)
{
	return bytes_of(l->names.ptr + e->name_at, e->base_len);
}

struct bytes
listed_name(const struct listing *l, const struct listed *e)
{
	return bytes_of(l->names.ptr + e->name_at, e->name_len);
}
