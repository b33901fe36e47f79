/* A sync that failed is heard of by one who asks, once: J7 of the journal for the file systems of mail. */
#include "role/store/file_systems.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <semaphore.h>
#include <time.h>

enum { PATIENCE_MS = 200 };

static struct engine engine;
static pthread_t other;
static sem_t other_is_done;
static int calls, result_of_other;

static void *
sync_beside(void *arg)
{
	(void)arg;
	result_of_other = file_systems_sync(&engine, NULL);
	(void)sem_post(&other_is_done);
	return NULL;
}

/* The first call fails, and has told nobody yet while another thread syncs. */
static int
fail_once(int fd)
{
	struct timespec end;

	(void)fd;
	if (calls++)
		return 0;
	assert_int_equal(pthread_create(&other, NULL, sync_beside, NULL), 0);
	assert_int_equal(clock_gettime(CLOCK_REALTIME, &end), 0);
	end.tv_nsec += PATIENCE_MS * 1000000L;
	end.tv_sec += end.tv_nsec / 1000000000L;
	end.tv_nsec %= 1000000000L;
	(void)sem_timedwait(&other_is_done, &end); /* it waits for us, or not */
	errno = EIO;
	return -1;
}

static void
who_syncs_while_another_sync_fails_does_not_call_it_done(void **state)
{
	struct disk_ops ops = disk_system;

	(void)state;
	ops.syncfs = fail_once;
	disk_use(&ops);
	assert_int_equal(sem_init(&other_is_done, 0, 0), 0);
	assert_int_equal(pthread_mutex_init(&engine.lock, NULL), 0);
	file_systems_init(&engine);
	assert_int_equal(file_systems_note(&engine, AT_FDCWD, "."), 0);
	assert_int_equal(file_systems_sync(&engine, NULL), -1);
	assert_int_equal(pthread_join(other, NULL), 0);
	assert_int_equal(result_of_other, -1);
	file_systems_done(&engine);
	assert_int_equal(pthread_mutex_destroy(&engine.lock), 0);
	disk_use(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(who_syncs_while_another_sync_fails_does_not_call_it_done) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
