#include "sys/disk_fault.h"

#include "base/memory.h"
#include "sys/disk_fault_internal.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

struct disk_fault *fault_one;
static struct disk_ops fault_ops;

void
fault_lock(void)
{
	assert(fault_one);
	(void)pthread_mutex_lock(&fault_one->lock);
}

int
fault_done(int result, int error)
{
	(void)pthread_mutex_unlock(&fault_one->lock);
	if (result < 0)
		errno = error;
	return result;
}

int
fault_count_call(void)
{
	fault_one->is_cutting = false;
	if (fault_one->is_cut)
		return EIO;
	fault_one->calls++;
	fault_one->ticks++;
	if (fault_one->cut_at && fault_one->calls >= fault_one->cut_at) {
		fault_one->is_cut = fault_one->is_cutting = true;
		return EIO;
	}
	return fault_one->fail_from && fault_one->calls >= fault_one->fail_from && fault_one->calls < fault_one->fail_to ? fault_one->fail_error : 0;
}

struct fault_node *
fault_node_of(int fd)
{
	if (fd == AT_FDCWD)
		return fault_one->root;
	if (fd < FAULT_FD_FIRST || fd >= FAULT_FD_FIRST + FAULT_FDS_MAX)
		return NULL;
	return fault_one->fds[fd - FAULT_FD_FIRST];
}

int
fault_new_fd(struct fault_node *node)
{
	for (int i = 0; i < FAULT_FDS_MAX; i++)
		if (!fault_one->fds[i]) {
			fault_one->fds[i] = node;
			return FAULT_FD_FIRST + i;
		}
	return -1;
}

void
fault_touch(struct fault_node *node)
{
	node->changed.tv_sec = (time_t)(1000000000 + fault_one->ticks / 1000);
	node->changed.tv_nsec = (long)(fault_one->ticks % 1000) * 1000000;
}

struct disk_fault *
disk_fault_new(uint64_t seed)
{
	assert(!fault_one);
	fault_one = NEW(struct disk_fault);
	fault_one->chance = seed * 2654435761u + 88172645463325252u;
	fault_one->room = UINT64_MAX;
	(void)pthread_mutex_init(&fault_one->lock, NULL);
	fault_one->root = fault_node_new(fault_one, S_IFDIR | 0700, NULL);
	fault_put_file_ops(&fault_ops);
	fault_put_name_ops(&fault_ops);
	disk_use(&fault_ops);
	return fault_one;
}

void
disk_fault_free(struct disk_fault **d)
{
	assert(*d == fault_one);
	while (fault_one->nodes) {
		struct fault_node *next = fault_one->nodes->next;

		fault_node_free(fault_one->nodes);
		fault_one->nodes = next;
	}
	(void)pthread_mutex_destroy(&fault_one->lock);
	memory_free(fault_one);
	fault_one = NULL;
	*d = NULL;
	disk_use(NULL);
}

int
disk_fault_root(struct disk_fault *d)
{
	int fd;

	fault_lock();
	fd = fault_new_fd(d->root);
	return fault_done(fd, EMFILE);
}

uint64_t
disk_fault_calls(struct disk_fault *d)
{
	uint64_t calls;

	fault_lock();
	calls = d->calls;
	(void)fault_done(0, 0);
	return calls;
}

uint64_t
disk_fault_syncs(struct disk_fault *d)
{
	uint64_t syncs;

	fault_lock();
	syncs = d->syncs;
	(void)fault_done(0, 0);
	return syncs;
}

void
disk_fault_fail(struct disk_fault *d, uint64_t nth, uint64_t count, int error)
{
	fault_lock();
	d->fail_from = nth ? d->calls + nth : 0;
	d->fail_to = count > UINT64_MAX - d->fail_from ? UINT64_MAX : d->fail_from + count;
	d->fail_error = error;
	(void)fault_done(0, 0);
}

void
disk_fault_cut(struct disk_fault *d, uint64_t nth)
{
	fault_lock();
	d->cut_at = nth ? d->calls + nth : 0;
	(void)fault_done(0, 0);
}

bool
disk_fault_is_cut(struct disk_fault *d)
{
	bool is_cut;

	fault_lock();
	is_cut = d->is_cut;
	(void)fault_done(0, 0);
	return is_cut;
}

void
disk_fault_crash(struct disk_fault *d)
{
	fault_lock();
	fault_choose_order(d);
	for (struct fault_node *node = d->nodes; node; node = node->next)
		fault_crash_node(d, node);
	memset(d->fds, 0, sizeof d->fds);
	d->is_cut = false;
	d->cut_at = 0;
	d->fail_from = 0;
	(void)fault_done(0, 0);
}

void
disk_fault_set_room(struct disk_fault *d, uint64_t octets)
{
	fault_lock();
	d->room = octets;
	(void)fault_done(0, 0);
}

void
disk_fault_mount(struct disk_fault *d, const char *path, uint64_t device)
{
	struct fault_node *node;
	int error;

	(void)d;
	fault_lock();
	node = fault_find(AT_FDCWD, path, &error);
	assert(node && node->names && map_count(node->names) == 0);
	node->device = device;
	(void)fault_done(0, 0);
}

void
disk_fault_order_names(struct disk_fault *d)
{
	fault_lock();
	d->is_ordered = true;
	(void)fault_done(0, 0);
}

void
disk_fault_flip(struct disk_fault *d, const char *path, uint64_t octet, unsigned int bit)
{
	struct fault_node *node;
	int error;

	(void)d;
	fault_lock();
	node = fault_find(AT_FDCWD, path, &error);
	assert(node && node->live && octet < node->size);
	node->live[octet] ^= (uint8_t)(1u << bit);
	node->synced[octet] ^= (uint8_t)(1u << bit);
	(void)fault_done(0, 0);
}
