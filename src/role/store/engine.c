#include "role/store/engine.h"

#include "base/event.h"
#include "role/roles.h"
#include "role/store/arrive.h"
#include "role/store/failure.h"
#include "role/store/file_systems.h"
#include "role/store/folders.h"
#include "role/store/handlers.h"
#include "role/store/mailbox.h"
#include "role/store/names.h"
#include "role/store/recover.h"
#include "role/store/unpinned.h"
#include "role/store/watch.h"
#include "sys/process.h"
#include "sys/time.h"

#include <errno.h>
#include <string.h>

enum { NAMES_SETTLE_MS = 2000 };

/* Everything that was applied so far is made durable: the names follow the view, the file systems are synced. */
static int
settle(void *arg, struct fault *f)
{
	struct engine *e = arg;

	if (e->recovery)
		return recover_settle(e->recovery, f);
	names_settle_all(e);
	return file_systems_sync(e, f);
}

static int
replay(void *arg, struct bytes record, struct fault *f)
{
	struct engine *e = arg;

	return recover_record(e->recovery, record, f);
}

static int
open_journal(struct engine *e, uint64_t octets_max, struct fault *f)
{
	const struct journal_limits limits = {
		.segment_octets = ROLES_STORE_SEGMENT_OCTETS,
		.octets_max = octets_max,
		.record_octets_max = ENGINE_RECORD_OCTETS_MAX,
	};
	const struct journal_owner owner = { .replay = replay, .settle = settle, .arg = e };
	struct journal_report report = { 0 };
	int directory = disk->openat(e->state_directory, "journal", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	int result;

	if (directory < 0)
		return fault_errno(f, errno, "open journal");
	e->journal_directory = directory;
	e->recovery = recover_new(e);
	result = journal_open(directory, &limits, &owner, &e->journal, &report, f);
	recover_free(&e->recovery, result == 0 ? &report : NULL);
	if (result != 0 || report.records == 0)
		return result;
	e->epoch++;
	return engine_write_epoch(e, "running", f);
}

/* The epoch grows with each stop without warning.  "epoch N clean" or "epoch N running". */
static int
read_epoch(struct engine *e, struct fault *f)
{
	uint8_t space[64];
	int fd = disk->openat(e->state_directory, "epoch", O_RDONLY | O_CLOEXEC, 0);
	ssize_t got = fd < 0 ? 0 : disk->pread(fd, space, sizeof space, 0);
	struct bytes text = bytes_of(space, got > 0 ? (size_t)got : 0);

	disk_close(&fd);
	e->epoch = 0;
	if (!take_text(&text, BYTES("epoch ")) || !take_number(&text, UINT64_MAX - 1, &e->epoch)
		|| !bytes_equal(text, BYTES(" clean\n")))
		e->epoch++;
	return engine_write_epoch(e, "running", f);
}

int
engine_write_epoch(struct engine *e, const char *how, struct fault *f)
{
	uint8_t space[64];
	struct buf text;

	buf_init_fixed(&text, space, sizeof space);
	put_format(&text, "epoch %llu %s\n", (unsigned long long)e->epoch, how);
	return disk_replace_file(e->state_directory, "epoch", buf_bytes(&text), 0600, f);
}

static int
open_state(struct engine *e, const char *path, struct fault *f)
{
	struct buf journal;
	int result;

	buf_init(&journal, 4096);
	put_text(&journal, path);
	put_text(&journal, "/journal");
	put_char(&journal, '\0');
	result = disk_make_path((const char *)journal.ptr, 0700, f);
	buf_done(&journal);
	if (result != 0)
		return -1;
	e->state_directory = disk->openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	return e->state_directory < 0 ? fault_errno(f, errno, "open %s", path) : 0;
}

static void
settle_names(struct timer *t)
{
	struct engine *e = (void *)((uint8_t *)t - offsetof(struct engine, settle_timer));

	names_settle_start(e);
}

static void
start_loop_work(struct engine *e, struct loop *loop)
{
	e->loop = loop;
	if (!loop)
		return;
	watch_start(e, loop);
	timer_init(&e->settle_timer, loop, settle_names);
	timer_start(&e->settle_timer, NAMES_SETTLE_MS, NAMES_SETTLE_MS);
}

static char *
copy_text(struct bytes text)
{
	char *copy = memory_new(text.len + 1);

	memcpy(copy, text.ptr, text.len);
	return copy;
}

/* As many looks as there are threads may be logged at a time, each done with its last record: together they take no more than
   what begins a checkpoint, and the log has room for twice that.  What fits one record waits for no other. */
static uint64_t
scan_octets(uint64_t journal_octets_max, uint32_t threads)
{
	uint64_t share = journal_octets_max / threads, one_record = ENGINE_RECORD_OCTETS - 65536;

	return share > one_record ? share : one_record;
}

int
engine_open(const struct engine_settings *settings, struct engine **out, struct fault *f)
{
	struct engine *e = NEW(struct engine);
	uint32_t threads = settings->threads ? settings->threads : 1;

	e->state_directory = e->journal_directory = -1;
	e->hostname = copy_text(settings->hostname);
	e->mailboxes = copy_text(bytes_text(settings->mailboxes));
	e->process = process_id();
	e->mailboxes_max = settings->mailboxes_max;
	e->reserve_octets = settings->reserve_octets;
	e->requests_octets_max = settings->requests_octets_max;
	e->scan_octets = scan_octets(settings->journal_octets_max, threads);
	e->accounts = map_new();
	(void)pthread_mutex_init(&e->lock, NULL);
	(void)pthread_cond_init(&e->settled, NULL);
	file_systems_init(e);
	*out = e;
	if (open_state(e, settings->state_directory, f) != 0 || read_epoch(e, f) != 0) {
		engine_close(out);
		return -1;
	}
	e->pool = pool_new(threads);
	if (open_journal(e, settings->journal_octets_max, f) != 0) {
		engine_close(out);
		return -1;
	}
	start_loop_work(e, settings->loop);
	return 0;
}

static void
free_accounts(struct engine *e)
{
	struct bytes path;
	size_t at = 0;
	void *value;

	while (map_next(e->accounts, &at, &path, &value)) {
		struct engine_account *a = value;

		map_free(&a->mailboxes);
		disk_close(&a->way.directory);
		memory_free(a->path);
		memory_free(a);
	}
	map_free(&e->accounts);
}

static void
free_outlets(struct engine *e)
{
	struct engine_outlet *o;

	while ((o = e->outlets)) {
		e->outlets = o->next;
		(void)pthread_mutex_destroy(&o->lock);
		memory_free(o);
	}
}

static void
timer_is_closed(struct timer *t)
{
	struct engine *e = (void *)((uint8_t *)t - offsetof(struct engine, settle_timer));

	engine_free(e);
}

void
engine_free(struct engine *e)
{
	free_accounts(e);
	free_outlets(e);
	file_systems_done(e);
	disk_close(&e->journal_directory);
	disk_close(&e->state_directory);
	(void)pthread_mutex_destroy(&e->lock);
	(void)pthread_cond_destroy(&e->settled);
	memory_free(e->hostname);
	memory_free(e->mailboxes);
	memory_free(e);
}

/* Waits until no request is under way: each is on a strand or in the journal. */
static void
wait_for_requests(struct engine *e)
{
	pthread_mutex_lock(&e->lock);
	while (e->requests > 0)
		pthread_cond_wait(&e->settled, &e->lock);
	pthread_mutex_unlock(&e->lock);
}

static void
close_accounts(struct engine *e)
{
	struct bytes path;
	size_t at = 0;
	void *value;

	atomic_store(&e->is_closing, true);
	while (map_next(e->accounts, &at, &path, &value))
		unpinned_close(value);
}

void
engine_close(struct engine **e)
{
	struct engine *was = *e;
	bool is_clean = was->journal != NULL;

	*e = NULL;
	wait_for_requests(was);
	close_accounts(was);
	if (was->journal)
		journal_close(&was->journal);
	pool_free(&was->pool);
	if (is_clean)
		is_clean = engine_write_epoch(was, "clean", NULL) == 0; /* else the next start is careful */
	watch_stop(was);
	if (was->loop) {
		timer_close(&was->settle_timer, timer_is_closed);
		return;
	}
	engine_free(was);
}

struct engine_outlet *
engine_outlet_new(struct engine *e)
{
	struct engine_outlet *o = NEW(struct engine_outlet);

	(void)pthread_mutex_init(&o->lock, NULL);
	o->next = e->outlets;
	e->outlets = o;
	return o;
}

void
engine_outlet_connect(struct engine_outlet *o, void (*send)(void *arg, const struct message *m), void *arg)
{
	pthread_mutex_lock(&o->lock);
	o->send = send;
	o->arg = arg;
	pthread_mutex_unlock(&o->lock);
}

void
engine_send(struct engine_outlet *o, const struct message *m)
{
	outlet_send(o, outlet_epoch(o), m);
}

void
engine_outlet_renew(struct engine_outlet *o)
{
	pthread_mutex_lock(&o->lock);
	o->epoch++;
	o->send = NULL;
	pthread_mutex_unlock(&o->lock);
}

uint64_t
outlet_epoch(struct engine_outlet *o)
{
	uint64_t epoch;

	pthread_mutex_lock(&o->lock);
	epoch = o->epoch;
	pthread_mutex_unlock(&o->lock);
	return epoch;
}

void
outlet_send(struct engine_outlet *o, uint64_t epoch, const struct message *m)
{
	pthread_mutex_lock(&o->lock);
	if (o->epoch == epoch && o->send)
		o->send(o->arg, m);
	pthread_mutex_unlock(&o->lock);
}

struct engine_account *
engine_account(struct engine *e, struct bytes path)
{
	struct engine_account *a = map_get(e->accounts, path);
	char *copy;

	if (a)
		return a;
	a = NEW(struct engine_account);
	copy = memory_new(path.len + 1);
	memcpy(copy, path.ptr, path.len);
	a->engine = e;
	a->path = copy;
	a->way.directory = -1;
	a->mailboxes = map_new();
	(void)map_put(e->accounts, path, a);
	return a;
}

void
engine_set_quota(struct engine *e, struct bytes path, uint64_t octets, uint64_t messages)
{
	struct engine_account *a = map_get(e->accounts, path);

	if (!a)
		return;
	atomic_store(&a->quota_octets, octets);
	atomic_store(&a->quota_messages, messages);
}

static void (*const handlers[MESSAGE_COUNT])(struct request *r) = {
	[MESSAGE_DELIVER] = arrive_deliver,
	[MESSAGE_APPEND] = arrive_append,
	[MESSAGE_SELECT] = handle_select,
	[MESSAGE_DESELECT] = handle_deselect,
	[MESSAGE_STATUS] = handle_status,
	[MESSAGE_CHECK] = handle_check,
	[MESSAGE_PUT_SUMMARY] = handle_put_summary,
	[MESSAGE_TOLD] = handle_told,
	[MESSAGE_OPEN_BODIES] = handle_open_bodies,
	[MESSAGE_SET_FLAGS] = handle_set_flags,
	[MESSAGE_EXPUNGE] = handle_expunge,
	[MESSAGE_COPY] = handle_copy,
	[MESSAGE_MAY_DELIVER] = handle_may_deliver,
	[MESSAGE_GET_QUOTA] = handle_get_quota,
	[MESSAGE_ASK_USE] = handle_ask_use,
	[MESSAGE_LIST] = handle_list,
	[MESSAGE_MAILBOX_CHANGE] = handle_mailbox_change,
};

void
engine_submit(struct engine_account *a, struct engine_session *s, struct engine_body *body,
	struct engine_outlet *o, const struct message *m)
{
	if (!a)
		a = s->account;
	if (m->type >= MESSAGE_COUNT || !handlers[m->type])
		return;
	if (atomic_load(&o->requests_octets) + request_octets(body, m) > a->engine->requests_octets_max) {
		engine_refuse(o, m, IPC_LATER);
		return;
	}
	if (s)
		s->is_used = true;
	request_start(request_new(a, s, body, o, m), handlers[m->type]);
}

void
engine_welcome(struct engine_account *a)
{
	struct request *r;

	if (a->is_welcomed)
		return;
	a->is_welcomed = true;
	r = request_new_internal(a);
	r->is_exclusive = true;
	request_start(r, folders_welcome);
}

struct engine_session *
engine_session_new(struct engine_account *a, struct engine_outlet *o)
{
	struct engine_session *s = NEW(struct engine_session);

	s->account = a;
	s->outlet = o;
	s->outlet_epoch = outlet_epoch(o);
	atomic_store(&s->holds, 1);
	return s;
}

void
session_release(struct engine_session *s)
{
	if (atomic_fetch_sub(&s->holds, 1) == 1)
		memory_free(s);
}

static void
end_session(struct job *job)
{
	struct engine_session *s = (void *)((uint8_t *)job - offsetof(struct engine_session, end_job));

	s->has_ended = true;
	handle_session_end(s);
	session_release(s);
}

void
engine_session_end(struct engine_session **s)
{
	struct engine_session *was = *s;

	*s = NULL;
	/* Who logged in and went again has left nothing on the strand: no thread is woken for that. */
	if (!was->is_used) {
		session_release(was);
		return;
	}
	was->end_job.run = end_session;
	pool_add(was->account->engine->pool, &was->account->strand, &was->end_job);
}

struct engine_body *
engine_body_new(struct bytes octets, int fd)
{
	struct engine_body *b = memory_new(sizeof *b + octets.len);
	uint8_t *at = (uint8_t *)(b + 1);
	struct stat st;

	atomic_store(&b->holds, 1);
	b->fd = fd;
	b->octet_count = octets.len;
	if (fd >= 0)
		b->octet_count = disk->fstat(fd, &st) == 0 && st.st_size > 0 ? (uint64_t)st.st_size : 0;
	if (octets.len)
		memcpy(at, octets.ptr, octets.len);
	b->octets = bytes_of(at, octets.len);
	return b;
}

struct engine_body *
engine_body_hold(struct engine_body *b)
{
	atomic_fetch_add(&b->holds, 1);
	return b;
}

void
engine_body_release(struct engine_body **b)
{
	struct engine_body *was = *b;

	*b = NULL;
	if (!was || atomic_fetch_sub(&was->holds, 1) != 1)
		return;
	disk_close(&was->fd);
	memory_free(was);
}

void
engine_refuse(struct engine_outlet *o, const struct message *m, enum ipc_outcome outcome)
{
	struct message reply = request_refusal(m, outcome);

	if (reply.type != MESSAGE_COUNT)
		engine_send(o, &reply);
}

bool
engine_has_room(struct engine *e)
{
	return space_is_left(e, e->state_directory, 0);
}

bool
engine_is_sound(struct engine *e)
{
	return journal_ready(e->journal, NULL) == 0;
}

int
engine_new_file(struct engine *e, uint64_t octets, enum ipc_outcome *outcome)
{
	int fd;

	*outcome = IPC_NO_SPACE;
	if (!space_is_left(e, e->state_directory, octets))
		return -1;
	fd = disk->openat(e->state_directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0) {
		*outcome = failure_report("make file for a body", "state directory", errno);
		return -1;
	}
	*outcome = IPC_OK;
	return fd;
}
