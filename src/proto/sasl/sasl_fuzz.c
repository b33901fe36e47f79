/* Up to four steps with raw or coded messages: never a crash, never credentials that break the contract. */
#include "proto/sasl/sasl.h"

#include "proto/sasl/base64.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct sasl *s)
{
	struct sasl_credentials c = sasl_credentials(s);

	if (c.name.len == 0 || c.name.len > SASL_NAME_OCTETS_MAX || !bytes_is_utf8(c.name))
		abort();
	if (c.authorize_as.len > SASL_NAME_OCTETS_MAX || !bytes_is_utf8(c.authorize_as))
		abort();
	if (c.secret_password.len == 0 || c.secret_password.len > SASL_PASSWORD_OCTETS_MAX ||
		memchr(c.secret_password.ptr, 0, c.secret_password.len))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size), how = BYTES_NONE;
	struct buf coded, challenge;
	struct sasl *s;

	if (!take_octets(&in, 1, &how))
		return 0;
	s = sasl_new(how.ptr[0] & 1 ? BYTES("PLAIN") : BYTES("LOGIN"));
	buf_init(&coded, 65536);
	buf_init(&challenge, 1000);
	for (int i = 0; i < 4; i++) {
		struct bytes message = take_until(&in, '\n');
		enum sasl_status status;

		buf_reset(&coded);
		if (how.ptr[0] & 2)
			sasl_put_base64(&coded, message);
		else
			put_bytes(&coded, message);
		status = sasl_step(s, !(i == 0 && how.ptr[0] & 4), buf_bytes(&coded), &challenge);
		if (status == SASL_CHECK)
			check(s);
		if (status != SASL_CONTINUE)
			break;
	}
	buf_done(&coded);
	buf_done(&challenge);
	sasl_free(&s);
	return 0;
}
