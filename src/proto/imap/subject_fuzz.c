/* A base subject is one already: taking the marks off once more changes nothing. */
#include "proto/imap/subject.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once, twice;
	bool is_reply;

	buf_init(&once, size);
	buf_init(&twice, size);
	put_base_subject(&once, bytes_of(data, size), &is_reply);
	put_base_subject(&twice, buf_bytes(&once), &is_reply);
	if (once.has_failed || !bytes_equal(buf_bytes(&once), buf_bytes(&twice)) || is_reply)
		abort();
	buf_done(&once);
	buf_done(&twice);
	return 0;
}
