#include "role/store/folders.h"

#include "role/store/failure.h"
#include "role/store/files.h"
#include "role/store/handlers.h"
#include "role/store/subscriptions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME_OCTETS = 60000 };

struct walk {
	void (*each)(void *arg, struct bytes name);
	void *arg;
	struct engine_account *account;
};

static bool
take_directory(void *arg, const char *text, unsigned char type)
{
	struct walk *w = arg;
	struct bytes name;

	if (bytes_starts(bytes_text(text), BYTES(FOLDERS_DELETED_PREFIX)))
		folders_remove_tree(w->account->way.directory, text);
	if ((type == DT_DIR || type == DT_LNK || type == DT_UNKNOWN)
		&& maildir_parse_folder(bytes_text(text), &name))
		w->each(w->arg, name);
	return true;
}

int
folders_each(struct engine_account *a, void (*each)(void *arg, struct bytes name), void *arg)
{
	struct walk w = { each, arg, a };

	return disk->list(a->way.directory, ".", take_directory, &w);
}

void
folders_subscriptions(struct engine_account *a, struct subscriptions *s)
{
	int fd = files_open(a->way.directory, SUBSCRIPTIONS_FILE, O_RDONLY);
	struct stat st;
	struct buf text;
	uint8_t *to = NULL;

	buf_init(&text, SUBSCRIPTIONS_OCTETS_MAX);
	if (fd >= 0 && disk->fstat(fd, &st) == 0 && st.st_size > 0)
		to = buf_room(&text, (size_t)st.st_size);
	if (to && disk_read_all(fd, to, (size_t)st.st_size, 0) == 0)
		buf_added(&text, (size_t)st.st_size);
	subscriptions_parse(buf_bytes(&text), s);
	buf_done(&text);
	disk_close(&fd);
}

bool
folders_subscribe(struct engine_account *a, const struct subscriptions *s)
{
	struct buf text;
	struct fault f;
	bool is_done;

	buf_init(&text, SUBSCRIPTIONS_OCTETS_MAX);
	subscriptions_put(&text, s);
	is_done = !text.has_failed
		&& disk_replace_file(a->way.directory, SUBSCRIPTIONS_FILE, buf_bytes(&text), 0600, &f) == 0;
	if (!is_done)
		(void)failure_report_fault(a->path, &f);
	buf_done(&text);
	return is_done;
}

/* Folders by name; a folder's attributes + 1 are the map's value, so that none is NULL. */
struct tree {
	struct map *map;
	struct bytes *names; /* copies of the map's keys, sorted */
	size_t count;
};

static unsigned int
attributes_of(const struct tree *t, struct bytes name, bool *is_there)
{
	uintptr_t value = (uintptr_t)map_get(t->map, name);

	*is_there = value != 0;
	return value ? (unsigned int)value - 1 : 0;
}

static void
set_attributes(struct tree *t, struct bytes name, unsigned int attributes)
{
	(void)map_put(t->map, name, (void *)(uintptr_t)(attributes + 1));
}

/* What is above a folder is there in name at least, and has children. */
static void
mark_parents(struct tree *t, struct bytes name)
{
	size_t end;

	while ((end = bytes_find_last_char(name, '.')) < name.len) {
		bool is_there;
		unsigned int attributes;

		name = bytes_sub(name, 0, end);
		attributes = attributes_of(t, name, &is_there);
		set_attributes(t, name, (is_there ? attributes : FOLDER_NO_SELECT) | FOLDER_HAS_CHILDREN);
	}
}

static void
add_folder(void *arg, struct bytes name)
{
	struct tree *t = arg;
	bool is_there;
	unsigned int attributes = attributes_of(t, name, &is_there);

	set_attributes(t, name, attributes & ~(unsigned int)FOLDER_NO_SELECT);
	mark_parents(t, name);
}

static void
add_subscribed(struct tree *t, const struct subscriptions *s)
{
	struct bytes in = buf_bytes(&s->names);

	while (in.len) {
		struct bytes name = take_until(&in, '\n');
		bool is_there;
		unsigned int attributes = attributes_of(t, name, &is_there);

		set_attributes(t, name, (is_there ? attributes : FOLDER_NONEXISTENT) | FOLDER_SUBSCRIBED);
	}
}

static int
by_name(const void *a, const void *b)
{
	return bytes_compare(*(const struct bytes *)a, *(const struct bytes *)b);
}

static void
sort(struct tree *t)
{
	size_t at = 0;
	struct bytes name;
	void *value;

	t->names = memory_new_array(map_count(t->map) + 1, sizeof *t->names);
	while (map_next(t->map, &at, &name, &value))
		t->names[t->count++] = name;
	qsort(t->names, t->count, sizeof *t->names, by_name);
}

/* As many entries as fit, from the one that the front asks for. */
static void
send_tree(struct request *r, const struct tree *t)
{
	struct message reply = request_reply(r, IPC_OK);
	struct buf entries;
	bool is_there;
	size_t i;

	buf_init(&entries, FRAME_OCTETS + MAILDIR_NAME_MAX + 16);
	for (i = r->m.u.list.from; i < t->count && entries.len < FRAME_OCTETS; i++) {
		put_u8(&entries, (uint8_t)attributes_of(t, t->names[i], &is_there));
		put_u16(&entries, (uint16_t)t->names[i].len);
		put_bytes(&entries, t->names[i]);
	}
	reply.u.listed.has_more = i < t->count;
	reply.u.listed.entries = buf_bytes(&entries);
	request_send(r, &reply);
	buf_done(&entries);
}

void
handle_list(struct request *r)
{
	struct tree t = { .map = map_new() };
	struct subscriptions s;
	enum ipc_outcome outcome;

	if (account_open(r->account, true, &outcome) != 0) {
		map_free(&t.map);
		request_answer(r, outcome);
		return;
	}
	folders_subscriptions(r->account, &s);
	add_folder(&t, BYTES("INBOX"));
	if (folders_each(r->account, add_folder, &t) != 0) {
		outcome = failure_report("list folders", r->account->path, errno);
		request_answer(r, outcome);
	} else {
		add_subscribed(&t, &s);
		sort(&t);
		send_tree(r, &t);
		request_done(r);
	}
	subscriptions_done(&s);
	memory_free(t.names);
	map_free(&t.map);
}
