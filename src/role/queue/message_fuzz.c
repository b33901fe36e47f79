/* Images as a damaged disk may hold them, and recipients as a front that was taken over may send them. */
#include "role/queue/message.h"
#include "role/queue/spool_record.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of the present version what is taken is put as it was; of an older one as it will be from then on. */
static void
check_image(struct bytes in)
{
	struct queued *m = queued_take(in);
	bool is_present = in.len > 0 && in.ptr[0] == 2;
	struct buf again;

	if (!m)
		return;
	buf_init(&again, SIZE_MAX);
	queued_put(&again, m);
	if (is_present)
		assert(bytes_equal(buf_bytes(&again), in));
	else
		check_image(buf_bytes(&again));
	buf_done(&again);
	queued_free(&m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);
	struct spool_record record;
	struct envelope e = { .recipients = in };
	struct queued *m = queued_new(&e);

	queued_free(&m);
	check_image(in);
	if (spool_take_record(in, &record))
		check_image(record.image);
	return 0;
}
