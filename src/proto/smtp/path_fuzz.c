/* Any octets as a path: a failure changes nothing, and what is taken keeps its promises and is taken the same again. */
#include "proto/smtp/session.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
check(const struct smtp_path *path, struct bytes taken, bool may_utf8)
{
	must(taken.ptr[0] == '<' && taken.ptr[taken.len - 1] == '>');
	if (path->is_null) {
		must(bytes_equal(taken, BYTES("<>")));
		return;
	}
	must(path->text.len && path->text.len <= 254 && path->local.len <= path->text.len && path->domain.len <= 255);
	must(path->domain.len || bytes_equal_nocase(path->local, BYTES("postmaster")));
	must(may_utf8 ? bytes_is_utf8(path->text) : bytes_is_ascii(path->text));
	for (size_t i = 0; i < path->text.len; i++)
		must(!byte_is_class(path->text.ptr[i], CLASS_CONTROL));
	for (size_t i = 0; i < path->domain.len; i++)
		must(path->domain.ptr[i] != '>' || path->domain.ptr[0] == '[');
}

static void
check_again(struct bytes in, bool may_utf8, const struct smtp_path *path)
{
	struct arena *arena = arena_new("again", 4096, ARENA_PLAIN);
	struct smtp_path again;

	must(smtp_path_parse(&in, may_utf8, arena, &again, NULL) == 0);
	must(bytes_equal(again.local, path->local) && bytes_equal(again.domain, path->domain));
	arena_free(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes all = bytes_of(data, size), rest, how;
	struct arena *arena = arena_new("path", 4096, ARENA_PLAIN);
	struct smtp_path path;
	bool may_utf8;

	if (take_octets(&all, 1, &how)) {
		rest = all;
		may_utf8 = how.ptr[0] & 1;
		if (smtp_path_parse(&rest, may_utf8, arena, &path, NULL) != 0) {
			must(rest.ptr == all.ptr && rest.len == all.len);
		} else {
			check(&path, bytes_between(all, rest), may_utf8);
			check_again(bytes_between(all, rest), may_utf8, &path);
		}
	}
	arena_free(&arena);
	return 0;
}
