#include "role/queue/kept.h"

#include "base/event.h"
#include "base/map.h"
#include "base/memory.h"
#include "proto/sts/sts.h"
#include "sys/disk.h"
#include "sys/pool.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum {
	HEAD_OCTETS_MAX = 64,
	FILE_OCTETS_MAX = HEAD_OCTETS_MAX + STS_POLICY_OCTETS_MAX,
	FRAME_OCTETS = 256, /* what a policy costs beside its text when all are told at once */
};

struct kept_policy {
	struct bytes domain, id, text; /* in octets[] */
	uint64_t until_s;
	uint8_t octets[];
};

struct kept {
	int directory;
	struct map *all;
	size_t octets;
	struct pool *pool;
	struct strand strand;
	_Atomic uint32_t writes; /* that are not done */
};

/* A file to be written or, without octets, removed. */
struct writing {
	struct job job;
	struct kept *kept;
	char name[STS_DOMAIN_OCTETS_MAX + 1];
	struct buf octets;
};

static bool
is_id(struct bytes id)
{
	return id.len > 0 && id.len <= STS_ID_OCTETS_MAX && bytes_all_class(id, CLASS_ALPHA | CLASS_DIGIT);
}

static struct bytes
copy_into(uint8_t **to, struct bytes from)
{
	struct bytes copy = bytes_of(*to, from.len);

	if (from.len)
		memcpy(*to, from.ptr, from.len);
	*to += from.len;
	return copy;
}

static size_t
cost_of(struct bytes text)
{
	return text.len + FRAME_OCTETS;
}

static void
forget(struct kept *p, struct bytes domain)
{
	struct kept_policy *k = map_remove(p->all, domain);

	if (k)
		p->octets -= cost_of(k->text);
	memory_free(k);
}

/* False: there is no room for it. */
static bool
insert(struct kept *p, struct bytes domain, struct bytes id, uint64_t until_s, struct bytes text)
{
	struct kept_policy *k;
	uint8_t *to;

	forget(p, domain);
	if (map_count(p->all) >= KEPT_MAX || p->octets + cost_of(text) > KEPT_OCTETS_MAX)
		return false;
	k = memory_new(sizeof *k + domain.len + id.len + text.len);
	to = k->octets;
	k->domain = copy_into(&to, domain);
	k->id = copy_into(&to, id);
	k->text = copy_into(&to, text);
	k->until_s = until_s;
	p->octets += cost_of(text);
	(void)map_put(p->all, k->domain, k);
	return true;
}

/* ---- the files */

static void
write_file(struct job *job)
{
	struct writing *w = (struct writing *)job;
	int directory = w->kept->directory;
	struct fault f;

	if (w->octets.len == 0)
		(void)disk->unlinkat(directory, w->name, 0);
	else if (disk_replace_file(directory, w->name, buf_bytes(&w->octets), 0600, &f) != 0)
		event(NULL, EV_QUEUE_FAILED, STR("what", "policy"), STR("file", w->name), STR("why", f.text));
	atomic_fetch_sub(&w->kept->writes, 1);
	buf_done(&w->octets);
	memory_free(w);
}

static void
start_writing(struct kept *p, const struct ipc_keep_policy *m, bool is_kept)
{
	struct writing *w = NEW(struct writing);

	w->job.run = write_file;
	w->kept = p;
	atomic_fetch_add(&p->writes, 1);
	(void)snprintf(w->name, sizeof w->name, "%.*s", BYTES_ARG(m->domain));
	buf_init(&w->octets, FILE_OCTETS_MAX);
	if (is_kept) {
		put_number(&w->octets, m->until_s);
		put_char(&w->octets, ' ');
		put_bytes(&w->octets, m->id);
		put_char(&w->octets, '\n');
		put_bytes(&w->octets, m->text);
	}
	pool_add(p->pool, &p->strand, &w->job);
}

/* "UNTIL ID" LF text */
static bool
take_file(struct kept *p, struct bytes domain, struct bytes file, int64_t now_s)
{
	struct bytes head = take_until(&file, '\n');
	uint64_t until_s;

	return sts_domain_is_possible(domain) && take_number(&head, INT64_MAX, &until_s) && take_char(&head, ' ') && is_id(head) && file.len > 0 &&
		until_s >= (uint64_t)now_s && insert(p, domain, head, until_s, file);
}

struct reading {
	struct kept *kept;
	int64_t now_s;
};

static bool
read_one(void *arg, const char *name, unsigned char type)
{
	const struct reading *r = arg;
	struct kept *p = r->kept;
	int fd = disk->openat(p->directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
	struct buf file;
	struct fault f;
	bool is_good;

	(void)type;
	buf_init(&file, FILE_OCTETS_MAX + 1);
	is_good = fd != -1 && disk_read_descriptor(fd, FILE_OCTETS_MAX, &file, &f) == 0 &&
		take_file(p, bytes_text(name), buf_bytes(&file), r->now_s);
	disk_close(&fd);
	buf_done(&file);
	if (!is_good)
		(void)disk->unlinkat(p->directory, name, 0);
	return true;
}

int
kept_open(const char *directory, int64_t now_s, struct kept **kept, struct fault *f)
{
	struct kept *p;
	int fd;

	if (disk_make_path(directory, 0700, f) != 0)
		return -1;
	fd = disk->openat(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd == -1)
		return fault_errno(f, errno, "open %s", directory);
	p = NEW(struct kept);
	p->directory = fd;
	p->all = map_new();
	p->pool = pool_new(1);
	*kept = p;
	if (disk->list(fd, ".", read_one, &(struct reading){ p, now_s }) == 0)
		return 0;
	(void)fault_errno(f, errno, "list %s", directory);
	kept_close(kept);
	return -1;
}

void
kept_close(struct kept **kept)
{
	struct kept *p = *kept;
	size_t at = 0;
	struct bytes key;
	void *value;

	*kept = NULL;
	if (!p)
		return;
	pool_free(&p->pool);
	while (map_next(p->all, &at, &key, &value))
		memory_free(value);
	map_free(&p->all);
	disk_close(&p->directory);
	memory_free(p);
}

void
kept_put(struct kept *p, const struct ipc_keep_policy *m)
{
	bool is_kept;

	if (atomic_load(&p->writes) >= KEPT_WRITES_MAX)
		return;
	/* The relay may be somebody else's by now: a name that is no path. */
	if (!sts_domain_is_possible(m->domain) || !(m->text.len == 0 || (is_id(m->id) && m->until_s <= INT64_MAX)))
		return;
	if (m->text.len == 0)
		forget(p, m->domain);
	is_kept = m->text.len > 0 && insert(p, m->domain, m->id, m->until_s, m->text);
	start_writing(p, m, is_kept);
}

void
kept_tell(const struct kept *p, struct peer *relay)
{
	size_t at = 0;
	struct bytes key;
	void *value;

	while (map_next(p->all, &at, &key, &value)) {
		const struct kept_policy *k = value;
		struct message m = { .type = MESSAGE_POLICY };

		m.u.policy = (struct ipc_policy){ .domain = k->domain, .id = k->id, .until_s = k->until_s, .text = k->text };
		if (peer_send(relay, &m) == -1)
			return; /* it is gone again */
	}
}
