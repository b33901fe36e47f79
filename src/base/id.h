/* Mail ids: 26 characters that sort by time, the same in the reply, in Received: and in events. */
#ifndef BASE_ID_H
#define BASE_ID_H

#include "base/bytes.h"

#define MAIL_ID_LEN 26
#define MAIL_ID_ALPHABET "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

struct mail_id {
	char text[MAIL_ID_LEN + 1];
};

/* 48 bits of milliseconds and 80 random bits in Crockford's base 32 (the layout of a ULID). */
struct mail_id mail_id_make(int64_t wall_us, const uint8_t random[10]);
/* False unless text is 26 characters of that alphabet. */
bool mail_id_parse(struct bytes text, struct mail_id *id) __attribute__((warn_unused_result));

#endif
