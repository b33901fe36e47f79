#include "cli/room.h"

#include "cli/test_support.h"
#include "sys/disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t free_octets;

static int
say_free(int fd, uint64_t *octets)
{
	(void)fd;
	*octets = free_octets;
	return 0;
}

static void
check_free(const struct config *c, uint64_t octets, const char *want)
{
	struct fault f = { 0 };
	int result;

	free_octets = octets;
	result = room_check(c, &f);
	if (want ? result == 0 || !strstr(f.text, want) : result != 0)
		fail_msg("%ju: %s", (uintmax_t)octets, f.text);
}

static void
a_state_directory_has_room_for_journals_reserve_and_a_message(void **state)
{
	char path[] = "/tmp/mermoz-room-XXXXXX", journal[64], segment[80];
	/* Of the store 19 segments of 8 MiB, of the queue 67 of 2. */
	const uint64_t mebi = 1 << 20, journals = (152 + 134) * mebi, beside = (32 + 50) * mebi;
	struct config c = { .journal_octets_max = 64 * mebi, .message_octets_max = 50 * mebi };
	struct disk_ops ops = disk_system;
	char below[64];
	FILE *file;

	(void)state;
	ops.free_space = say_free;
	disk_use(&ops);
	assert_non_null(mkdtemp(path));
	(void)snprintf(below, sizeof below, "%s/not/there/yet", path);
	c.state_directory = bytes_text(below);
	check_free(&c, journals + beside, NULL);
	check_free(&c, journals + beside - 1, "368 MiB free, and 368 are needed: 286 that the journals take");
	check_free(&c, 0, " 0 MiB free");
	/* What a server that runs has taken already. */
	c.state_directory = bytes_text(path);
	(void)snprintf(journal, sizeof journal, "%s/queue", path);
	assert_int_equal(mkdir(journal, 0700), 0);
	(void)snprintf(journal, sizeof journal, "%s/queue/journal", path);
	assert_int_equal(mkdir(journal, 0700), 0);
	(void)snprintf(segment, sizeof segment, "%s/segment-1", journal);
	file = fopen(segment, "w");
	assert_non_null(file);
	for (size_t i = 0; i < mebi; i++)
		(void)fputc('x', file);
	(void)fclose(file);
	check_free(&c, journals + beside - mebi, NULL);
	check_free(&c, journals + beside - 2 * mebi, "are needed: 285 that");
	(void)unlink(segment);
	(void)rmdir(journal);
	(void)snprintf(journal, sizeof journal, "%s/queue", path);
	(void)rmdir(journal);
	(void)rmdir(path);
	disk_use(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_state_directory_has_room_for_journals_reserve_and_a_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
