#include "role/queue/spool_record.h"

#include "journal/crc.h"

void
spool_put_record(struct buf *out, enum spool_record_kind kind, const struct mail_id *id, const struct queued *m)
{
	size_t at;
	uint32_t len;

	put_u8(out, (uint8_t)kind);
	put_bytes(out, bytes_of(id->text, MAIL_ID_LEN));
	if (!m)
		return;
	at = out->len;
	put_u32(out, 0);
	queued_put(out, m);
	len = (uint32_t)(out->len - at - 4);
	for (size_t i = 0; i < 4 && !out->has_failed; i++)
		out->ptr[at + i] = (uint8_t)(len >> (8 * i));
}

bool
spool_take_record(struct bytes in, struct spool_record *r)
{
	struct bytes id;
	uint32_t len;

	if (!take_u8(&in, &r->kind) || !take_octets(&in, MAIL_ID_LEN, &id) || !mail_id_parse(id, &r->id))
		return false;
	r->image = r->body = BYTES_NONE;
	if (r->kind == SPOOL_REMOVE)
		return in.len == 0;
	if (r->kind != SPOOL_PUT || !take_u32(&in, &len) || !take_octets(&in, len, &r->image))
		return false;
	r->body = in;
	return true;
}

void
spool_put_entry(struct buf *out, struct bytes record)
{
	put_u32(out, (uint32_t)record.len);
	put_u32(out, crc32c(0, record));
	put_bytes(out, record);
}
