/* Random octets as an image of counts, whose checksum is made right: what is taken keeps the limits, and comes back as it is. */
#include "role/queue/tls_counts.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tls_period *once, *twice;
	struct buf image;

	if (size < 4)
		return 0;
	buf_init(&image, TLS_IMAGE_OCTETS_MAX);
	put_bytes(&image, bytes_of(data, size));
	tls_image_seal(&image);
	once = tls_period_take(buf_bytes(&image), 1);
	if (once) {
		buf_reset(&image);
		tls_period_put(&image, once);
		tls_image_seal(&image);
		twice = tls_period_take(buf_bytes(&image), 1);
		if (!twice || twice->octets != once->octets || map_count(twice->domains) != map_count(once->domains) || once->octets > TLS_OCTETS_MAX)
			abort();
		tls_period_free(&twice);
	}
	tls_period_free(&once);
	buf_done(&image);
	return 0;
}
