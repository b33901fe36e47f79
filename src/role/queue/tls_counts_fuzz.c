/* Random octets as an image of counts, whose checksum is made right: what is taken keeps the limits, and comes back as it is. */
#include "role/queue/tls_counts.h"

#include "journal/crc.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
set_checksum(struct buf *image)
{
	uint8_t crc[4];
	struct buf head;

	buf_init_fixed(&head, crc, sizeof crc);
	put_u32(&head, crc32c(0, bytes_sub(buf_bytes(image), sizeof crc, image->len)));
	memcpy(image->ptr, crc, sizeof crc);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tls_period *once, *twice;
	struct buf image;

	if (size < 4)
		return 0;
	buf_init(&image, TLS_IMAGE_OCTETS_MAX);
	put_bytes(&image, bytes_of(data, size));
	set_checksum(&image);
	once = tls_period_take(buf_bytes(&image), 1);
	if (once) {
		buf_reset(&image);
		tls_period_put(&image, once);
		twice = tls_period_take(buf_bytes(&image), 1);
		if (!twice || twice->octets != once->octets || map_count(twice->domains) != map_count(once->domains) || once->octets > TLS_OCTETS_MAX)
			abort();
		tls_period_free(&twice);
	}
	tls_period_free(&once);
	buf_done(&image);
	return 0;
}
