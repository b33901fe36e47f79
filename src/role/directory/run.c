#include "role/directory/run.h"

#include "base/memory.h"
#include "sys/disk.h"

#include <string.h>

enum { WINDOW = 65536 };

void
run_init(struct run *r, int directory)
{
	*r = (struct run){ .directory = directory, .fd = -1 };
	buf_init(&r->tail, RUN_OCTETS_MAX);
}

void
run_init_file(struct run *r, int fd, uint64_t begin)
{
	struct stat st;

	run_init(r, -1);
	r->fd = fd;
	r->begin = begin;
	if (fd >= 0 && (disk->fstat(fd, &st) != 0 || (uint64_t)st.st_size < begin || (uint64_t)st.st_size - begin > RUN_OCTETS_MAX))
		disk_close(&r->fd);
	else if (fd >= 0)
		r->written = (uint64_t)st.st_size - begin;
}

struct run
run_of(struct bytes octets)
{
	return (struct run){ .directory = -1, .fd = -1, .tail = { .ptr = (uint8_t *)(uintptr_t)octets.ptr, .len = octets.len, .size = octets.len } };
}

void
run_done(struct run *r)
{
	disk_close(&r->fd);
	buf_done_secret(&r->tail);
}

void
run_replace(struct run *r, struct run *by)
{
	run_done(r);
	*r = *by;
	run_init(by, r->directory);
}

uint64_t
run_octets(const struct run *r)
{
	return r->written + r->tail.len;
}

/* No file, or no room in it: what is there comes back to memory. */
static void
come_back(struct run *r)
{
	struct buf all;
	uint8_t *to;

	r->directory = -1;
	if (r->fd < 0)
		return;
	buf_init(&all, RUN_OCTETS_MAX);
	to = buf_room(&all, (size_t)r->written + r->tail.len);
	if (to && disk_read_all(r->fd, to, (size_t)r->written, (off_t)r->begin) == 0)
		buf_added(&all, (size_t)r->written);
	else
		all.has_failed = true;
	put_bytes(&all, buf_bytes(&r->tail));
	buf_done_secret(&r->tail);
	r->tail = all;
	r->written = 0;
	disk_close(&r->fd);
}

void
run_added(struct run *r)
{
	if (run_octets(r) > RUN_OCTETS_MAX)
		r->tail.has_failed = true;
	if (r->directory < 0 || r->tail.has_failed || r->tail.len < WINDOW)
		return;
	if (r->fd < 0)
		r->fd = disk->openat(r->directory, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (r->fd < 0 || disk_write_all(r->fd, buf_bytes(&r->tail), (off_t)r->written) != 0) {
		come_back(r);
		return;
	}
	r->written += r->tail.len;
	buf_reset(&r->tail);
}

static bool
take_all(struct bytes *in, bool (*take)(void *arg, struct bytes *in), void *arg)
{
	while (in->len)
		if (!take(arg, in))
			return false;
	return true;
}

/* What is left of the window moves to its front; an item that is larger than the window makes it grow. */
static bool
each_of_file(const struct run *r, struct buf *window, bool (*take)(void *arg, struct bytes *in), void *arg)
{
	uint64_t at = 0;

	while (at < r->written) {
		uint64_t left = r->written - at;
		size_t wanted = window->len < WINDOW ? WINDOW : window->len, count = left < wanted ? (size_t)left : wanted;
		uint8_t *to = buf_room(window, count);
		struct bytes rest;

		if (!to || disk_read_all(r->fd, to, count, (off_t)(r->begin + at)) != 0)
			return false;
		buf_added(window, count);
		at += count;
		rest = buf_bytes(window);
		(void)take_all(&rest, take, arg);
		buf_drop(window, window->len - rest.len);
	}
	return true;
}

bool
run_each(const struct run *r, bool (*take)(void *arg, struct bytes *in), void *arg)
{
	struct bytes rest = buf_bytes(&r->tail);
	struct buf window;
	bool is_whole;

	buf_init(&window, RUN_OCTETS_MAX);
	is_whole = each_of_file(r, &window, take, arg);
	is_whole = is_whole && window.len == 0 && take_all(&rest, take, arg);
	buf_done_secret(&window);
	return is_whole;
}

bool
run_read(const struct run *r, uint64_t at, void *to, size_t len)
{
	uint64_t end = at < r->written ? r->written : run_octets(r);

	if (at > end || len > end - at)
		return false;
	if (at < r->written)
		return disk_read_all(r->fd, to, len, (off_t)(r->begin + at)) == 0;
	if (len)
		memcpy(to, r->tail.ptr + (at - r->written), len);
	return true;
}
