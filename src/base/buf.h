/* A growing run of octets with a cap.  Errors stick: put what you like, ask once at the end. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/bytes.h"

#include <stdarg.h>

/* Owned: buf_init .. buf_done.  has_failed is set when `max` would have been passed (or there was
   no memory); then nothing more is added until buf_reset. */
struct buf {
	uint8_t *ptr;
	size_t len;
	size_t size;
	size_t max;
	bool has_failed;
};

/* Empty, holding at most max octets.  Takes no memory yet. */
void buf_init(struct buf *b, size_t max);
/* Over memory of the caller's (size octets at ptr), which it never outgrows; needs no buf_done. */
void buf_init_fixed(struct buf *b, void *ptr, size_t size);
/* Gives the memory back. */
void buf_done(struct buf *b);
/* buf_done, with the octets wiped first: for secrets. */
void buf_done_secret(struct buf *b);
/* Empty and without error; keeps its memory. */
void buf_reset(struct buf *b);
/* Drops `count` octets (at most len) from the front. */
void buf_drop(struct buf *b, size_t count);
/* What is in it; borrowed until the next change. */
struct bytes buf_bytes(const struct buf *b);
/* Room for `count` octets behind what is there, or NULL (and has_failed).  Tell how many were
   written with buf_added. */
uint8_t *buf_room(struct buf *b, size_t count);
void buf_added(struct buf *b, size_t count);

/* Each appends its argument as it is: octets, a string of ours, one octet. */
void put_bytes(struct buf *b, struct bytes in);
void put_text(struct buf *b, const char *text);
void put_char(struct buf *b, uint8_t c);
/* Decimal. */
void put_number(struct buf *b, uint64_t value);
void put_format(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
enum harmless { HARMLESS_PLAIN, HARMLESS_QUOTED, HARMLESS_JSON };
/* What strangers wrote, for people and their terminals: controls, what turns text round or ends lines (UAX 9, U+2028, U+2029) and octets that are
   no UTF-8 as \xNN; in quotes, " and \ behind a \; in those of JSON (RFC 8259 7), \uNNNN in place of \xNN. */
void put_harmless(struct buf *b, struct bytes in, enum harmless how);
/* Little-endian, 1, 2, 4, 8 octets. */
void put_u8(struct buf *b, uint8_t value);
void put_u16(struct buf *b, uint16_t value);
void put_u32(struct buf *b, uint32_t value);
void put_u64(struct buf *b, uint64_t value);
/* The counterparts: false (and nothing taken) when too few octets are left. */
bool take_u8(struct bytes *in, uint8_t *value);
bool take_u16(struct bytes *in, uint16_t *value);
bool take_u32(struct bytes *in, uint32_t *value);
bool take_u64(struct bytes *in, uint64_t *value);

#endif
