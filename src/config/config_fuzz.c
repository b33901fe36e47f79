#include "config/apply.h"

#include "base/memory.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A printed slice must read back as the same slice. */
static void
check_round_trip(const struct config *c, enum role role)
{
	struct buf first, second;
	struct config *again = NULL;
	int result;

	buf_init(&first, 1 << 22);
	buf_init(&second, 1 << 22);
	config_put_slice(c, role, &first);
	result = config_read_slice(buf_bytes(&first), &again, NULL);
	assert(result == 0);
	config_put_slice(again, role, &second);
	assert(bytes_equal(buf_bytes(&first), buf_bytes(&second)));
	config_free(&again);
	buf_done(&first);
	buf_done(&second);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config_errors errors;
	struct arena *arena = arena_new("fuzz", 1 << 24, ARENA_PLAIN);
	struct config *c = config_new(), *slice = NULL;
	struct config_reading r = { .config = c, .errors = &errors };
	struct config_place at = { "fuzz", 1, 1 };
	struct config_node *first;

	errors.count = 0;
	r.is_partial = config_tree_read(bytes_of(data, size), "fuzz", arena, &first, &errors) != 0;
	config_apply(&r, first);
	config_complete(c);
	config_check(&r, &at);
	config_free(&c);
	arena_free(&arena);
	if (config_read_slice(bytes_of(data, size), &slice, NULL) == 0)
		for (enum role role = ROLE_SUPERVISOR; role < ROLE_COUNT; role++)
			check_round_trip(slice, role);
	config_free(&slice);
	return 0;
}
