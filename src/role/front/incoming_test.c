#include "role/front/incoming.h"

#include "sys/disk.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

static void
put_given(void *arg, struct bytes header, bool is_whole, struct buf *out)
{
	(void)header;
	(void)is_whole;
	put_text(out, arg);
}

static void
assert_stored(struct incoming *i, struct bytes want)
{
	assert_true(incoming_finish(i));
	assert_int_equal(incoming_octets(i).len, want.len);
	assert_memory_equal(incoming_octets(i).ptr, want.ptr, want.len);
}

static void
wire_form_becomes_disk_form_at_every_split(void **state)
{
	static const struct {
		const char *name;
		struct bytes wire, want;
	} rows[] = {
		{ "lines", BYTES_INIT("A: b\r\n\r\nx\r\ny\r\n"), BYTES_INIT("A: b\n\nx\ny\n") },
		{ "no end", BYTES_INIT("A: b\r\n\r\nx"), BYTES_INIT("A: b\n\nx") },
		{ "cr cr lf is kept", BYTES_INIT("A: b\r\n\r\nx\r\r\ny"), BYTES_INIT("A: b\n\nx\r\r\ny") },
		{ "bare cr is kept", BYTES_INIT("A: b\r\n\r\nx\ry\r"), BYTES_INIT("A: b\n\nx\ry\r") },
		{ "bare lf is a line end", BYTES_INIT("A: b\n\nx\n"), BYTES_INIT("A: b\n\nx\n") },
		{ "no header", BYTES_INIT("\r\nbody\r\n"), BYTES_INIT("\nbody\n") },
		{ "header alone", BYTES_INIT("A: b\r\n"), BYTES_INIT("A: b\n") },
		{ "empty", BYTES_INIT(""), BYTES_INIT("") },
	};

	(void)state;
	for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++)
		for (size_t cut = 0; cut <= rows[r].wire.len; cut++) {
			struct incoming *i = incoming_new(NULL, NULL, NULL);

			incoming_add(i, bytes_sub(rows[r].wire, 0, cut));
			incoming_add(i, bytes_sub(rows[r].wire, cut, rows[r].wire.len));
			assert_stored(i, rows[r].want);
			incoming_free(&i);
		}
}

struct seen {
	struct buf header, body;
	bool is_whole;
};

static void
see_header(void *arg, struct bytes header, bool is_whole, struct buf *out)
{
	struct seen *s = arg;

	put_bytes(&s->header, header);
	s->is_whole = is_whole;
	put_text(out, "Received: x\n");
}

static void
see_body(void *arg, struct bytes octets)
{
	struct seen *s = arg;

	assert_true(s->is_whole);
	put_bytes(&s->body, octets);
}

static void
header_and_body_are_told_apart_at_every_split(void **state)
{
	static const struct {
		struct bytes wire, header, body;
	} rows[] = {
		{ BYTES_INIT("A: b\r\n\r\nx\r\n\r\ny\r\n"), BYTES_INIT("A: b\n\n"), BYTES_INIT("x\n\ny\n") },
		{ BYTES_INIT("\r\n\r\nbody\r\n"), BYTES_INIT("\n"), BYTES_INIT("\nbody\n") },
		{ BYTES_INIT("A: b\r\n"), BYTES_INIT("A: b\n"), BYTES_INIT("") },
		{ BYTES_INIT("A: b\r\n\r\n"), BYTES_INIT("A: b\n\n"), BYTES_INIT("") },
		{ BYTES_INIT(""), BYTES_INIT(""), BYTES_INIT("") },
	};

	(void)state;
	for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
		for (size_t cut = 0; cut <= rows[r].wire.len; cut++) {
			struct seen seen = { .is_whole = false };
			struct incoming *i = incoming_new(see_header, see_body, &seen);

			buf_init(&seen.header, 1000);
			buf_init(&seen.body, 1000);
			incoming_add(i, bytes_sub(rows[r].wire, 0, cut));
			incoming_add(i, bytes_sub(rows[r].wire, cut, rows[r].wire.len));
			assert_true(incoming_finish(i) && seen.is_whole);
			assert_true(bytes_equal(buf_bytes(&seen.header), rows[r].header));
			assert_true(bytes_equal(buf_bytes(&seen.body), rows[r].body));
			incoming_free(&i);
			buf_done(&seen.header);
			buf_done(&seen.body);
		}
}

static void
a_header_beyond_what_is_looked_at_is_not_whole(void **state)
{
	struct seen seen = { .is_whole = true };
	struct incoming *i = incoming_new(see_header, NULL, &seen);

	(void)state;
	buf_init(&seen.header, 1 << 20);
	for (int n = 0; n < 4000; n++)
		incoming_add(i, BYTES("X-Field: 0123456\r\n"));
	incoming_add(i, BYTES("\r\nbody\r\n"));
	assert_true(incoming_finish(i));
	assert_false(seen.is_whole);
	incoming_free(&i);
	buf_done(&seen.header);
}

static void
the_head_is_asked_for_once_and_stands_first(void **state)
{
	char received[] = "Received: x\n";
	struct incoming *i = incoming_new(put_given, NULL, received);

	(void)state;
	incoming_add(i, BYTES("Subject: y\r\n\r\nz\r\n"));
	assert_stored(i, BYTES("Received: x\nSubject: y\n\nz\n"));
	assert_int_equal(incoming_facts(i).received_count, 1);
	assert_int_equal(incoming_facts(i).size, 13 + 12 + 2 + 3);
	incoming_free(&i);
}

static void
what_is_large_goes_to_the_file_whole(void **state)
{
	struct incoming *i = incoming_new(NULL, NULL, NULL);
	struct buf wire, want, got;
	int fd;

	(void)state;
	buf_init(&wire, 1 << 20);
	buf_init(&want, 1 << 20);
	buf_init(&got, 1 << 20);
	put_text(&wire, "A: b\r\n\r\n");
	put_text(&want, "A: b\n\n");
	for (int n = 0; n < 10000; n++) {
		put_format(&wire, "line %d of many\r\n", n);
		put_format(&want, "line %d of many\n", n);
	}
	fd = disk->openat(AT_FDCWD, "/tmp", O_TMPFILE | O_RDWR, 0600);
	assert_true(fd >= 0);
	for (size_t at = 0; at < wire.len; at += 7000) {
		incoming_add(i, bytes_sub(buf_bytes(&wire), at, 7000));
		if (incoming_needs_file(i)) {
			incoming_set_file(i, fd);
			fd = -1;
		}
	}
	assert_true(incoming_finish(i));
	assert_int_equal(fd, -1);
	assert_int_equal(incoming_octets(i).len, 0);
	assert_non_null(buf_room(&got, want.len));
	assert_int_equal(disk_read_all(incoming_file(i), got.ptr, want.len, 0), 0);
	assert_memory_equal(got.ptr, want.ptr, want.len);
	incoming_free(&i);
	buf_done(&wire);
	buf_done(&want);
	buf_done(&got);
}

static void
a_header_without_end_does_not_grow(void **state)
{
	char nothing[] = "";
	struct incoming *i = incoming_new(put_given, NULL, nothing);
	struct buf want;

	(void)state;
	buf_init(&want, 1 << 20);
	for (int n = 0; n < 4000; n++) {
		incoming_add(i, BYTES("X-Field: 0123456\r\n"));
		put_text(&want, "X-Field: 0123456\n");
	}
	assert_stored(i, buf_bytes(&want));
	incoming_free(&i);
	buf_done(&want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wire_form_becomes_disk_form_at_every_split),
		cmocka_unit_test(header_and_body_are_told_apart_at_every_split),
		cmocka_unit_test(a_header_beyond_what_is_looked_at_is_not_whole),
		cmocka_unit_test(the_head_is_asked_for_once_and_stands_first),
		cmocka_unit_test(what_is_large_goes_to_the_file_whole),
		cmocka_unit_test(a_header_without_end_does_not_grow),
	};

	return cmocka_run_group_tests_name("incoming", tests, NULL, NULL);
}
