#include "role/directory/entries.h"

#include "role/directory/early.h"
#include "role/directory/sync_value.h"
#include "sys/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ORIGIN BYTES("ldap://here")

struct world {
	struct entries e;
	char path[64];
	int directory;
};

static void
open_world(struct world *w, bool has_disk)
{
	(void)snprintf(w->path, sizeof w->path, "/tmp/mermoz-entries-XXXXXX");
	assert_non_null(mkdtemp(w->path));
	w->directory = has_disk ? open(w->path, O_RDONLY | O_DIRECTORY) : -1;
	entries_init(&w->e, w->directory, "entries", ORIGIN, IMAGE_OCTETS_MAX);
}

static void
close_world(struct world *w)
{
	entries_done(&w->e);
	if (w->directory >= 0) {
		(void)unlinkat(w->directory, "entries", 0);
		(void)close(w->directory);
	}
	(void)rmdir(w->path);
}

/* As if the process had been killed and begun again.  False: nothing was found. */
static bool
begin_again(struct world *w, char state[64])
{
	struct buf out;
	bool is_found;

	entries_done(&w->e);
	entries_init(&w->e, w->directory, "entries", ORIGIN, IMAGE_OCTETS_MAX);
	buf_init_fixed(&out, state, 63);
	is_found = entries_open(&w->e, &out);
	put_char(&out, '\0');
	return is_found;
}

static struct bytes
uuid(char c, char space[SYNC_UUID_OCTETS])
{
	memset(space, c, SYNC_UUID_OCTETS);
	return bytes_of(space, SYNC_UUID_OCTETS);
}

static bool
put(struct world *w, char c, const char *records)
{
	char space[SYNC_UUID_OCTETS];

	return entries_put(&w->e, uuid(c, space), bytes_text(records));
}

static bool
remove_entry(struct world *w, char c)
{
	char space[SYNC_UUID_OCTETS];

	return entries_delete(&w->e, uuid(c, space));
}

static void
meet(struct world *w, char c)
{
	char space[SYNC_UUID_OCTETS];

	entries_meet(&w->e, uuid(c, space));
}

static void
expect(struct world *w, const char *want)
{
	struct run out;

	run_init(&out, w->directory);
	assert_true(entries_read(&w->e, &out));
	assert_true(bytes_equal(buf_bytes(&out.tail), bytes_text(want)));
	run_done(&out);
}

/* want: NULL when it is not there. */
static void
expect_entry(struct world *w, char c, const char *want)
{
	char space[SYNC_UUID_OCTETS], text[64];
	struct buf out;

	buf_init_fixed(&out, text, sizeof text);
	assert_int_equal(entries_find(&w->e, uuid(c, space), &out), want != NULL);
	assert_true(bytes_equal(buf_bytes(&out), bytes_text(want ? want : "")));
	assert_false(entries_has(&w->e, uuid(c, space), BYTES("other")));
	if (want)
		assert_true(entries_has(&w->e, uuid(c, space), bytes_text(want)));
}

static void
save(struct world *w, const char *state)
{
	struct fault f;

	assert_int_equal(entries_save(&w->e, bytes_text(state), &f), 0);
	assert_int_equal(entries_unsaved(&w->e), 0);
}

/* With and without a disk, and with all that came before saved or not. */
static void
run_everywhere(void (*run)(struct world *w, bool is_saved))
{
	for (int i = 0; i < 4; i++) {
		struct world w;

		open_world(&w, i & 1);
		run(&w, i & 2);
		close_world(&w);
	}
}

static void
change_some(struct world *w, bool is_saved)
{
	assert_true(put(w, 'a', "A "));
	assert_true(put(w, 'b', "B "));
	assert_true(put(w, 'c', "C "));
	if (is_saved)
		save(w, "one");
	assert_false(put(w, 'b', "B "));
	assert_true(put(w, 'b', "Bb "));
	assert_true(put(w, 'd', "D "));
	assert_true(put(w, 'd', "Dd "));
	assert_true(remove_entry(w, 'c'));
	assert_false(remove_entry(w, 'c'));
	assert_false(remove_entry(w, 'x'));
	expect(w, "A Bb Dd ");
	expect_entry(w, 'a', "A ");
	expect_entry(w, 'b', "Bb ");
	expect_entry(w, 'c', NULL);
	expect_entry(w, 'd', "Dd ");
	expect_entry(w, 'x', NULL);
	assert_true(put(w, 'c', "C "));
	assert_true(put(w, 'a', ""));
	assert_false(put(w, 'a', ""));
}

static void
what_was_put_last_counts(void **state)
{
	(void)state;
	run_everywhere(change_some);
}

static void
pass_over_some(struct world *w, bool is_saved)
{
	put(w, 'a', "A ");
	put(w, 'b', "B ");
	put(w, 'c', "C ");
	if (is_saved)
		save(w, "one");
	entries_begin_pass(&w->e, false);
	meet(w, 'a');
	put(w, 'd', "D ");
	put(w, 'c', "Cc ");
	assert_false(entries_has_strangers(&w->e));
	assert_int_equal(entries_end_pass(&w->e), 1);
	expect(w, is_saved ? "A Cc D " : "A D Cc ");
	entries_begin_pass(&w->e, true);
	put(w, 'a', "A ");
	put(w, 'c', "Cc ");
	put(w, 'd', "D ");
	assert_int_equal(entries_end_pass(&w->e), 0);
	entries_begin_pass(&w->e, false);
	meet(w, 'x');
	assert_true(entries_has_strangers(&w->e));
	entries_drop_pass(&w->e);
	expect(w, is_saved ? "A Cc D " : "A D Cc ");
}

static void
a_pass_deletes_what_it_did_not_meet(void **state)
{
	(void)state;
	run_everywhere(pass_over_some);
}

static void
an_entry_that_has_not_come_yet_is_no_stranger(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, false);
	entries_begin_pass(&w.e, false);
	meet(&w, 'a');
	put(&w, 'a', "A ");
	assert_false(entries_has_strangers(&w.e));
	entries_drop_pass(&w.e);
	close_world(&w);
}

static void
a_kill_leaves_what_was_saved_with_its_state(void **state)
{
	struct world w;
	char found[64];

	(void)state;
	open_world(&w, true);
	assert_false(begin_again(&w, found));
	put(&w, 'a', "A ");
	put(&w, 'b', "B ");
	save(&w, "one");
	put(&w, 'c', "C ");
	assert_true(begin_again(&w, found));
	assert_string_equal(found, "one");
	expect(&w, "A B ");
	assert_false(put(&w, 'b', "B "));
	assert_true(remove_entry(&w, 'a'));
	save(&w, "two");
	assert_true(begin_again(&w, found));
	assert_string_equal(found, "two");
	expect(&w, "B ");
	close_world(&w);
}

static void
a_file_that_is_damaged_or_of_elsewhere_counts_as_none(void **state)
{
	struct world w;
	char found[64];
	int fd;

	(void)state;
	open_world(&w, true);
	put(&w, 'a', "A ");
	save(&w, "one");
	entries_done(&w.e);
	entries_init(&w.e, w.directory, "entries", BYTES("ldap://elsewhere"), IMAGE_OCTETS_MAX);
	assert_false(entries_open(&w.e, &(struct buf){ 0 }));
	expect(&w, "");
	fd = openat(w.directory, "entries", O_WRONLY);
	assert_int_equal(pwrite(fd, "!", 1, 60), 1);
	(void)close(fd);
	assert_false(begin_again(&w, found));
	expect(&w, "");
	put(&w, 'b', "B ");
	save(&w, "two");
	assert_true(begin_again(&w, found));
	expect(&w, "B ");
	close_world(&w);
}

static void
without_a_place_to_write_nothing_is_lost(void **state)
{
	struct world w;
	struct fault f;

	(void)state;
	open_world(&w, true);
	put(&w, 'a', "A ");
	save(&w, "one");
	put(&w, 'b', "B ");
	/* In the place of the new file stands a directory. */
	assert_int_equal(mkdirat(w.directory, ".entries.new", 0700), 0);
	assert_int_equal(entries_save(&w.e, BYTES("two"), &f), -1);
	assert_int_equal(entries_unsaved(&w.e), 0);
	expect(&w, "A B ");
	assert_true(put(&w, 'c', "C "));
	assert_int_equal(unlinkat(w.directory, ".entries.new", AT_REMOVEDIR), 0);
	save(&w, "three");
	expect(&w, "A B C ");
	close_world(&w);
}

static void
a_change_that_finds_no_room_is_told_and_never_saved(void **state)
{
	struct buf state_text;
	char space[64];
	struct world w;
	struct fault f;

	(void)state;
	open_world(&w, true);
	put(&w, 'a', "A ");
	save(&w, "one");
	entries_done(&w.e);
	entries_init(&w.e, w.directory, "entries", ORIGIN, 64);
	buf_init_fixed(&state_text, space, sizeof space);
	assert_true(entries_open(&w.e, &state_text));
	put(&w, 'b', "B ");
	assert_int_equal(entries_check_room(&w.e, &f), 0);
	put(&w, 'c', "more than there is room for ");
	assert_int_equal(entries_check_room(&w.e, &f), -1);
	assert_int_equal(f.kind, FAULT_LIMIT);
	assert_int_equal(entries_save(&w.e, BYTES("two"), &f), -1);
	expect(&w, "A B ");
	entries_clear(&w.e);
	assert_int_equal(entries_check_room(&w.e, &f), 0);
	close_world(&w);
}

static ssize_t
read_nothing(int fd, void *to, size_t count, off_t at)
{
	(void)fd, (void)to, (void)count, (void)at;
	errno = EIO;
	return -1;
}

static void
an_entry_that_had_what_cannot_be_read_is_left_to_a_reading_of_all(void **state)
{
	struct disk_ops ops = disk_system;
	char space[SYNC_UUID_OCTETS];
	struct early early;
	struct world w;

	(void)state;
	open_world(&w, true);
	early_init(&early);
	put(&w, 'a', "A ");
	save(&w, "one");
	ops.pread = read_nothing;
	disk_use(&ops);
	early_note_put(&early, &w.e, uuid('b', space), BYTES("B "));
	assert_false(early.pairs.has_failed);
	early_note_put(&early, &w.e, uuid('a', space), BYTES("Aa "));
	assert_true(early.pairs.has_failed);
	early_reset(&early);
	early_note_delete(&early, &w.e, uuid('a', space));
	assert_true(early.pairs.has_failed);
	disk_use(NULL);
	early_done(&early);
	close_world(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_last_counts),
		cmocka_unit_test(a_pass_deletes_what_it_did_not_meet),
		cmocka_unit_test(an_entry_that_has_not_come_yet_is_no_stranger),
		cmocka_unit_test(a_kill_leaves_what_was_saved_with_its_state),
		cmocka_unit_test(a_file_that_is_damaged_or_of_elsewhere_counts_as_none),
		cmocka_unit_test(without_a_place_to_write_nothing_is_lost),
		cmocka_unit_test(a_change_that_finds_no_room_is_told_and_never_saved),
		cmocka_unit_test(an_entry_that_had_what_cannot_be_read_is_left_to_a_reading_of_all),
	};

	return cmocka_run_group_tests_name("entries", tests, NULL, NULL);
}
