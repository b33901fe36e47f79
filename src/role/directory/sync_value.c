/* RFC 4511 5.1: BER with definite lengths; strings are primitive, and a BOOLEAN is 00 or FF. */
#include "role/directory/sync_value.h"

enum {
	TAG_BOOLEAN = 0x01,
	TAG_OCTETS = 0x04,
	TAG_ENUMERATED = 0x0a,
	TAG_SEQUENCE = 0x30,
	TAG_SET = 0x31,
	TAG_NEW_COOKIE = 0x80,
	TAG_REFRESH_DELETE = 0xa1,
	TAG_REFRESH_PRESENT = 0xa2,
	TAG_ID_SET = 0xa3,
	LENGTH_LONG = 0x80,
	LENGTH_OCTETS_MAX = 4,
	REFRESH_AND_PERSIST = 3,
};

static bool
take_length(struct bytes *in, size_t *len)
{
	uint8_t first, octet;

	if (!take_u8(in, &first))
		return false;
	*len = first;
	if (first < LENGTH_LONG)
		return true;
	if (first == LENGTH_LONG || first - LENGTH_LONG > LENGTH_OCTETS_MAX)
		return false;
	*len = 0;
	for (int left = first - LENGTH_LONG; left > 0; left--) {
		if (!take_u8(in, &octet))
			return false;
		*len = *len << 8 | octet;
	}
	return true;
}

static bool
take_value(struct bytes *in, uint8_t tag, struct bytes *value)
{
	struct bytes rest = *in;
	uint8_t found;
	size_t len;

	if (!take_u8(&rest, &found) || found != tag || !take_length(&rest, &len) || !take_octets(&rest, len, value))
		return false;
	*in = rest;
	return true;
}

/* False: it is there, and none. */
static bool
take_boolean(struct bytes *in, bool when_absent, bool *out)
{
	struct bytes value;

	*out = when_absent;
	if (in->len == 0 || in->ptr[0] != TAG_BOOLEAN)
		return true;
	if (!take_value(in, TAG_BOOLEAN, &value) || value.len != 1)
		return false;
	*out = value.ptr[0] != 0;
	return true;
}

/* cookie syncCookie OPTIONAL */
static void
take_cookie(struct bytes *in, struct bytes *cookie)
{
	if (!take_value(in, TAG_OCTETS, cookie))
		*cookie = BYTES_NONE;
}

bool
sync_take_uuid(struct bytes *uuids, struct bytes *uuid)
{
	struct bytes rest = *uuids;

	if (!take_value(&rest, TAG_OCTETS, uuid) || uuid->len != SYNC_UUID_OCTETS)
		return false;
	*uuids = rest;
	return true;
}

/* syncStateValue ::= SEQUENCE { state ENUMERATED { present (0), add (1), modify (2), delete (3) },
       entryUUID syncUUID, cookie syncCookie OPTIONAL } */
bool
sync_parse_state(struct bytes in, struct sync_state *out)
{
	struct bytes sequence, change;

	if (!take_value(&in, TAG_SEQUENCE, &sequence) || in.len || !take_value(&sequence, TAG_ENUMERATED, &change) || change.len != 1
		|| change.ptr[0] > SYNC_DELETE || !sync_take_uuid(&sequence, &out->uuid))
		return false;
	out->change = (enum sync_change)change.ptr[0];
	take_cookie(&sequence, &out->cookie);
	return sequence.len == 0;
}

/* SEQUENCE { cookie syncCookie OPTIONAL, refreshDone BOOLEAN DEFAULT TRUE } */
static bool
parse_refresh(struct bytes sequence, struct sync_info *out)
{
	take_cookie(&sequence, &out->cookie);
	return take_boolean(&sequence, true, &out->is_done) && sequence.len == 0;
}

/* SEQUENCE { cookie syncCookie OPTIONAL, refreshDeletes BOOLEAN DEFAULT FALSE, syncUUIDs SET OF syncUUID } */
static bool
parse_id_set(struct bytes sequence, struct sync_info *out)
{
	struct bytes rest, uuid;

	take_cookie(&sequence, &out->cookie);
	if (!take_boolean(&sequence, false, &out->has_deletes) || !take_value(&sequence, TAG_SET, &out->uuids) || sequence.len)
		return false;
	for (rest = out->uuids; rest.len;)
		if (!sync_take_uuid(&rest, &uuid))
			return false;
	return true;
}

/* syncInfoValue ::= CHOICE { newcookie [0] syncCookie, refreshDelete [1], refreshPresent [2], syncIdSet [3] } */
bool
sync_parse_info(struct bytes in, struct sync_info *out)
{
	struct bytes value;

	*out = (struct sync_info){ .kind = SYNC_NEW_COOKIE };
	if (take_value(&in, TAG_NEW_COOKIE, &out->cookie))
		return in.len == 0;
	if (take_value(&in, TAG_REFRESH_DELETE, &value)) {
		out->kind = SYNC_REFRESH_DELETE;
		return in.len == 0 && parse_refresh(value, out);
	}
	if (take_value(&in, TAG_REFRESH_PRESENT, &value)) {
		out->kind = SYNC_REFRESH_PRESENT;
		return in.len == 0 && parse_refresh(value, out);
	}
	out->kind = SYNC_ID_SET;
	return take_value(&in, TAG_ID_SET, &value) && in.len == 0 && parse_id_set(value, out);
}

static void
put_head(struct buf *out, uint8_t tag, size_t len)
{
	put_u8(out, tag);
	put_u8(out, LENGTH_LONG + 2);
	put_u8(out, (uint8_t)(len >> 8));
	put_u8(out, (uint8_t)len);
}

/* syncRequestValue ::= SEQUENCE { mode ENUMERATED, cookie syncCookie OPTIONAL, reloadHint BOOLEAN DEFAULT FALSE } */
void
sync_put_request(struct buf *out, struct bytes cookie)
{
	enum { MODE_OCTETS = 3, HEAD_OCTETS = 4 };

	if (cookie.len > UINT16_MAX - MODE_OCTETS - HEAD_OCTETS)
		out->has_failed = true;
	put_head(out, TAG_SEQUENCE, MODE_OCTETS + (cookie.len ? HEAD_OCTETS + cookie.len : 0));
	put_u8(out, TAG_ENUMERATED);
	put_u8(out, 1);
	put_u8(out, REFRESH_AND_PERSIST);
	if (cookie.len) {
		put_head(out, TAG_OCTETS, cookie.len);
		put_bytes(out, cookie);
	}
}
