#include "role/directory/run.h"

#include "sys/disk.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { ITEMS = 3000, LARGE = 700000 };

static size_t writes_left;

/* Item i: u32 octets, and so many octets of i; each thousandth is larger than any window. */
static uint32_t
octets_of(unsigned int i)
{
	return i % 1000 == 7 ? LARGE : i % 400;
}

static void
put_items(struct run *r)
{
	for (unsigned int i = 0; i < ITEMS; i++) {
		put_u32(&r->tail, octets_of(i));
		for (uint32_t n = 0; n < octets_of(i); n++)
			put_u8(&r->tail, (uint8_t)i);
		run_added(r);
	}
}

static bool
take_item(void *arg, struct bytes *in)
{
	unsigned int *next = arg;
	struct bytes rest = *in, item;
	uint32_t len;

	if (!take_u32(&rest, &len) || !take_octets(&rest, len, &item))
		return false;
	assert_int_equal(len, octets_of(*next));
	for (uint32_t n = 0; n < len; n++)
		if (item.ptr[n] != (uint8_t)*next)
			fail();
	*in = rest;
	++*next;
	return true;
}

static void
expect_items(const struct run *r)
{
	unsigned int next = 0;
	uint32_t len;
	uint64_t at = 0;

	assert_false(r->tail.has_failed);
	assert_true(run_each(r, take_item, &next));
	assert_int_equal(next, ITEMS);
	for (unsigned int i = 0; i < ITEMS; i++, at += sizeof len + len) {
		assert_true(run_read(r, at, &len, sizeof len));
		assert_int_equal(len, octets_of(i));
	}
	assert_int_equal(at, run_octets(r));
	assert_false(run_read(r, at, &len, 1));
}

static void
what_was_put_is_read_again_from_memory_and_from_a_file(void **state)
{
	int directory = open("/tmp", O_RDONLY | O_DIRECTORY);

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct run r;

		run_init(&r, i ? directory : -1);
		put_items(&r);
		assert_int_equal(r.fd >= 0, i);
		assert_true(r.tail.len < LARGE || !i);
		expect_items(&r);
		expect_items(&r);
		run_done(&r);
	}
	(void)close(directory);
}

static void
what_takes_the_place_of_another_leaves_nothing_behind(void **state)
{
	int directory = open("/tmp", O_RDONLY | O_DIRECTORY);
	struct run r, by;

	(void)state;
	run_init(&r, directory);
	run_init(&by, directory);
	put_u32(&r.tail, 0);
	put_items(&by);
	run_replace(&r, &by);
	assert_int_equal(run_octets(&by), 0);
	assert_int_equal(by.fd, -1);
	expect_items(&r);
	run_done(&r);
	run_done(&by);
	(void)close(directory);
}

static ssize_t
write_while_there_is_room(int fd, const void *from, size_t count, off_t at)
{
	if (writes_left == 0) {
		errno = ENOSPC;
		return -1;
	}
	writes_left--;
	return disk_system.pwrite(fd, from, count, at);
}

static void
without_room_on_disk_all_of_it_is_in_memory(void **state)
{
	int directory = open("/tmp", O_RDONLY | O_DIRECTORY);
	struct disk_ops ops = disk_system;

	(void)state;
	ops.pwrite = write_while_there_is_room;
	disk_use(&ops);
	for (size_t i = 0; i < 4; i++) {
		struct run r;

		writes_left = i;
		run_init(&r, directory);
		put_items(&r);
		assert_int_equal(r.fd, -1);
		expect_items(&r);
		run_done(&r);
	}
	disk_use(NULL);
	(void)close(directory);
}

static void
what_ends_in_an_item_is_no_run_of_items(void **state)
{
	const struct run r = run_of(BYTES("\0\0\0\0\0\0\0"));
	unsigned int next = 0;

	(void)state;
	assert_false(run_each(&r, take_item, &next));
	assert_int_equal(next, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_is_read_again_from_memory_and_from_a_file),
		cmocka_unit_test(what_takes_the_place_of_another_leaves_nothing_behind),
		cmocka_unit_test(without_room_on_disk_all_of_it_is_in_memory),
		cmocka_unit_test(what_ends_in_an_item_is_no_run_of_items),
	};

	return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
