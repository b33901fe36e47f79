/* What lies where, below the spool's directory:

     journal/        records of every change since the last checkpoint (journal/journal.h)
     envelopes       all changes of envelopes, one after the other; the last one of a message counts
     messages/X/ID   bodies; X is the last character of ID
     lost/ID         bodies whose envelope may be lost by a fault of the disk: for the administrator, and never read here
     damaged         there while Q6 is at that

   States of a message:
     arriving    its file may be there; nobody was told that it is safe
     kept        its PUT record is durable (and the file of a large body was synced before): answered with SPOOL_OK
     finished    its REMOVE record is on its way; the file goes when it is durable

   The guarantee: a message that was answered with SPOOL_OK is found by every later spool_open, octet for octet, until its
   REMOVE record is durable.

   Q1  SPOOL_OK is said after the PUT record, which holds the envelope and a small body, is durable; of a large body the file and its name
       were synced before the record was written.
   Q2  A body's file is unlinked only when the REMOVE record is durable.
   Q3  A checkpoint ends only when `envelopes` and the files hold what the records say: journal_applied comes behind the writes, and the
       checkpoint syncs the file system.
   Q4  `envelopes` is read to its end; what is torn or damaged is a gap, and costs no entry behind it that begins within 1 MiB.  A gap in what was written
       after the last checkpoint hides nothing: the journal has it.  One before that is a fault of the disk.  We can't tell them
       apart; when there was one `envelopes` is made anew (Q5).
   Q5  `envelopes` is replaced as a whole by one that was synced.
   Q6  A file below messages/ without an envelope is removed at the next start: it arrived, and nobody was told so, or it is finished.  When there was
       a gap, or the journal lost a record, it may have been promised, and is moved to lost/ instead.
   Q7  A message that arrives has a file of its own: an id, which is another role's word, never leads to the file of a message that is there.
   Q8  A change whose record could not be made durable is never told as kept, nor is one behind it: what is in memory is not what the next
       start finds, and only that start puts it right.

   Every start reads `envelopes`, then the journal's records in order, which bring their bodies.  An entry or a record:
   u8 kind, 26 octets id; of a PUT u32 length, image; in the journal the body follows, when the record has one (no body is
   empty).  `envelopes` has u32 length, u32 CRC-32C before each. */
#include "role/queue/spool_internal.h"

#include "base/event.h"
#include "sys/disk.h"

#include <errno.h>

enum { COPY_OCTETS = 65536, SMALL_LOG_OCTETS = 4 << 20 };

/* One piece of work from its call to its end: a file is written, a record made durable, the envelope written, somebody told. */
struct task {
	struct job job;
	struct journal_entry entry;
	struct task *next; /* among those that came back */
	struct spool *spool;
	void (*back)(struct task *t); /* on the spool's thread */
	struct mail_id id;
	struct buf record; /* without the body */
	struct buf body; /* of a large one what stands before the file's */
	int fd; /* the source of a large body; what was opened */
	int error; /* errno */
	bool is_in_journal; /* taken: journal_applied is due */
	bool has_file; /* made by this task */
	void (*added)(void *arg, enum spool_outcome outcome);
	void (*got)(void *arg, int fd, int error);
	void (*read)(void *arg, struct bytes octets, int error);
	size_t most; /* octets to read */
	void *arg;
};

struct spool_name
spool_name(const struct mail_id *id)
{
	struct spool_name name;
	struct buf out;

	buf_init_fixed(&out, name.text, sizeof name.text);
	put_char(&out, (uint8_t)id->text[MAIL_ID_LEN - 1]);
	put_char(&out, '/');
	put_bytes(&out, bytes_of(id->text, MAIL_ID_LEN));
	put_char(&out, '\0');
	return name;
}

/* -1 and errno; the file may be there. */
int
spool_write_body(const struct spool *s, const struct mail_id *id, struct bytes octets)
{
	struct spool_name name = spool_name(id);
	int fd = disk->openat(s->messages, name.text, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), result = -1, error;

	if (fd < 0)
		return -1;
	if (disk_write_all(fd, octets, 0) == 0)
		result = disk->ftruncate(fd, (off_t)octets.len);
	error = errno;
	disk_close(&fd);
	errno = error;
	return result;
}

void
spool_unlink_body(const struct spool *s, const struct mail_id *id)
{
	struct spool_name name = spool_name(id);

	if (disk->unlinkat(s->messages, name.text, 0) != 0 && errno != ENOENT)
		event(NULL, EV_QUEUE_FAILED, STR("what", "remove"), STR("mail", id->text), INT("error", errno));
}

int
spool_write_envelopes(struct spool *s, struct bytes octets)
{
	if (disk_write_all(s->envelopes, octets, (off_t)s->envelopes_octets) != 0)
		return -1;
	s->envelopes_octets += octets.len;
	return 0;
}

/* ---- a task's way */

static struct task *
task_new(struct spool *s, const struct mail_id *id)
{
	struct task *t = NEW(struct task);

	t->spool = s;
	t->id = *id;
	t->fd = -1;
	buf_init(&t->record, SPOOL_ENTRY_MAX);
	buf_init(&t->body, SIZE_MAX);
	pthread_mutex_lock(&s->lock);
	s->under_way++;
	pthread_mutex_unlock(&s->lock);
	return t;
}

static void
task_end(struct task *t)
{
	struct spool *s = t->spool;

	if (t->is_in_journal)
		journal_applied(s->journal, &t->entry);
	disk_close(&t->fd);
	buf_done(&t->record);
	buf_done(&t->body);
	memory_free(t);
	pthread_mutex_lock(&s->lock);
	if (--s->under_way == 0)
		pthread_cond_broadcast(&s->idle);
	pthread_mutex_unlock(&s->lock);
}

static struct task *
task_of_job(struct job *job)
{
	return (void *)((uint8_t *)job - offsetof(struct task, job));
}

/* From any thread. */
static void
come_back(struct task *t)
{
	struct spool *s = t->spool;

	t->next = NULL;
	pthread_mutex_lock(&s->lock);
	*s->came_last = t;
	s->came_last = &t->next;
	pthread_cond_broadcast(&s->idle);
	pthread_mutex_unlock(&s->lock);
	s->settings.wake(s->settings.arg);
}

static void
fail(struct task *t, int error)
{
	t->error = error ? error : EIO;
	come_back(t);
}

static void
is_durable(struct journal_entry *entry, const struct fault *f)
{
	struct task *t = (void *)((uint8_t *)entry - offsetof(struct task, entry));

	if (f)
		fail(t, EIO);
	else
		come_back(t);
}

static void
record(struct task *t)
{
	t->entry.pieces[0] = buf_bytes(&t->record);
	t->entry.pieces[1] = buf_bytes(&t->body);
	t->entry.piece_count = 2;
	t->entry.done = is_durable;
	t->is_in_journal = true; /* before: done may come at once */
	if (!t->record.has_failed && journal_append(t->spool->journal, &t->entry, NULL) == 0)
		return;
	t->is_in_journal = false;
	fail(t, EIO);
}

/* The strand of `envelopes`: what the record says is done to the files (Q3). */
static void
apply(struct job *job)
{
	struct task *t = task_of_job(job);
	struct spool *s = t->spool;
	struct buf entry;

	buf_init(&entry, t->record.len + SPOOL_ENTRY_HEAD);
	spool_put_entry(&entry, buf_bytes(&t->record));
	if (spool_write_envelopes(s, buf_bytes(&entry)) != 0) {
		event(NULL, EV_QUEUE_FAILED, STR("what", "write envelopes"), STR("mail", t->id.text), INT("error", errno));
		atomic_store(&s->is_broken, true);
	} else if (t->record.ptr[0] == SPOOL_REMOVE) {
		spool_unlink_body(s, &t->id); /* Q2 */
	}
	buf_done(&entry);
	task_end(t);
}

static void
discard(struct job *job)
{
	struct task *t = task_of_job(job);
	bool may_come_back = t->is_in_journal && t->body.len == 0; /* and brings no body with it; else Q6 */

	if (t->has_file && !may_come_back)
		spool_unlink_body(t->spool, &t->id);
	task_end(t);
}

static void
start_apply(struct task *t)
{
	struct spool *s = t->spool;

	s->log_octets += t->record.len + SPOOL_ENTRY_HEAD;
	t->job.run = apply;
	pool_add(s->pool, &s->log, &t->job);
}

static void
changed(struct task *t)
{
	struct spool *s = t->spool;

	if (t->error) {
		event(NULL, EV_QUEUE_FAILED, STR("what", "keep a change"), STR("mail", t->id.text), INT("error", t->error));
		atomic_store(&s->is_broken, true); /* what is in memory is not what the next start finds */
		task_end(t);
		return;
	}
	s->changes_kept += !atomic_load(&s->is_broken);
	start_apply(t);
}

static void
tell_added(struct task *t)
{
	void (*done)(void *arg, enum spool_outcome outcome) = t->added;
	bool is_full = t->error == ENOSPC || t->error == EDQUOT;
	bool has_failed = t->error != 0;
	struct spool *s = t->spool;
	void *arg = t->arg;

	if (has_failed) {
		event(NULL, is_full ? EV_DISK_FULL : EV_QUEUE_FAILED, STR("what", "take a message in"), STR("mail", t->id.text),
			INT("error", t->error));
		t->job.run = discard;
		pool_add(s->pool, &s->log, &t->job);
	} else {
		start_apply(t);
	}
	/* t may be gone. */
	if (!s->is_closing)
		done(arg, has_failed ? is_full ? SPOOL_NO_SPACE : SPOOL_LATER : SPOOL_OK);
}

/* -1 and errno.  The file of who sent it may still change: what is read once counts. */
static int
copy_octets(int from, int to, off_t before)
{
	uint8_t *piece = memory_new(COPY_OCTETS);
	struct stat st;
	int result = disk->fstat(from, &st), error;

	if (result == 0 && st.st_size > SPOOL_BODY_MAX) {
		errno = EFBIG;
		result = -1;
	}
	for (off_t at = 0; result == 0 && at < st.st_size; at += COPY_OCTETS) {
		size_t len = st.st_size - at < COPY_OCTETS ? (size_t)(st.st_size - at) : COPY_OCTETS;

		result = disk_read_all(from, piece, len, at);
		if (result == 0)
			result = disk_write_all(to, bytes_of(piece, len), before + at);
	}
	error = errno;
	memory_free(piece);
	errno = error;
	return result;
}

/* Q1; -1 and errno. */
static int
sync_name(const struct spool *s, const struct mail_id *id)
{
	const char directory[2] = { id->text[MAIL_ID_LEN - 1], '\0' };
	int fd = disk->openat(s->messages, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	int result = fd < 0 ? -1 : disk->fsync(fd), error = errno;

	disk_close(&fd);
	errno = error;
	return result;
}

static int
write_octets(struct task *t, int to)
{
	if (disk_write_all(to, buf_bytes(&t->body), 0) != 0)
		return -1;
	return t->fd >= 0 ? copy_octets(t->fd, to, (off_t)t->body.len) : 0;
}

/* Q7; what is too long for the journal is synced, and its record has no body (Q1).  -1 and errno. */
static int
write_new(struct task *t)
{
	struct spool_name name = spool_name(&t->id);
	bool is_large = t->fd >= 0 || t->body.len > SPOOL_BODY_JOURNALED_MAX;
	int fd = disk->openat(t->spool->messages, name.text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), result, error;

	if (fd < 0)
		return -1;
	t->has_file = true;
	result = write_octets(t, fd);
	if (result == 0 && is_large) {
		buf_done(&t->body);
		result = disk->fdatasync(fd) == 0 ? sync_name(t->spool, &t->id) : -1;
	}
	error = errno;
	disk_close(&fd);
	errno = error;
	return result;
}

static void
write_file(struct job *job)
{
	struct task *t = task_of_job(job);

	if (write_new(t) == 0)
		record(t);
	else
		fail(t, errno);
}

void
spool_add(struct spool *s, const struct queued *m, struct bytes head, struct bytes octets, int fd,
	void (*done)(void *arg, enum spool_outcome outcome), void *arg)
{
	struct task *t = task_new(s, &m->id);

	spool_put_record(&t->record, SPOOL_PUT, &m->id, m);
	put_bytes(&t->body, head);
	put_bytes(&t->body, octets);
	t->fd = fd;
	t->added = done;
	t->arg = arg;
	t->back = tell_added;
	t->job.run = write_file;
	pool_add(s->pool, NULL, &t->job);
}

void
spool_update(struct spool *s, const struct queued *m)
{
	struct task *t = task_new(s, &m->id);

	s->changes_asked++;
	spool_put_record(&t->record, SPOOL_PUT, &m->id, m);
	t->back = changed;
	record(t);
}

void
spool_remove(struct spool *s, const struct mail_id *id)
{
	struct task *t = task_new(s, id);

	s->changes_asked++;
	spool_put_record(&t->record, SPOOL_REMOVE, id, NULL);
	t->back = changed;
	record(t);
}

uint64_t
spool_changes_asked(const struct spool *s)
{
	return s->changes_asked;
}

uint64_t
spool_changes_kept(const struct spool *s)
{
	return s->changes_kept;
}

static void
open_file(struct job *job)
{
	struct task *t = task_of_job(job);
	struct spool_name name = spool_name(&t->id);

	t->fd = disk->openat(t->spool->messages, name.text, O_RDONLY | O_CLOEXEC, 0);
	t->error = t->fd < 0 ? errno : 0;
	come_back(t);
}

static void
tell_opened(struct task *t)
{
	int fd = t->fd;

	if (t->spool->is_closing) {
		task_end(t);
		return;
	}
	t->fd = -1;
	t->got(t->arg, fd, t->error);
	task_end(t);
}

void
spool_open_body(struct spool *s, const struct mail_id *id, void (*got)(void *arg, int fd, int error), void *arg)
{
	struct task *t = task_new(s, id);

	t->got = got;
	t->arg = arg;
	t->back = tell_opened;
	t->job.run = open_file;
	pool_add(s->pool, NULL, &t->job);
}

static void
read_file(struct job *job)
{
	struct task *t = task_of_job(job);
	struct spool_name name = spool_name(&t->id);
	ssize_t got = -1;

	t->fd = disk->openat(t->spool->messages, name.text, O_RDONLY | O_CLOEXEC, 0);
	if (t->fd >= 0)
		got = disk->pread(t->fd, buf_room(&t->body, t->most), t->most, 0);
	t->error = got < 0 ? errno : 0;
	buf_added(&t->body, got > 0 ? (size_t)got : 0);
	come_back(t);
}

static void
tell_read(struct task *t)
{
	if (!t->spool->is_closing)
		t->read(t->arg, buf_bytes(&t->body), t->error);
	task_end(t);
}

void
spool_read(struct spool *s, const struct mail_id *id, size_t most,
	void (*got)(void *arg, struct bytes octets, int error), void *arg)
{
	struct task *t = task_new(s, id);

	t->read = got;
	t->most = most;
	t->arg = arg;
	t->back = tell_read;
	t->job.run = read_file;
	pool_add(s->pool, NULL, &t->job);
}

/* ---- `envelopes` made anew (Q5) */

void
spool_put(struct spool *s, const struct queued *m)
{
	struct buf record;

	buf_init(&record, SPOOL_ENTRY_MAX);
	spool_put_record(&record, SPOOL_PUT, &m->id, m);
	spool_put_entry(s->gathers, buf_bytes(&record));
	buf_done(&record);
}

static void
rewrite(struct job *job)
{
	struct task *t = task_of_job(job);
	struct spool *s = t->spool;

	/* What is written from now on could be lost with the old file. */
	if (spool_replace_envelopes(s, buf_bytes(&t->record)) != 0)
		atomic_store(&s->is_broken, true);
	come_back(t);
}

static void
rewritten(struct task *t)
{
	t->spool->is_rewriting = false;
	task_end(t);
}

static void
consider_rewrite(struct spool *s)
{
	static const struct mail_id nobody;
	struct task *t;

	if (s->is_rewriting || s->is_closing || s->log_octets < 2 * s->whole_octets + SMALL_LOG_OCTETS)
		return;
	s->is_rewriting = true;
	t = task_new(s, &nobody);
	buf_done(&t->record);
	buf_init(&t->record, SIZE_MAX);
	s->gathers = &t->record;
	s->settings.put_all(s->settings.arg, s);
	s->gathers = NULL;
	s->log_octets = s->whole_octets = t->record.len;
	t->back = rewritten;
	t->job.run = rewrite;
	pool_add(s->pool, &s->log, &t->job);
}

/* ---- */

static void
run_back(struct spool *s)
{
	struct task *t, *next;

	pthread_mutex_lock(&s->lock);
	t = s->came_first;
	s->came_first = NULL;
	s->came_last = &s->came_first;
	pthread_mutex_unlock(&s->lock);
	for (; t; t = next) {
		next = t->next;
		t->back(t);
	}
}

void
spool_run(struct spool *s)
{
	run_back(s);
	consider_rewrite(s);
}

void
spool_close(struct spool **at)
{
	struct spool *s = *at;
	bool is_idle = false;

	*at = NULL;
	s->is_closing = true;
	while (!is_idle) {
		run_back(s);
		pthread_mutex_lock(&s->lock);
		is_idle = s->under_way == 0;
		if (!is_idle && !s->came_first)
			(void)pthread_cond_wait(&s->idle, &s->lock);
		pthread_mutex_unlock(&s->lock);
	}
	pool_free(&s->pool);
	journal_close(&s->journal);
	spool_give_back(s);
}

bool
spool_is_sound(struct spool *s)
{
	return !atomic_load(&s->is_broken) && journal_ready(s->journal, NULL) == 0;
}

bool
spool_has_room(struct spool *s)
{
	uint64_t octets;

	return disk->free_space(s->directory, &octets) != 0 || octets >= s->settings.reserve_octets;
}
