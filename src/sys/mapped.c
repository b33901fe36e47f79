/* Who touches a page of a mapped file that is not there gets SIGBUS: the file was cut short by another program (cp over
   it does that), or the disk could not read it.  Neither may end a process that serves others.

   So the handler puts zeros in the place of the whole mapping, for this process alone, remembers that (disk_is_torn), and lets the
   thread go on; what is torn stays so.  Whoever maps such a file believes nothing in it that could hurt him, and asks disk_is_torn before
   what he read has consequences.

   The signal comes of the thread's own access to a mapping, and none is made under the lock: so the handler may take it (POSIX
   XSH 2.4.3: it interrupts no unsafe function). */
#include "sys/mapped.h"

#include "base/map.h"
#include "base/memory.h"
#include "sys/disk.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>

struct mapped {
	uint8_t *ptr;
	size_t count;
	int protection;
	bool is_torn;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct map *all; /* address -> struct mapped; under the mutex */
static _Atomic uint32_t torn_count;

/* False: the address is in none of ours. */
static bool
tear(const uint8_t *address)
{
	struct bytes key;
	size_t at = 0;
	void *value;

	while (map_next(all, &at, &key, &value)) {
		struct mapped *m = value;

		if (address < m->ptr || (size_t)(address - m->ptr) >= m->count)
			continue;
		/* By another thread, in between: what it wrote since stays. */
		if (m->is_torn)
			return true;
		if (mmap(m->ptr, m->count, m->protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
			return false;
		m->is_torn = true;
		atomic_fetch_add(&torn_count, 1);
		return true;
	}
	return false;
}

static bool
is_ours(const siginfo_t *info)
{
	bool is_torn;

	/* What somebody sends comes at any time: under the lock, too. */
	if (info->si_code <= 0)
		return false;
	pthread_mutex_lock(&mutex);
	is_torn = tear(info->si_addr);
	pthread_mutex_unlock(&mutex);
	return is_torn;
}

static void
on_sigbus(int number, siginfo_t *info, void *context)
{
	const struct sigaction by_default = { .sa_handler = SIG_DFL };
	int error = errno;

	(void)context;
	if (!is_ours(info)) /* the access is made again, and ends the process */
		(void)sigaction(number, &by_default, NULL);
	errno = error;
}

static void
begin(void)
{
	all = map_new();
}

/* With each mapping: a library that sets a handler of its own must not take ours away for good. */
static void
set_handler(void)
{
	const struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_NODEFER };

	(void)sigaction(SIGBUS, &action, NULL);
}

/* Page faults are dear: what is only read is brought in at once.  A writer's mapping isn't, for
   that would fill the holes of the file. */
void *
mapped_new(int fd, size_t count, bool is_writable)
{
	int protection = is_writable ? PROT_READ | PROT_WRITE : PROT_READ;
	int flags = is_writable ? MAP_SHARED : MAP_SHARED | MAP_POPULATE;
	void *ptr = mmap(NULL, count, protection, flags, fd, 0);
	struct mapped *m;

	if (ptr == MAP_FAILED)
		return NULL;
	(void)pthread_once(&once, begin);
	set_handler();
	m = NEW(struct mapped);
	*m = (struct mapped){ .ptr = ptr, .count = count, .protection = protection };
	pthread_mutex_lock(&mutex);
	(void)map_put_number(all, (uintptr_t)ptr, m);
	pthread_mutex_unlock(&mutex);
	return ptr;
}

int
mapped_free(void *ptr, size_t count)
{
	struct mapped *m;
	int result;

	(void)pthread_once(&once, begin);
	pthread_mutex_lock(&mutex);
	m = map_remove_number(all, (uintptr_t)ptr);
	if (m && m->is_torn)
		atomic_fetch_sub(&torn_count, 1);
	result = munmap(ptr, count);
	pthread_mutex_unlock(&mutex);
	memory_free(m);
	return result;
}

bool
disk_is_torn(const void *mapping)
{
	const struct mapped *m;
	bool is_torn;

	if (atomic_load(&torn_count) == 0)
		return false;
	pthread_mutex_lock(&mutex);
	m = map_get_number(all, (uintptr_t)mapping);
	is_torn = m && m->is_torn;
	pthread_mutex_unlock(&mutex);
	return is_torn;
}
