#include "role/store/record.h"

/* Each member of struct record, how it is written, and the kinds that have it. */
#define OF(kind) (1u << (kind))
#define MESSAGES (OF(RECORD_APPEND) | OF(RECORD_ADOPT) | OF(RECORD_COPY))

/* MEMBER(name, type, kinds), in the order of writing; the body of RECORD_APPEND comes last of all. */
#define MEMBERS                                                                                    \
	MEMBER(group, U64, OF(RECORD_PART))                                                        \
	MEMBER(index, U32, OF(RECORD_PART))                                                        \
	MEMBER(is_last, U8, OF(RECORD_PART))                                                       \
	MEMBER(path, OCTETS, OF(RECORD_MAILBOX))                                                   \
	MEMBER(name, OCTETS, OF(RECORD_MAILBOX))                                                   \
	MEMBER(guid, OCTETS, OF(RECORD_MAILBOX))                                                   \
	MEMBER(uid_validity, U32, OF(RECORD_MAILBOX))                                              \
	MEMBER(uid, U32, MESSAGES)                                                                 \
	MEMBER(base, OCTETS, MESSAGES)                                                             \
	MEMBER(source_guid, OCTETS, OF(RECORD_COPY))                                               \
	MEMBER(source_base, OCTETS, OF(RECORD_COPY))                                               \
	MEMBER(mode, U8, OF(RECORD_FLAGS))                                                         \
	MEMBER(flags, U32, OF(RECORD_APPEND) | OF(RECORD_COPY) | OF(RECORD_FLAGS))                 \
	MEMBER(keywords, OCTETS, OF(RECORD_APPEND) | OF(RECORD_COPY) | OF(RECORD_FLAGS))           \
	MEMBER(date_s, U64, OF(RECORD_APPEND))                                                     \
	MEMBER(has_body, U8, OF(RECORD_APPEND))                                                    \
	MEMBER(body_octets, U64, OF(RECORD_APPEND))                                                \
	MEMBER(uids, OCTETS, OF(RECORD_FLAGS) | OF(RECORD_EXPUNGE))                                \
	MEMBER(new_name, OCTETS, OF(RECORD_RENAME))

static void
put_octets(struct buf *out, struct bytes in)
{
	put_u32(out, (uint32_t)in.len);
	put_bytes(out, in);
}

static bool
take_counted(struct bytes *in, struct bytes *out)
{
	struct bytes rest = *in;
	uint32_t len;

	if (!take_u32(&rest, &len) || !take_octets(&rest, len, out))
		return false;
	*in = rest;
	return true;
}

#define PUT_U8(name) put_u8(out, (uint8_t)r->name)
#define PUT_U32(name) put_u32(out, r->name)
#define PUT_U64(name) put_u64(out, (uint64_t)r->name)
#define PUT_OCTETS(name) put_octets(out, r->name)

void
put_record(struct buf *out, const struct record *r)
{
	put_u8(out, (uint8_t)r->kind);
#define MEMBER(name, type, kinds)                                                                  \
	if ((kinds) & OF(r->kind))                                                                 \
		PUT_##type(name);
	MEMBERS
#undef MEMBER
}

/* Numbers are read into these and assigned, whatever the member's own type is. */
struct numbers {
	uint8_t u8;
	uint32_t u32;
	uint64_t u64;
};

#define TAKE_U8(name) (take_u8(&rest, &n.u8) && (r->name = n.u8, true))
#define TAKE_U32(name) (take_u32(&rest, &n.u32) && (r->name = n.u32, true))
#define TAKE_U64(name) (take_u64(&rest, &n.u64) && (r->name = (typeof(r->name))n.u64, true))
#define TAKE_OCTETS(name) take_counted(&rest, &r->name)

bool
take_record(struct bytes *in, struct record *r)
{
	struct bytes rest = *in;
	struct numbers n;

	*r = (struct record){ 0 };
	if (!take_u8(&rest, &n.u8) || n.u8 == 0 || n.u8 >= RECORD_KINDS)
		return false;
	r->kind = n.u8;
#define MEMBER(name, type, kinds)                                                                  \
	if (((kinds) & OF(r->kind)) && !TAKE_##type(name))                                         \
		return false;
	MEMBERS
#undef MEMBER
	if (r->mode > FLAGS_REMOVE || (r->has_body && !take_octets(&rest, r->body_octets, &r->body)))
		return false;
	*in = rest;
	return true;
}

void
record_put_range(struct buf *uids, uint32_t first, uint32_t last)
{
	put_u32(uids, first);
	put_u32(uids, last);
}

bool
record_take_range(struct bytes *uids, struct ipc_range *range)
{
	return take_u32(uids, &range->first) && take_u32(uids, &range->last);
}
