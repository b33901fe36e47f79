/* The codec is messages.def read several times, each time with other meanings for its words.

   A frame is the type (u8), then the fields in order: numbers little-endian, OCTETS as u32 length
   and octets, RANGES as u32 count, zero octets up to a multiple of 4 from the start of the frame,
   then pairs of u32 in the order of this machine (both ends of a channel are on it), so that they
   are read in place.  Nothing may stand behind the last field.  One value has one encoding. */
#include "ipc/ipc.h"

#include "proto/tlsrpt/tlsrpt.h"

#include <stdalign.h>
#include <string.h>

_Static_assert(MESSAGE_COUNT < 256, "the type of a frame is one octet");

/* The highest value of each U8 field there is: a new name needs its line here. */
enum {
	MOST_role = ROLE_COUNT - 1,
	MOST_index = UINT8_MAX,
	MOST_front = UINT8_MAX,
	MOST_service = SERVICE_COUNT - 1,
	MOST_outcome = IPC_OUTCOMES - 1,
	MOST_refusal = REFUSALS - 1,
	MOST_operation = MAILBOX_UNSUBSCRIBE,
	MOST_mode = FLAGS_REMOVE,
	MOST_unused = 0,
	MOST_is_last = 1,
	MOST_is_read_only = 1,
	MOST_is_gone = 1,
	MOST_has_more = 1,
	MOST_has_room = 1,
	MOST_is_move = 1,
	MOST_is_known = 1,
	MOST_is_forced = 1,
	MOST_record = IPC_RECORDS - 1,
	MOST_answer = IPC_ANSWERS - 1,
	MOST_may_keep = 1,
	MOST_is_authentic = 1,
	MOST_hop = IPC_HOPS - 1,
	MOST_has_dsn = 1,
	MOST_has_quota = 1,
	MOST_has_deliver_by = 1,
	MOST_destination = IPC_DESTINATIONS - 1,
	MOST_policy_type = TLSRPT_POLICY_TYPES - 1,
	MOST_result = TLSRPT_RESULTS - 1,
	MOST_priority = UINT8_MAX, /* a two's complement */
};

struct row {
	const char *name;
	enum role sender, receiver;
	size_t fds_max;
};

#define U8(n)
#define U16(n)
#define U32(n)
#define U64(n)
#define OCTETS(n, most)
#define RANGES(n, most)
#define FDS(most) +(most)
#define MESSAGE(name, member, sender, receiver, ...)                                               \
	[MESSAGE_##name] = { #member, ROLE_##sender, ROLE_##receiver, 0 __VA_ARGS__ },
static const struct row rows[] = {
#include "ipc/messages.def"
};
#undef MESSAGE
#undef U8
#undef U16
#undef U32
#undef U64
#undef OCTETS
#undef RANGES
#undef FDS

static void
put_limited_u8(struct buf *out, uint8_t value, unsigned int most)
{
	if (value > most)
		out->has_failed = true;
	put_u8(out, value);
}

static void
put_octets(struct buf *out, struct bytes in, size_t most)
{
	if (in.len > most)
		out->has_failed = true;
	put_u32(out, (uint32_t)in.len);
	put_bytes(out, in);
}

bool
ipc_are_ordered(struct ipc_ranges in)
{
	uint32_t last = 0;

	for (size_t i = 0; i < in.count; i++) {
		if (in.at[i].first <= last || in.at[i].last < in.at[i].first)
			return false;
		last = in.at[i].last;
	}
	return true;
}

static void
put_ranges(struct buf *out, size_t begin, struct ipc_ranges in, size_t most)
{
	if (in.count > most || !ipc_are_ordered(in))
		out->has_failed = true;
	put_u32(out, (uint32_t)in.count);
	while (!out->has_failed && (out->len - begin) % alignof(struct ipc_range) != 0)
		put_u8(out, 0);
	put_bytes(out, bytes_of(in.at, in.count * sizeof *in.at));
}

/* clang-format off */
#define U8(n) put_limited_u8(out, v->n, MOST_##n);
#define U16(n) put_u16(out, v->n);
#define U32(n) put_u32(out, v->n);
#define U64(n) put_u64(out, v->n);
#define OCTETS(n, most) put_octets(out, v->n, most);
#define RANGES(n, most) put_ranges(out, begin, v->n, most);
#define FDS(most)
#define MESSAGE(name, member, sender, receiver, ...)                                               \
	static void                                                                                \
	put_##member(struct buf *out, size_t begin, const struct ipc_##member *v)                  \
	{                                                                                          \
		(void)out, (void)begin, (void)v;                                                   \
		__VA_ARGS__                                                                        \
	}
#include "ipc/messages.def"
#undef MESSAGE
#undef U8
#undef U16
#undef U32
#undef U64
#undef OCTETS
#undef RANGES
#undef FDS
/* clang-format on */

void
ipc_encode(struct buf *out, const struct message *m)
{
	size_t begin = out->len;

	put_u8(out, (uint8_t)m->type);
	if (m->fd_count > rows[m->type].fds_max)
		out->has_failed = true;
	switch (m->type) {
#define MESSAGE(name, member, ...)                                                                 \
	case MESSAGE_##name:                                                                       \
		put_##member(out, begin, &m->u.member);                                            \
		break;
#include "ipc/messages.def"
#undef MESSAGE
	case MESSAGE_COUNT:
		out->has_failed = true;
		break;
	}
}

static bool
take_limited_u8(struct bytes *in, uint8_t *out, unsigned int most)
{
	return take_u8(in, out) && *out <= most;
}

static bool
take_octets_field(struct bytes *in, size_t most, struct bytes *out)
{
	uint32_t len;

	return take_u32(in, &len) && len <= most && take_octets(in, len, out);
}

static bool
take_padding(const uint8_t *begin, struct bytes *in)
{
	uint8_t zero;

	while ((size_t)(in->ptr - begin) % alignof(struct ipc_range) != 0)
		if (!take_u8(in, &zero) || zero != 0)
			return false;
	return true;
}

static bool
take_ranges(const uint8_t *begin, struct bytes *in, size_t most, struct ipc_ranges *out)
{
	uint32_t count;
	struct bytes octets;

	if (!take_u32(in, &count) || count > most || !take_padding(begin, in) ||
		!take_octets(in, count * sizeof *out->at, &octets))
		return false;
	*out = (struct ipc_ranges){ .count = count };
	if (count == 0)
		return true;
	if ((uintptr_t)octets.ptr % alignof(struct ipc_range) != 0)
		return false;
	out->at = (const void *)octets.ptr;
	return ipc_are_ordered(*out);
}

/* clang-format off */
#define U8(n) && take_limited_u8(in, &v->n, MOST_##n)
#define U16(n) && take_u16(in, &v->n)
#define U32(n) && take_u32(in, &v->n)
#define U64(n) && take_u64(in, &v->n)
#define OCTETS(n, most) && take_octets_field(in, most, &v->n)
#define RANGES(n, most) && take_ranges(begin, in, most, &v->n)
#define FDS(most)
#define MESSAGE(name, member, sender, receiver, ...)                                               \
	static bool                                                                                \
	take_##member(const uint8_t *begin, struct bytes *in, struct ipc_##member *v)              \
	{                                                                                          \
		(void)begin, (void)in, (void)v;                                                    \
		return true __VA_ARGS__;                                                           \
	}
#include "ipc/messages.def"
#undef MESSAGE
#undef U8
#undef U16
#undef U32
#undef U64
#undef OCTETS
#undef RANGES
#undef FDS
/* clang-format on */

static bool
take_fields(const uint8_t *begin, struct bytes *in, struct message *m)
{
	switch (m->type) {
#define MESSAGE(name, member, ...)                                                                 \
	case MESSAGE_##name:                                                                       \
		return take_##member(begin, in, &m->u.member);
#include "ipc/messages.def"
#undef MESSAGE
	case MESSAGE_COUNT:
		break;
	}
	return false;
}

static bool
is_among(enum role named, enum role role)
{
	if (named == ROLE_MAILER)
		return role == ROLE_FRONT || role == ROLE_QUEUE;
	return named == ROLE_ANY || named == role;
}

static bool
may_say(const struct row *row, enum role from, enum role to)
{
	return is_among(row->sender, from) && is_among(row->receiver, to);
}

int
ipc_decode(struct bytes frame, enum role from, enum role to, const int *fds, size_t fd_count,
	struct message *m, struct fault *f)
{
	struct bytes in = frame;
	uint8_t type;

	if (!take_u8(&in, &type) || type >= MESSAGE_COUNT)
		return fault_set(f, FAULT_SYNTAX, "a frame of no known type");
	const struct row *row = &rows[type];
	m->type = type;
	if (!may_say(row, from, to))
		return fault_set(f, FAULT_DENIED, "%s may not send %s to %s", ipc_role_name(from),
			row->name, ipc_role_name(to));
	if (fd_count > row->fds_max || fd_count > IPC_FDS_MAX)
		return fault_set(f, FAULT_LIMIT, "%s with %zu descriptors", row->name, fd_count);
	if (!take_fields(frame.ptr, &in, m) || in.len > 0)
		return fault_set(f, FAULT_SYNTAX, "%s does not decode", row->name);
	m->fd_count = fd_count;
	if (fd_count > 0)
		memcpy(m->fds, fds, fd_count * sizeof *fds);
	return 0;
}

/* Room for RANGES includes its padding. */
#define U8(n) +1
#define U16(n) +2
#define U32(n) +4
#define U64(n) +8
#define OCTETS(n, most) +4 + v->n.len
#define RANGES(n, most) +7 + v->n.count * sizeof *v->n.at
#define FDS(most)
#define MESSAGE(name, member, sender, receiver, ...)                                               \
	static size_t size_of_##member(const struct ipc_##member *v)                               \
	{                                                                                          \
		(void)v;                                                                           \
		return 1 __VA_ARGS__;                                                              \
	}
#include "ipc/messages.def"
#undef MESSAGE
#undef U8
#undef U16
#undef U32
#undef U64
#undef OCTETS
#undef RANGES
#undef FDS

size_t
ipc_size_at_most(const struct message *m)
{
	switch (m->type) {
#define MESSAGE(name, member, ...)                                                                 \
	case MESSAGE_##name:                                                                       \
		return size_of_##member(&m->u.member);
#include "ipc/messages.def"
#undef MESSAGE
	case MESSAGE_COUNT:
		break;
	}
	return 0;
}

/* The compiler folds the comparisons of names. */
#define U8(n)
#define U16(n)
#define U32(n)
#define U64(n)                                                                                     \
	if (strcmp(#n, "request") == 0)                                                            \
		return v->n;
#define OCTETS(n, most)
#define RANGES(n, most)
#define FDS(most)
#define MESSAGE(name, member, sender, receiver, ...)                                               \
	static uint64_t request_of_##member(const struct ipc_##member *v)                          \
	{                                                                                          \
		(void)v;                                                                           \
		__VA_ARGS__                                                                        \
		return 0;                                                                          \
	}
#include "ipc/messages.def"
#undef MESSAGE
#undef U8
#undef U16
#undef U32
#undef U64
#undef OCTETS
#undef RANGES
#undef FDS

uint64_t
ipc_request_of(const struct message *m)
{
	switch (m->type) {
#define MESSAGE(name, member, ...)                                                                 \
	case MESSAGE_##name:                                                                       \
		return request_of_##member(&m->u.member);
#include "ipc/messages.def"
#undef MESSAGE
	case MESSAGE_COUNT:
		break;
	}
	return 0;
}

const char *
ipc_message_name(enum message_type type)
{
	return type < MESSAGE_COUNT ? rows[type].name : "unknown";
}

#define U8(n)
#define U16(n)
#define U32(n)
#define U64(n)
#define OCTETS(n, most) " " #n
#define RANGES(n, most)
#define FDS(most)
#define MESSAGE(name, member, sender, receiver, ...) [MESSAGE_##name] = "" __VA_ARGS__,
static const char *const octets_names[] = {
#include "ipc/messages.def"
};
#undef MESSAGE
#undef U8
#undef U16
#undef U32
#undef U64
#undef OCTETS
#undef RANGES
#undef FDS

bool
ipc_has_secret(enum message_type type)
{
	struct bytes names = bytes_text(octets_names[type]);

	return bytes_find(names, BYTES(" secret_")) < names.len;
}
