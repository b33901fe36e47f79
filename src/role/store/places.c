#include "role/store/places.h"

#include "role/store/offline.h"

#include <errno.h>
#include <string.h>

/* Of one account. */
struct places {
	struct places *next;
	struct map *names; /* by guid; owned, each with a NUL */
	struct fault trouble; /* with a folder that could not be looked at */
	char path[];
};

struct walk {
	struct places *places;
	const struct way *account;
};

static void
put_name(struct places *p, struct bytes guid, struct bytes name)
{
	char *copy = memory_new(name.len + 1);

	memcpy(copy, name.ptr, name.len);
	memory_free(map_put(p->names, guid, copy));
}

static void
look(struct walk *w, struct bytes name)
{
	uint8_t guid[RECORD_GUID_OCTETS];
	struct fault why;

	if (offline_guid(w->account, name, guid, &why) != 0) {
		if (why.kind != FAULT_PERM)
			w->places->trouble = why;
		return;
	}
	if (!map_get(w->places->names, bytes_of(guid, sizeof guid)))
		put_name(w->places, bytes_of(guid, sizeof guid), name);
}

static bool
look_into(void *arg, const char *text, unsigned char type)
{
	struct bytes name;

	(void)type;
	if (maildir_parse_folder(bytes_text(text), &name))
		look(arg, name);
	return true;
}

static struct places *
find(struct places *p, const char *path)
{
	while (p && strcmp(p->path, path) != 0)
		p = p->next;
	return p;
}

void
places_note(struct places *list, const char *path, struct bytes guid, struct bytes name)
{
	struct places *p = find(list, path);

	if (p)
		put_name(p, guid, name);
}

/* NULL and *f. */
static const struct places *
places_of(struct places **list, const char *path, const struct way *account, struct fault *f)
{
	size_t size = strlen(path) + 1;
	struct places *p = find(*list, path);
	struct walk w = { .account = account };

	if (p)
		return p;
	p = w.places = memory_new(sizeof *p + size);
	p->names = map_new();
	memcpy(p->path, path, size);
	p->next = *list;
	*list = p;
	look(&w, BYTES("INBOX"));
	if (disk->list(account->directory, ".", look_into, &w) == 0)
		return p;
	(void)fault_errno(f, errno, "list folders");
	return NULL;
}

/* Is the mailbox there now?  False, too, when that can't be told: *f then is not FAULT_PERM. */
static bool
is_there(const struct way *account, struct bytes name, struct bytes guid, struct fault *f)
{
	uint8_t found[RECORD_GUID_OCTETS];

	if (offline_guid(account, name, found, f) != 0)
		return false;
	f->kind = FAULT_PERM;
	return bytes_equal(bytes_of(found, sizeof found), guid);
}

int
places_find(struct places **list, const char *path, const struct way *account, struct bytes guid, struct bytes recorded, struct bytes *name,
	struct fault *f)
{
	const struct places *p;
	const char *place;
	struct fault why;

	*name = recorded;
	if (is_there(account, recorded, guid, &why))
		return 0;
	if (why.kind != FAULT_PERM) {
		*f = why;
		return -1;
	}
	p = places_of(list, path, account, f);
	if (!p)
		return -1;
	place = map_get(p->names, guid);
	if (place && is_there(account, bytes_text(place), guid, &why)) {
		*name = bytes_text(place);
		return 0;
	}
	if (!p->trouble.kind)
		return 0;
	*f = p->trouble;
	return -1;
}

void
places_free(struct places **list)
{
	struct places *p;

	while ((p = *list)) {
		struct bytes guid;
		size_t at = 0;
		void *name;

		*list = p->next;
		while (map_next(p->names, &at, &guid, &name))
			memory_free(name);
		map_free(&p->names);
		memory_free(p);
	}
}
