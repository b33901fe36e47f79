#include "role/store/withheld.h"

#include <string.h>

struct withheld {
	struct withheld *next;
	uint8_t target[RECORD_GUID_OCTETS], source[RECORD_GUID_OCTETS];
	size_t path_len, base_len;
	char text[]; /* path, base */
};

static bool
is_in(const struct withheld *w, const char *path)
{
	return bytes_equal(bytes_of(w->text, w->path_len), bytes_text(path));
}

void
withheld_add(struct withheld **list, const char *path, struct bytes target_guid, const struct record *copy)
{
	size_t path_len = strlen(path);
	struct withheld *w;

	if (copy->source_guid.len != sizeof w->source)
		return;
	w = memory_new(sizeof *w + path_len + copy->source_base.len);
	w->next = *list;
	memcpy(w->target, target_guid.ptr, sizeof w->target);
	memcpy(w->source, copy->source_guid.ptr, sizeof w->source);
	w->path_len = path_len;
	w->base_len = copy->source_base.len;
	memcpy(w->text, path, path_len);
	memcpy(w->text + path_len, copy->source_base.ptr, copy->source_base.len);
	*list = w;
}

void
withheld_forget(struct withheld **list, const char *path, struct bytes target_guid)
{
	while (*list) {
		struct withheld *w = *list;

		if (!is_in(w, path) || !bytes_equal(bytes_of(w->target, sizeof w->target), target_guid)) {
			list = &w->next;
			continue;
		}
		*list = w->next;
		memory_free(w);
	}
}

void
withheld_keep(const struct withheld *list, struct offline *m)
{
	for (const struct withheld *w = list; w; w = w->next) {
		struct offline_message *o;

		if (!is_in(w, m->path) || memcmp(w->source, m->guid, sizeof w->source) != 0)
			continue;
		o = offline_find_base(m, bytes_of(w->text + w->path_len, w->base_len));
		if (o && o->has_file)
			o->is_expunged = false;
	}
}

void
withheld_free(struct withheld **list)
{
	struct withheld *w;

	while ((w = *list)) {
		*list = w->next;
		memory_free(w);
	}
}
