#include "proto/mime/ids.h"

#include "proto/rfc5322/address.h"

#include <string.h>

/* FNV-1a (Fowler, Noll, Vo).  Who makes two ids collide could as well give two messages one id. */
#define HASH_START 0xcbf29ce484222325u
#define HASH_FACTOR 0x100000001b3u

/* Without the quotes of a quoted local part.  False: it is no id. */
static bool
number_id(struct bytes id, uint64_t *number)
{
	uint64_t hash = HASH_START;
	bool is_quoted = false, is_escaped = false;

	for (size_t i = 0; i < id.len; i++) {
		uint8_t c = id.ptr[i];

		if (!is_escaped && c == '"') {
			is_quoted = !is_quoted;
			continue;
		}
		if (!is_quoted && (byte_is_class(c, CLASS_CONTROL) || c == ' ' || c == '<'))
			return false;
		is_escaped = !is_escaped && is_quoted && c == '\\';
		if (!is_escaped)
			hash = (hash ^ c) * HASH_FACTOR;
	}
	*number = hash ? hash : 1;
	return id.len > 0 && !is_quoted;
}

bool
take_id_number(struct bytes *in, uint64_t *number)
{
	struct bytes id;

	while (take_message_id(in, &id))
		if (number_id(id, number))
			return true;
	return false;
}

void
put_message_ids(struct buf *out, const struct header_fields *fields)
{
	struct bytes references = fields->single[HEADER_REFERENCES];
	struct bytes reply = fields->single[HEADER_IN_REPLY_TO], own = fields->single[HEADER_MESSAGE_ID];
	uint64_t numbers[MESSAGE_IDS_MAX] = { 0 }, number;
	size_t count = 1;

	if (!take_id_number(&own, &numbers[0]))
		numbers[0] = 0;
	while (take_id_number(&references, &number)) {
		if (count == MESSAGE_IDS_MAX) {
			memmove(numbers + 2, numbers + 3, (MESSAGE_IDS_MAX - 3) * sizeof *numbers);
			count--;
		}
		numbers[count++] = number;
	}
	if (count == 1 && take_id_number(&reply, &number))
		numbers[count++] = number;
	for (size_t i = 0; i < count; i++)
		put_u64(out, numbers[i]);
}
