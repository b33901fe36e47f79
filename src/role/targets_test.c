#include "role/targets.h"

#include "sys/disk.h"
#include "sys/process.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static uint8_t octets[IPC_TARGETS_MAX + 1];

/* What comes out of a RESOLVED that holds, or carries, so many octets. */
static void
check_way(size_t len, size_t descriptors)
{
	struct message m = { .type = MESSAGE_RESOLVED };
	struct bytes list;
	struct buf space;

	assert_true(targets_attach(&m, bytes_of(octets, len)));
	assert_int_equal(m.fd_count, descriptors);
	assert_true(targets_take(&m, &space, &list));
	assert_true(bytes_equal(list, bytes_of(octets, len)));
	buf_done(&space);
}

static void
a_list_comes_out_as_it_went_in_however_long_it_is(void **state)
{
	(void)state;
	memset(octets, 'x', sizeof octets);
	check_way(0, 0);
	check_way(IPC_TARGETS_INLINE, 0);
	check_way(IPC_TARGETS_INLINE + 1, 1);
	check_way(IPC_TARGETS_MAX, 1);
}

/* The descriptor is taken. */
static void
check_refused(int fd)
{
	struct message m = { .type = MESSAGE_RESOLVED, .fds = { fd }, .fd_count = 1 };
	struct bytes list;
	struct buf space;

	assert_true(fd >= 0);
	assert_false(targets_take(&m, &space, &list));
	buf_done(&space);
}

static void
a_descriptor_of_anything_else_is_refused_and_never_waited_for(void **state)
{
	struct fault f;
	int pipes[2];

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	check_refused(pipes[0]);
	check_refused(memfd_create("not sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING));
	check_refused(open("/dev/zero", O_RDONLY | O_CLOEXEC));
	check_refused(process_memory_file("too large", octets, sizeof octets, &f));
	disk_close(&pipes[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_comes_out_as_it_went_in_however_long_it_is),
		cmocka_unit_test(a_descriptor_of_anything_else_is_refused_and_never_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
