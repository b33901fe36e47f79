#include "role/directory/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
put_user_again(void *arg, const struct user_record *record)
{
	image_put_user(arg, record);
}

static void
put_alias_again(void *arg, const struct alias_record *record)
{
	image_put_alias(arg, record);
}

static void
put_group_again(void *arg, const struct group_record *record)
{
	image_put_group(arg, record);
}

/* What is read whole, put again, gives the same octets. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct image_visitor visitor = { put_user_again, put_alias_again, put_group_again };
	const struct run run = run_of(bytes_of(data, size));
	struct buf again, marker;
	size_t begin;

	buf_init(&again, size + 1);
	buf_init(&marker, size + 1);
	if (image_visit(bytes_of(data, size), &visitor, &again) && !bytes_equal(buf_bytes(&again), bytes_of(data, size)))
		__builtin_trap();
	/* The marker stands before the records. */
	begin = image_find_records(&run, BYTES(""), &marker);
	if (begin > size || marker.len > begin || marker.has_failed)
		__builtin_trap();
	buf_done(&again);
	buf_done(&marker);
	return 0;
}
