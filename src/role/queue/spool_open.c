/* What is found at the start, and how it is brought into order.  The states and the invariants stand at the head of spool.c. */
#include "role/queue/spool_internal.h"

#include "base/event.h"
#include "role/roles.h"
#include "sys/disk.h"

#include <errno.h>
#include <string.h>

#define RECORD_OCTETS_MAX (SPOOL_ENTRY_MAX + SPOOL_BODY_JOURNALED_MAX)

/* ---- what was found: millions, so that a key of its own for each would cost as much as the message */

static uint64_t
key_of(struct bytes id)
{
	uint64_t hash = map_hash(id);

	return hash ? hash : 1;
}

static struct queued *
find(const struct spool *s, struct bytes id)
{
	struct queued *m = map_get_number(s->found, key_of(id));

	while (m && !bytes_equal(bytes_of(m->id.text, MAIL_ID_LEN), id))
		m = LIST_NEXT(m, link);
	return m;
}

static void
forget_found(struct spool *s, struct bytes id)
{
	struct queued *m = find(s, id), *first = map_get_number(s->found, key_of(id));
	struct queued *next = m ? LIST_NEXT(m, link) : NULL;

	if (!m)
		return;
	if (m != first)
		LIST_REMOVE(m, link);
	else if (next)
		(void)map_put_number(s->found, key_of(id), next);
	else
		(void)map_remove_number(s->found, key_of(id));
	queued_free(&m);
}

static void
keep_found(struct spool *s, struct queued *m)
{
	struct bytes id = bytes_of(m->id.text, MAIL_ID_LEN);
	struct queued *others;

	forget_found(s, id);
	others = map_put_number(s->found, key_of(id), m);
	LIST_NEXT(m, link) = others;
	if (others)
		others->link.le_prev = &LIST_NEXT(m, link);
}

void
spool_put_found(const struct spool *s, struct buf *out)
{
	struct buf record;
	struct bytes key;
	void *value;

	buf_init(&record, SPOOL_ENTRY_MAX);
	for (size_t at = 0; map_next(s->found, &at, &key, &value);)
		for (const struct queued *m = value; m; m = LIST_NEXT(m, link)) {
			buf_reset(&record);
			spool_put_record(&record, SPOOL_PUT, &m->id, m);
			spool_put_entry(out, buf_bytes(&record));
		}
	buf_done(&record);
}

/* Most of a million heard what others heard. */
static void
pool_replies(struct spool *s, struct queued *m)
{
	for (uint16_t i = 0; i < m->count; i++) {
		const struct reply *r = m->at[i].reply;
		uint64_t key = key_of(r ? bytes_of(r->octets, (size_t)r->len + r->way_len + r->server_len) : BYTES_NONE);
		struct reply *heard = map_get_number(s->heard, key), *before = heard;

		delivery_pool_reply(&m->at[i], &heard);
		if (heard != before)
			(void)map_put_number(s->heard, key, heard);
	}
}

static void
forget_heard(struct spool *s)
{
	struct bytes key;
	void *value;

	for (size_t at = 0; map_next(s->heard, &at, &key, &value);) {
		struct reply *heard = value;

		reply_let_go(&heard);
	}
	map_free(&s->heard);
}

bool
spool_note(struct spool *s, const struct spool_record *r)
{
	struct queued *m;

	if (r->kind == SPOOL_REMOVE) {
		forget_found(s, bytes_of(r->id.text, MAIL_ID_LEN));
		return true;
	}
	m = queued_take(r->image);
	if (!m || memcmp(m->id.text, r->id.text, MAIL_ID_LEN) != 0) {
		queued_free(&m);
		return false;
	}
	pool_replies(s, m);
	keep_found(s, m);
	return true;
}

static int
replay(void *arg, struct bytes record, struct fault *f)
{
	struct spool *s = arg;
	struct spool_record r;
	struct buf entry;
	int result;

	if (!spool_take_record(record, &r) || !spool_note(s, &r))
		return fault_set(f, FAULT_PERM, "a record of the queue's journal makes no sense");
	if (r.kind == SPOOL_REMOVE)
		spool_unlink_body(s, &r.id);
	else if (r.body.len && spool_write_body(s, &r.id, r.body) != 0)
		return fault_errno(f, errno, "write %s", r.id.text);
	buf_init(&entry, SPOOL_ENTRY_MAX + SPOOL_ENTRY_HEAD);
	spool_put_entry(&entry, bytes_sub(record, 0, record.len - r.body.len));
	result = spool_write_envelopes(s, buf_bytes(&entry));
	buf_done(&entry);
	return result == 0 ? 0 : fault_errno(f, errno, "write envelopes");
}

/* Q3 */
static int
settle(void *arg, struct fault *f)
{
	struct spool *s = arg;

	if (atomic_load(&s->is_broken))
		return fault_set(f, FAULT_TEMP, "envelopes could not be written");
	return disk->syncfs(s->directory) == 0 ? 0 : fault_errno(f, errno, "sync the queue");
}

struct sweep {
	struct spool *spool;
	int at, lost; /* lost: -1, or where to move what has no envelope */
	bool has_failed;
};

/* 0, or -1 and errno. */
static int
put_aside(const struct sweep *w, const char *text)
{
	struct bytes name = bytes_text(text);

	if (w->lost < 0) {
		if (disk->unlinkat(w->at, text, 0) != 0)
			return -1;
		event(NULL, EV_QUEUE_SWEPT, TEXT("mail", name));
		return 0;
	}
	if (disk->renameat(w->at, text, w->lost, text, 0) != 0)
		return -1;
	event(NULL, EV_QUEUE_LOST, TEXT("mail", name));
	return 0;
}

static bool
sweep_one(void *arg, const char *text, unsigned char type)
{
	struct sweep *w = arg;

	(void)type;
	if (find(w->spool, bytes_text(text)) || put_aside(w, text) == 0)
		return true;
	event(NULL, EV_QUEUE_FAILED, STR("what", "sweep"), TEXT("mail", bytes_text(text)), INT("error", errno));
	w->has_failed = true;
	return true;
}

/* lost: see struct sweep.  *is_whole: everything could be put aside. */
static int
sweep(struct spool *s, int lost, bool *is_whole, struct fault *f)
{
	for (const char *c = MAIL_ID_ALPHABET; *c; c++) {
		const char directory[2] = { *c, '\0' };
		struct sweep w = { s, disk->openat(s->messages, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), lost, false };
		int result = w.at < 0 ? -1 : disk->list(w.at, ".", sweep_one, &w), error = errno;

		disk_close(&w.at);
		if (result != 0)
			return fault_errno(f, error, "list messages/%s", directory);
		*is_whole &= !w.has_failed;
	}
	return 0;
}

static bool
is_marked(const struct spool *s)
{
	struct stat st;

	return disk->fstatat(s->directory, SPOOL_MARK, &st, 0) == 0;
}

/* Q6 */
static int
keep_lost(struct spool *s, struct fault *f)
{
	bool is_whole = true;
	int lost, result;

	if (disk->mkdirat(s->directory, "lost", 0700) != 0 && errno != EEXIST)
		return fault_errno(f, errno, "make lost");
	lost = disk->openat(s->directory, "lost", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (lost < 0)
		return fault_errno(f, errno, "open lost");
	result = sweep(s, lost, &is_whole, f);
	disk_close(&lost);
	if (result != 0 || !is_whole)
		return result;
	if (disk->syncfs(s->directory) != 0 || (disk->unlinkat(s->directory, SPOOL_MARK, 0) != 0 && errno != ENOENT))
		return fault_errno(f, errno, "keep what is lost");
	return 0;
}

/* The way to the journal and to the bodies has to be there, whatever they hold: also when a start that ended before this made it. */
static int
make_directories(struct spool *s, struct fault *f)
{
	for (const char *c = MAIL_ID_ALPHABET; *c; c++) {
		const char directory[2] = { *c, '\0' };

		if (disk->mkdirat(s->messages, directory, 0700) != 0 && errno != EEXIST)
			return fault_errno(f, errno, "make messages/%s", directory);
	}
	return disk->syncfs(s->directory) == 0 ? 0 : fault_errno(f, errno, "sync the queue's directories");
}

static int
open_directory(const struct spool *s, const char *below, int *out, struct fault *f)
{
	struct buf path;
	int result;

	buf_init(&path, 4096);
	put_text(&path, s->settings.directory);
	put_text(&path, below);
	put_char(&path, '\0');
	result = path.has_failed ? fault_set(f, FAULT_PERM, "the queue's path is too long")
				 : disk_make_path((const char *)path.ptr, 0700, f);
	if (result == 0) {
		*out = disk->openat(AT_FDCWD, (const char *)path.ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
		if (*out < 0)
			result = fault_errno(f, errno, "open %s%s", s->settings.directory, below);
	}
	buf_done(&path);
	return result;
}

static int
open_all(struct spool *s, struct fault *f)
{
	const struct journal_limits limits = {
		.segment_octets = ROLES_QUEUE_SEGMENT_OCTETS,
		.octets_max = s->settings.journal_octets_max,
		.record_octets_max = RECORD_OCTETS_MAX,
	};
	const struct journal_owner owner = { .replay = replay, .settle = settle, .arg = s };
	struct journal_report report = { 0 };
	bool has_damage, is_whole = true;

	if (open_directory(s, "", &s->directory, f) != 0 || open_directory(s, "/messages", &s->messages, f) != 0
		|| open_directory(s, "/journal", &s->journal_directory, f) != 0 || make_directories(s, f) != 0
		|| spool_read_envelopes(s, f) != 0
		|| journal_open(s->journal_directory, &limits, &owner, &s->journal, &report, f) != 0)
		return -1;
	has_damage = report.damaged_records || report.missing_segments;
	if (has_damage)
		event(NULL, EV_QUEUE_DAMAGED, INT("records", report.damaged_records), INT("segments", report.missing_segments));
	s->log_octets = s->envelopes_octets;
	return has_damage || is_marked(s) ? keep_lost(s, f) : sweep(s, -1, &is_whole, f);
}

static void
hand_out(struct spool *s, void (*each)(void *arg, struct queued *m))
{
	struct bytes key;
	void *value;

	for (size_t at = 0; map_next(s->found, &at, &key, &value);)
		for (struct queued *m = value, *next; m; m = next) {
			next = LIST_NEXT(m, link);
			if (each)
				each(s->settings.arg, m);
			else
				queued_free(&m);
		}
	map_free(&s->found);
	forget_heard(s);
}

void
spool_give_back(struct spool *s)
{
	disk_close(&s->envelopes);
	disk_close(&s->journal_directory);
	disk_close(&s->messages);
	disk_close(&s->directory);
	(void)pthread_mutex_destroy(&s->lock);
	(void)pthread_cond_destroy(&s->idle);
	memory_free(s);
}

int
spool_open(const struct spool_settings *settings, void (*each)(void *arg, struct queued *m), struct spool **out,
	struct fault *f)
{
	struct spool *s = NEW(struct spool);

	s->settings = *settings;
	s->directory = s->messages = s->journal_directory = s->envelopes = -1;
	s->found = map_new();
	s->heard = map_new();
	s->came_last = &s->came_first;
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_cond_init(&s->idle, NULL);
	if (open_all(s, f) != 0) {
		hand_out(s, NULL);
		if (s->journal)
			journal_close(&s->journal);
		spool_give_back(s);
		return -1;
	}
	s->pool = pool_new(settings->threads ? settings->threads : 1);
	hand_out(s, each);
	*out = s;
	return 0;
}
