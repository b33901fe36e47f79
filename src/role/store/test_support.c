#include "role/store/test_support.h"

#include "base/event.h"
#include "sys/disk.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void
must(bool is_so, const char *what)
{
	if (is_so)
		return;
	(void)fprintf(stderr, "testing: %s: %s\n", what, strerror(errno));
	abort();
}

static void
write_line(void *arg, struct bytes line)
{
	(void)arg;
	if (getenv("TESTING_LOG"))
		(void)fwrite(line.ptr, 1, line.len, stderr);
}

static int64_t
no_time(void)
{
	return 0;
}

/* Keeps what an answer points to. */
static void
keep(struct testing *t, struct bytes *b)
{
	must(b->len <= sizeof t->octets, "answer too large");
	if (b->len)
		memcpy(t->octets, b->ptr, b->len);
	b->ptr = t->octets;
}

static void
take_changed(struct testing *t, const struct message *m)
{
	t->changes++;
	t->gone += m->u.changed.is_gone;
	for (size_t i = 0; i < m->fd_count; i++) {
		if (t->new_fds[i] >= 0)
			close(t->new_fds[i]);
		t->new_fds[i] = dup(m->fds[i]);
	}
}

static void
take_answer(struct testing *t, const struct message *m)
{
	t->answer = *m;
	for (size_t i = 0; i < m->fd_count; i++)
		t->answer.fds[i] = dup(m->fds[i]);
	if (m->type == MESSAGE_LISTED)
		keep(t, &t->answer.u.listed.entries);
	if (m->type == MESSAGE_BODIES)
		keep(t, &t->answer.u.bodies.uids);
	if (m->type == MESSAGE_COPIED) {
		struct bytes ranges = bytes_of(m->u.copied.source.at, m->u.copied.source.count * 8);

		keep(t, &ranges);
		t->answer.u.copied.source.at = (const void *)t->octets;
	}
	t->has_answer = m->u.done.request == t->request;
	if (m->type == MESSAGE_DELIVERED && m->u.delivered.outcome == IPC_OK)
		t->delivered_ok++;
	else if (m->type == MESSAGE_DELIVERED)
		t->delivered_failed++;
}

static void
receive(void *arg, const struct message *m)
{
	struct testing *t = arg;

	pthread_mutex_lock(&t->lock);
	if (m->type == MESSAGE_CHANGED)
		take_changed(t, m);
	else
		take_answer(t, m);
	pthread_cond_broadcast(&t->came);
	pthread_mutex_unlock(&t->lock);
}

void
testing_resume(struct testing *t)
{
	char state[80];
	struct fault f = { 0 };
	struct engine_settings settings = {
		.state_directory = state,
		.mailboxes = t->root,
		.hostname = BYTES("test"),
		.loop = t->loop,
		.threads = 2,
		.mailboxes_max = t->mailboxes_max,
		.journal_octets_max = t->journal_octets ? t->journal_octets : 16 << 20,
		.requests_octets_max = TESTING_REQUESTS_OCTETS_MAX,
	};

	(void)snprintf(state, sizeof state, "%s/state", t->root);
	if (engine_open(&settings, &t->engine, &f) != 0) {
		(void)fprintf(stderr, "engine_open: %s\n", f.text);
		abort();
	}
	t->account = engine_account(t->engine, bytes_text(t->mail));
	t->outlet = engine_outlet_new(t->engine);
	engine_outlet_connect(t->outlet, receive, t);
}

void
testing_start(struct testing *t)
{
	struct loop *loop = t->loop;
	uint64_t journal_octets = t->journal_octets;
	const struct event_sink sink = { .write = write_line, .now_us = no_time, .role = "test" };

	event_set_sink(&sink);
	*t = (struct testing){ .root = "/tmp/mermoz-store-XXXXXX", .new_fds = { -1, -1 }, .loop = loop,
		.journal_octets = journal_octets, .mailboxes_max = 100 };
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->came, NULL);
	must(mkdtemp(t->root) != NULL, "mkdtemp");
	(void)snprintf(t->mail, sizeof t->mail, "%s/mail/alice", t->root);
	testing_resume(t);
}

void
testing_stop(struct testing *t)
{
	engine_close(&t->engine);
	for (size_t i = 0; i < 2; i++) {
		if (t->new_fds[i] >= 0)
			close(t->new_fds[i]);
		t->new_fds[i] = -1;
	}
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

void
testing_end(struct testing *t)
{
	if (t->engine)
		testing_stop(t);
	(void)nftw(t->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	pthread_mutex_destroy(&t->lock);
	pthread_cond_destroy(&t->came);
}

int
testing_set_up_journal(void **state, uint64_t octets)
{
	static struct testing t;

	t.loop = NULL;
	t.journal_octets = octets;
	testing_start(&t);
	*state = &t;
	return 0;
}

int
testing_set_up(void **state)
{
	return testing_set_up_journal(state, 0);
}

int
testing_tear_down(void **state)
{
	testing_end(*state);
	return 0;
}

const struct message *
testing_ask(struct testing *t, struct engine_session *s, struct engine_body *body, struct message *m)
{
	pthread_mutex_lock(&t->lock);
	t->has_answer = false;
	m->u.done.request = ++t->request;
	pthread_mutex_unlock(&t->lock);
	engine_submit(s ? NULL : t->account, s, body, t->outlet, m);
	engine_body_release(&body);
	pthread_mutex_lock(&t->lock);
	while (!t->has_answer)
		pthread_cond_wait(&t->came, &t->lock);
	pthread_mutex_unlock(&t->lock);
	return &t->answer;
}

uint32_t
testing_deliver(struct testing *t, const char *body)
{
	struct message m = { .type = MESSAGE_DELIVER };
	const struct message *answer;

	m.u.deliver.prefix = BYTES("Delivered-To: alice\n");
	m.u.deliver.date_s = 1700000000;
	m.u.deliver.size = m.u.deliver.prefix.len + strlen(body) + 2;
	m.u.deliver.summary = BYTES("summary");
	answer = testing_ask(t, NULL, engine_body_new(bytes_text(body), -1), &m);
	return answer->u.delivered.outcome == IPC_OK ? answer->u.delivered.uid : 0;
}

uint32_t
testing_append(struct testing *t, struct engine_session *s, const char *name, uint32_t flags,
	const char *keywords, const char *body)
{
	struct message m = { .type = MESSAGE_APPEND };
	const struct message *answer;

	m.u.append.name = bytes_text(name);
	m.u.append.flags = flags;
	m.u.append.keywords = bytes_text(keywords);
	m.u.append.date_s = 1600000000;
	m.u.append.size = strlen(body);
	answer = testing_ask(t, s, engine_body_new(bytes_text(body), -1), &m);
	return answer->u.appended.outcome == IPC_OK ? answer->u.appended.uid : 0;
}

struct engine_session *
testing_session(struct testing *t)
{
	return engine_session_new(t->account, t->outlet);
}

static void
map(struct testing_view *v, int view, int summaries)
{
	struct stat st;

	must(fstat(view, &st) == 0, "fstat");
	v->octets = (size_t)st.st_size;
	v->mapping = mmap(NULL, v->octets, PROT_READ, MAP_SHARED, view, 0);
	must(fstat(summaries, &st) == 0, "fstat");
	v->summary_octets = (size_t)st.st_size;
	v->summaries = mmap(NULL, v->summary_octets, PROT_READ, MAP_SHARED, summaries, 0);
	must(v->mapping != MAP_FAILED && v->summaries != MAP_FAILED, "mmap");
	must(view_open(bytes_of(v->mapping, v->octets), bytes_of(v->summaries, v->summary_octets), &v->view,
		     NULL) == 0, "view_open");
}

enum ipc_outcome
testing_select(struct testing *t, struct engine_session *s, const char *name, struct testing_view *v)
{
	struct message m = { .type = MESSAGE_SELECT };
	const struct message *answer;

	m.u.select.name = bytes_text(name);
	answer = testing_ask(t, s, NULL, &m);
	if (answer->u.selected.outcome != IPC_OK)
		return answer->u.selected.outcome;
	must(answer->fd_count == 2, "descriptors of SELECTED");
	*v = (struct testing_view){ .mailbox = answer->u.selected.mailbox,
		.recent_from = answer->u.selected.recent_from };
	map(v, answer->fds[0], answer->fds[1]);
	close(answer->fds[0]);
	close(answer->fds[1]);
	return IPC_OK;
}

void
testing_unmap(struct testing_view *v)
{
	munmap(v->mapping, v->octets);
	munmap(v->summaries, v->summary_octets);
}

void
testing_refresh(struct testing *t, struct testing_view *v)
{
	pthread_mutex_lock(&t->lock);
	if (t->new_fds[0] >= 0) {
		testing_unmap(v);
		map(v, t->new_fds[0], t->new_fds[1]);
		close(t->new_fds[0]);
		close(t->new_fds[1]);
		t->new_fds[0] = t->new_fds[1] = -1;
	}
	pthread_mutex_unlock(&t->lock);
}

const struct view_record *
testing_record(const struct testing_view *v, uint32_t uid)
{
	uint32_t count = view_count(&v->view), at = view_find(&v->view, count, uid);
	const struct view_record *r = &v->view.records[at];

	if (at == count || r->uid != uid || view_flags(r) & VIEW_EXPUNGED)
		return NULL;
	return r;
}

bool
testing_body(struct testing *t, struct engine_session *s, uint32_t uid, char *out, size_t size)
{
	struct ipc_range range = { uid, uid };
	struct message m = { .type = MESSAGE_OPEN_BODIES };
	const struct message *answer;
	ssize_t got;

	m.u.open_bodies.uids = (struct ipc_ranges){ &range, 1 };
	answer = testing_ask(t, s, NULL, &m);
	if (answer->fd_count == 0)
		return false;
	got = pread(answer->fds[0], out, size - 1, 0);
	close(answer->fds[0]);
	must(got >= 0, "pread");
	out[got] = '\0';
	return true;
}

enum ipc_outcome
testing_flags(struct testing *t, struct engine_session *s, enum ipc_flags_mode mode, uint32_t flags,
	const char *keywords, uint32_t first, uint32_t last)
{
	struct ipc_range range = { first, last };
	struct message m = { .type = MESSAGE_SET_FLAGS };

	m.u.set_flags.mode = (uint8_t)mode;
	m.u.set_flags.told = UINT64_MAX;
	m.u.set_flags.flags = flags;
	m.u.set_flags.keywords = bytes_text(keywords);
	m.u.set_flags.uids = (struct ipc_ranges){ &range, 1 };
	return testing_ask(t, s, NULL, &m)->u.flags_set.outcome;
}

enum ipc_outcome
testing_expunge(struct testing *t, struct engine_session *s, bool is_forced, uint32_t first, uint32_t last)
{
	struct ipc_range range = { first, last };
	struct message m = { .type = MESSAGE_EXPUNGE };

	m.u.expunge.is_forced = is_forced;
	m.u.expunge.uids = (struct ipc_ranges){ &range, 1 };
	return testing_ask(t, s, NULL, &m)->u.done.outcome;
}

enum ipc_outcome
testing_copy(struct testing *t, struct engine_session *s, bool is_move, const char *name, uint32_t first,
	uint32_t last)
{
	struct ipc_range range = { first, last };
	struct message m = { .type = MESSAGE_COPY };

	m.u.copy.is_move = is_move;
	m.u.copy.name = bytes_text(name);
	m.u.copy.uids = (struct ipc_ranges){ &range, 1 };
	return testing_ask(t, s, NULL, &m)->u.copied.outcome;
}

enum ipc_outcome
testing_change(struct testing *t, struct engine_session *s, enum ipc_mailbox_operation operation,
	const char *name, const char *new_name)
{
	struct message m = { .type = MESSAGE_MAILBOX_CHANGE };

	m.u.mailbox_change.operation = (uint8_t)operation;
	m.u.mailbox_change.name = bytes_text(name);
	m.u.mailbox_change.new_name = bytes_text(new_name);
	return testing_ask(t, s, NULL, &m)->u.done.outcome;
}

unsigned int
testing_list(struct testing *t, struct engine_session *s, const char *name)
{
	struct message m = { .type = MESSAGE_LIST };
	struct bytes in = testing_ask(t, s, NULL, &m)->u.listed.entries, entry;
	uint8_t attributes;
	uint16_t len;

	while (take_u8(&in, &attributes) && take_u16(&in, &len) && take_octets(&in, len, &entry))
		if (bytes_equal(entry, bytes_text(name)))
			return attributes + 1u;
	return 0;
}

static void
path_of(const struct testing *t, const char *name, char out[512])
{
	(void)snprintf(out, 512, "%s/%s", t->mail, name);
}

int
testing_count(const struct testing *t, const char *directory)
{
	char path[512];
	DIR *d;
	int count = 0;

	path_of(t, directory, path);
	d = opendir(path);
	if (!d)
		return -1;
	while (readdir(d))
		count++;
	closedir(d);
	return count - 2;
}

void
testing_find(const struct testing *t, const char *directory, const char *prefix, char *out, size_t size)
{
	char path[512];
	DIR *d;
	const struct dirent *e;
	bool is_found = false;

	path_of(t, directory, path);
	d = opendir(path);
	must(d != NULL, path);
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.' || strncmp(e->d_name, prefix, strlen(prefix)) != 0)
			continue;
		(void)snprintf(out, size, "%s", e->d_name);
		is_found = true;
	}
	closedir(d);
	must(is_found, prefix);
}

void
testing_write(const struct testing *t, const char *name, const char *content)
{
	char path[512];
	FILE *f;

	path_of(t, name, path);
	f = fopen(path, "w");
	must(f != NULL, path);
	must(fputs(content, f) >= 0 && fclose(f) == 0, path);
}

void
testing_read(const struct testing *t, const char *name, char *out, size_t size)
{
	char path[512];
	FILE *f;
	size_t got;

	path_of(t, name, path);
	f = fopen(path, "r");
	must(f != NULL, path);
	got = fread(out, 1, size - 1, f);
	out[got] = '\0';
	(void)fclose(f);
}

void
testing_remove(const struct testing *t, const char *name)
{
	char path[512];

	path_of(t, name, path);
	must(unlink(path) == 0, path);
}

void
testing_rename(const struct testing *t, const char *from, const char *to)
{
	char a[512], b[512];

	path_of(t, from, a);
	path_of(t, to, b);
	must(rename(a, b) == 0, a);
}

void
testing_make(const struct testing *t, const char *name)
{
	char path[512];

	path_of(t, name, path);
	must(disk_make_path(path, 0700, NULL) == 0, path);
}
