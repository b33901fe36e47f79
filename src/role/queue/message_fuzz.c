/* Images as a damaged disk may hold them, and recipients as a front that was taken over may send them. */
#include "role/queue/message.h"
#include "role/queue/spool_record.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
put_taken(struct bytes in, struct buf *out)
{
	struct queued *m = queued_take(in);

	buf_init(out, SIZE_MAX);
	if (m)
		queued_put(out, m);
	queued_free(&m);
}

/* What is taken is put as it stays from then on. */
static void
check_image(struct bytes in)
{
	struct buf once, twice;

	put_taken(in, &once);
	put_taken(buf_bytes(&once), &twice);
	assert(bytes_equal(buf_bytes(&once), buf_bytes(&twice)));
	buf_done(&once);
	buf_done(&twice);
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
