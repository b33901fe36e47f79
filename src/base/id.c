#include "base/id.h"

#include <string.h>

static const char alphabet[] = MAIL_ID_ALPHABET;

struct mail_id
mail_id_make(int64_t wall_us, const uint8_t random[10])
{
	uint64_t ms = (uint64_t)(wall_us / 1000) & 0xffffffffffffu;
	struct mail_id id = { { 0 } };
	uint64_t high = 0, low = 0;

	for (int i = 0; i < 5; i++) {
		high = high << 8 | random[i];
		low = low << 8 | random[5 + i];
	}
	for (int i = 0; i < 10; i++)
		id.text[i] = alphabet[ms >> (45 - 5 * i) & 31];
	for (int i = 0; i < 8; i++) {
		id.text[10 + i] = alphabet[high >> (35 - 5 * i) & 31];
		id.text[18 + i] = alphabet[low >> (35 - 5 * i) & 31];
	}
	return id;
}

bool
mail_id_parse(struct bytes text, struct mail_id *id)
{
	if (text.len != MAIL_ID_LEN)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] == 0 || !strchr(alphabet, text.ptr[i]))
			return false;
	memcpy(id->text, text.ptr, MAIL_ID_LEN);
	id->text[MAIL_ID_LEN] = 0;
	return true;
}
