/* The image on disk, numbers little-endian:

     u8 version (2, or 3 of a part), 26 octets mail id, u32 arrived_s, u32 size, u32 flags, u32 release_s, u32 by_s, u8 priority, of a part: 26 octets
     id of the mail,
     u16 length, sender, u16 length, parameters, u16 count, then for each recipient:
     u16 length, address, u16 length, parameters, u16 length, reply, u32 next_s, u16 attempts, u8 flags (1: delay told, 2: held,
     4: postponed, 8: sent another way, 16: reached, 32: tried), with 8: u16 length, that way, with 16: u16 count, u64 hash of each address that it
     reached, with 32: u32 tried_s, u16 length, the server whose words the reply is.  Negative numbers are two's complements.  Version 1 has nothing between flags and sender, and is read as if nothing had been asked for
     there. */
#include "role/queue/message.h"

#include "base/map.h"
#include "base/memory.h"

#include <stddef.h>
#include <string.h>

enum { VERSION_PART = 3, VERSION = 2, VERSION_PLAIN = 1, FLAG_DELAY_TOLD = 1, FLAG_HELD = 2, FLAG_POSTPONED = 4, FLAG_WAY = 8, FLAG_REACHED = 16, FLAG_TRIED = 32,
	FLAGS = 63 };
/* Of all recipients of a message; what is beyond is forgotten at a restart. */
enum { REACHED_KEPT_MAX = 8192 };
/* Of an image without its texts; of a recipient in it, whose reply (with who said it), way and whom it reached may still come. */
enum {
	HEAD_OCTETS = 1 + 2 * MAIL_ID_LEN + 5 * sizeof(uint32_t) + 1 + 3 * sizeof(uint16_t),
	RECIPIENT_OCTETS_MAX = 3 * sizeof(uint16_t) + QUEUE_REPLY_MAX + sizeof(uint32_t) + sizeof(uint16_t) + 1 + sizeof(uint16_t) + QUEUE_WAY_MAX
		+ sizeof(uint16_t) + sizeof(uint32_t) + sizeof(uint16_t),
	REACHED_OCTETS_MAX = REACHED_KEPT_MAX * sizeof(uint64_t),
};

struct reached {
	uint64_t address; /* its hash */
	uint16_t index; /* the delivery's */
};

struct rare {
	uint32_t release_s;
	int32_t by_s;
	struct mail_id told; /* empty: this is no part */
	size_t count;
	struct reached at[];
};

static bool
take_text16(struct bytes *in, size_t most, struct bytes *out)
{
	struct bytes rest = *in;
	uint16_t len;

	if (!take_u16(&rest, &len) || len > most || !take_octets(&rest, len, out))
		return false;
	*in = rest;
	return true;
}

static void
put_text16(struct buf *out, struct bytes text)
{
	put_u16(out, (uint16_t)text.len);
	put_bytes(out, text);
}

struct queued *
delivery_message(const struct delivery *d)
{
	return (void *)((uint8_t *)(uintptr_t)(d - d->index) - offsetof(struct queued, at));
}

static uint8_t *
texts_of(const struct queued *m)
{
	return (uint8_t *)(uintptr_t)&m->at[m->count];
}

const struct mail_id *
queued_told(const struct queued *m)
{
	return m->rare && m->rare->told.text[0] ? &m->rare->told : &m->id;
}

struct bytes
queued_sender(const struct queued *m)
{
	return bytes_of(texts_of(m), m->sender_len);
}

struct bytes
queued_parameters(const struct queued *m)
{
	return bytes_of(texts_of(m) + m->sender_len, m->parameters_len);
}

struct bytes
delivery_address(const struct delivery *d)
{
	return bytes_of(texts_of(delivery_message(d)) + d->text_at, d->address_len);
}

struct bytes
delivery_parameters(const struct delivery *d)
{
	return bytes_of(texts_of(delivery_message(d)) + d->text_at + d->address_len, d->parameters_len);
}

struct bytes
delivery_reply(const struct delivery *d)
{
	return d->reply ? reply_text(d->reply) : BYTES_NONE;
}

struct bytes
delivery_server(const struct delivery *d)
{
	return d->reply ? reply_server(d->reply) : BYTES_NONE;
}

struct bytes
reply_text(const struct reply *r)
{
	return bytes_of(r->octets, r->len);
}

struct bytes
reply_server(const struct reply *r)
{
	return bytes_of(r->octets + r->len + r->way_len, r->server_len);
}

struct bytes
delivery_way(const struct delivery *d)
{
	return d->reply ? bytes_of(d->reply->octets + d->reply->len, d->reply->way_len) : BYTES_NONE;
}

uint32_t
queued_release_s(const struct queued *m)
{
	return m->rare ? m->rare->release_s : 0;
}

void
queued_release(struct queued *m, uint32_t release_s)
{
	if (queued_release_s(m))
		m->rare->release_s = release_s;
}

static int32_t
by_s(const struct queued *m)
{
	return m->rare ? m->rare->by_s : 0;
}

uint32_t
queued_since_s(const struct queued *m)
{
	return queued_release_s(m) > m->arrived_s ? queued_release_s(m) : m->arrived_s;
}

int64_t
queued_deadline_s(const struct queued *m)
{
	int64_t deadline_s = (int64_t)m->arrived_s + by_s(m);

	if (!(m->flags & (SEND_BY_RETURN | SEND_BY_NOTIFY)))
		return 0;
	return deadline_s > 1 ? deadline_s : 1;
}

bool
queued_is_overdue(const struct queued *m, int64_t now_s)
{
	int64_t deadline_s = queued_deadline_s(m);

	return deadline_s > 0 && now_s >= deadline_s;
}

struct bytes
delivery_domain(const struct delivery *d)
{
	struct bytes address = delivery_address(d);
	size_t at = bytes_find_last_char(address, '@');

	return at < address.len ? bytes_sub(address, at + 1, address.len) : BYTES_NONE;
}

void
reply_let_go(struct reply **r)
{
	struct reply *was = *r;

	*r = NULL;
	if (was && --was->holds == 0)
		memory_free(was);
}

static void
set(struct delivery *d, struct bytes text, struct bytes way, struct bytes server)
{
	size_t len = text.len + way.len + server.len;
	struct reply *r = len ? memory_new(sizeof *r + len) : NULL;
	struct buf octets;

	if (r) {
		*r = (struct reply){ .holds = 1, .len = (uint16_t)text.len, .way_len = (uint16_t)way.len, .server_len = (uint16_t)server.len };
		buf_init_fixed(&octets, r->octets, len);
		put_bytes(&octets, text);
		put_bytes(&octets, way);
		put_bytes(&octets, server);
	}
	reply_let_go(&d->reply);
	d->reply = r;
}

void
reply_share(struct reply **at, struct reply *shared)
{
	if (shared)
		shared->holds++;
	reply_let_go(at);
	*at = shared;
}

void
delivery_set_reply(struct delivery *d, struct bytes text, struct bytes server)
{
	server = bytes_sub(server, 0, QUEUE_ADDRESS_MAX);
	set(d, bytes_sub(text, 0, QUEUE_REPLY_MAX - server.len), delivery_way(d), server);
}

void
delivery_set_way(struct delivery *d, struct bytes target)
{
	set(d, delivery_reply(d), bytes_sub(target, 0, QUEUE_WAY_MAX), delivery_server(d));
}

static bool
is_same(const struct reply *a, const struct reply *b)
{
	return a->len == b->len && a->way_len == b->way_len && a->server_len == b->server_len &&
		memcmp(a->octets, b->octets, (size_t)a->len + a->way_len + a->server_len) == 0;
}

void
delivery_pool_reply(struct delivery *d, struct reply **last)
{
	if (!d->reply || d->reply == *last)
		return;
	if (*last && is_same(*last, d->reply))
		reply_share(&d->reply, *last);
	else
		reply_share(last, d->reply);
}

/* There is room up to the next power of two. */
static void
add_reached(struct queued *m, uint16_t index, uint64_t address)
{
	size_t count = m->rare ? m->rare->count : 0;

	if ((count & (count - 1)) == 0) {
		struct rare *more = memory_new(sizeof *more + (count ? 2 * count : 1) * sizeof more->at[0]);

		if (m->rare)
			memcpy(more, m->rare, sizeof *more + count * sizeof more->at[0]);
		memory_free(m->rare);
		m->rare = more;
	}
	m->rare->at[m->rare->count++] = (struct reached){ address, index };
}

void
delivery_reached(struct delivery *d, struct bytes address)
{
	add_reached(delivery_message(d), d->index, map_hash_lasting(address));
}

bool
delivery_has_reached(const struct delivery *d, struct bytes address)
{
	const struct rare *rare = delivery_message(d)->rare;
	uint64_t hash = rare ? map_hash_lasting(address) : 0;

	for (size_t i = 0; rare && i < rare->count; i++)
		if (rare->at[i].index == d->index && rare->at[i].address == hash)
			return true;
	return false;
}

bool
delivery_is_idle(const struct delivery *d)
{
	return d->state == DELIVERY_WAITING || d->state == DELIVERY_READY;
}

void
delivery_done(struct delivery *d)
{
	d->state = DELIVERY_DONE;
	delivery_message(d)->open--;
	reply_let_go(&d->reply);
}

void
queued_free(struct queued **m)
{
	struct queued *was = *m;

	*m = NULL;
	for (size_t i = 0; was && i < was->count; i++)
		reply_let_go(&was->at[i].reply);
	if (was)
		memory_free(was->rare);
	memory_free(was);
}

/* A recipient as it stands in an image. */
struct recipient {
	struct bytes address, parameters, reply, way, server;
	uint32_t next_s, tried_s;
	uint16_t attempts;
	uint8_t flags;
	struct bytes reached; /* hashes */
};

static bool
take_reached(struct bytes *in, struct bytes *out)
{
	struct bytes rest = *in;
	uint16_t count;

	if (!take_u16(&rest, &count) || count > REACHED_KEPT_MAX || !take_octets(&rest, count * sizeof(uint64_t), out))
		return false;
	*in = rest;
	return true;
}

/* As in ENQUEUE when `out` is to be new, else as in an image. */
static bool
take_recipient(struct bytes *in, bool is_new, struct recipient *out)
{
	struct bytes rest = *in;

	*out = (struct recipient){ 0 };
	if (!take_text16(&rest, QUEUE_ADDRESS_MAX, &out->address) || out->address.len == 0
		|| !take_text16(&rest, QUEUE_PARAMETERS_MAX, &out->parameters))
		return false;
	if (!is_new && (!take_text16(&rest, QUEUE_REPLY_MAX, &out->reply) || !take_u32(&rest, &out->next_s)
		|| !take_u16(&rest, &out->attempts) || !take_u8(&rest, &out->flags)
		|| out->flags > FLAGS))
		return false;
	if ((out->flags & FLAG_WAY) && (!take_text16(&rest, QUEUE_WAY_MAX, &out->way) || out->way.len == 0))
		return false;
	if ((out->flags & FLAG_REACHED) && !take_reached(&rest, &out->reached))
		return false;
	if ((out->flags & FLAG_TRIED) && (!take_u32(&rest, &out->tried_s) || !take_text16(&rest, QUEUE_REPLY_MAX - out->reply.len, &out->server)))
		return false;
	*in = rest;
	return true;
}

static struct bytes
copy_text(struct queued *m, size_t *used, struct bytes text)
{
	uint8_t *at = texts_of(m) + *used;

	if (text.len)
		memcpy(at, text.ptr, text.len);
	*used += text.len;
	return bytes_of(at, text.len);
}

static void
add_delivery(struct queued *m, struct delivery *d, size_t *used, const struct recipient *r)
{
	uint64_t hash;

	_Static_assert(QUEUE_RECIPIENTS_MAX <= 0x400 && QUEUE_IMAGE_MAX <= 0x1fffff && QUEUE_ADDRESS_MAX <= 0x1ff && QUEUE_PARAMETERS_MAX <= 0x7ff,
		"a recipient's fields are too small");
	d->index = (uint32_t)(d - m->at) & 0x3ff;
	d->text_at = (uint32_t)*used & 0x1fffff;
	d->address_len = (uint32_t)r->address.len & 0x1ff;
	d->parameters_len = (uint32_t)r->parameters.len & 0x7ff;
	(void)copy_text(m, used, r->address);
	(void)copy_text(m, used, r->parameters);
	d->next_s = r->next_s;
	d->tried_s = r->tried_s;
	d->attempts = (uint8_t)(r->attempts < UINT8_MAX ? r->attempts : UINT8_MAX);
	d->is_delay_told = (r->flags & FLAG_DELAY_TOLD) != 0;
	d->is_postponed = (r->flags & FLAG_POSTPONED) != 0;
	d->state = r->flags & FLAG_HELD ? DELIVERY_HELD : DELIVERY_WAITING;
	for (struct bytes rest = r->reached; take_u64(&rest, &hash);)
		add_reached(m, d->index, hash);
	set(d, r->reply, r->way, r->server);
	if (d != m->at && d->reply && d[-1].reply && is_same(d->reply, d[-1].reply))
		reply_share(&d->reply, d[-1].reply);
}

/* count: what e->recipients holds. */
static struct queued *
make(const struct envelope *e, bool is_new, uint16_t count, size_t text_octets)
{
	struct queued *m = memory_new(sizeof *m + count * sizeof m->at[0] + text_octets);
	struct bytes rest = e->recipients;
	struct recipient r;
	size_t used = 0;

	m->id = e->id;
	m->arrived_s = e->arrived_s;
	m->size = e->size < UINT32_MAX ? (uint32_t)e->size : UINT32_MAX;
	m->flags = e->flags & QUEUE_FLAGS;
	if (e->release_s || e->by_s || e->told.text[0]) {
		m->rare = NEW(struct rare);
		m->rare->told = e->told;
		m->rare->release_s = e->release_s;
		m->rare->by_s = e->by_s;
	}
	m->priority = e->priority;
	m->count = m->open = count;
	m->sender_len = (uint16_t)copy_text(m, &used, e->sender).len;
	m->parameters_len = (uint16_t)copy_text(m, &used, e->parameters).len;
	for (uint16_t i = 0; i < count && take_recipient(&rest, is_new, &r); i++) {
		if (is_new && e->release_s > e->arrived_s) {
			r.flags = FLAG_POSTPONED;
			r.next_s = e->release_s;
		}
		add_delivery(m, &m->at[i], &used, &r);
	}
	return m;
}

static bool
may_outgrow(uint16_t count, size_t text_octets)
{
	return HEAD_OCTETS + text_octets + (size_t)count * RECIPIENT_OCTETS_MAX + REACHED_OCTETS_MAX > QUEUE_IMAGE_MAX;
}

static struct queued *
check_and_make(const struct envelope *e, bool is_new)
{
	struct bytes rest = e->recipients;
	size_t octets = e->sender.len + e->parameters.len;
	struct recipient r;
	uint16_t count = 0;

	if (e->sender.len > QUEUE_ADDRESS_MAX || e->parameters.len > QUEUE_PARAMETERS_MAX || e->priority < -SEND_PRIORITY_MAX
		|| e->priority > SEND_PRIORITY_MAX)
		return NULL;
	while (rest.len && count < QUEUE_RECIPIENTS_MAX && take_recipient(&rest, is_new, &r)) {
		octets += r.address.len + r.parameters.len;
		count++;
	}
	if (rest.len || count == 0 || (is_new && may_outgrow(count, octets)))
		return NULL;
	return make(e, is_new, count, octets);
}

struct queued *
queued_new(const struct envelope *e)
{
	return check_and_make(e, true);
}

static size_t
count_reached(const struct delivery *d)
{
	const struct rare *rare = delivery_message(d)->rare;
	size_t count = 0;

	for (size_t i = 0; rare && i < rare->count; i++)
		count += rare->at[i].index == d->index;
	return count;
}

static void
put_reached(struct buf *out, const struct delivery *d, size_t count)
{
	const struct rare *rare = delivery_message(d)->rare;

	put_u16(out, (uint16_t)count);
	for (size_t i = 0; count > 0; i++)
		if (rare->at[i].index == d->index) {
			put_u64(out, rare->at[i].address);
			count--;
		}
}

/* *room: for so many that were reached. */
static void
put_delivery(struct buf *out, const struct delivery *d, size_t *room)
{
	size_t reached = count_reached(d);
	struct bytes way = delivery_way(d);
	bool is_tried = d->tried_s || delivery_server(d).len;

	if (reached > *room)
		reached = *room;
	*room -= reached;
	put_text16(out, delivery_address(d));
	put_text16(out, delivery_parameters(d));
	put_text16(out, delivery_reply(d));
	put_u32(out, d->next_s);
	put_u16(out, d->attempts);
	put_u8(out, (uint8_t)((d->is_delay_told ? FLAG_DELAY_TOLD : 0) | (d->state == DELIVERY_HELD ? FLAG_HELD : 0)
		| (d->is_postponed ? FLAG_POSTPONED : 0) | (way.len ? FLAG_WAY : 0) | (reached ? FLAG_REACHED : 0)
		| (is_tried ? FLAG_TRIED : 0)));
	if (way.len)
		put_text16(out, way);
	if (reached)
		put_reached(out, d, reached);
	if (is_tried) {
		put_u32(out, d->tried_s);
		put_text16(out, delivery_server(d));
	}
}

void
queued_put(struct buf *out, const struct queued *m)
{
	size_t room = REACHED_KEPT_MAX;

	put_u8(out, queued_told(m) == &m->id ? VERSION : VERSION_PART);
	put_bytes(out, bytes_of(m->id.text, MAIL_ID_LEN));
	put_u32(out, m->arrived_s);
	put_u32(out, m->size);
	put_u32(out, m->flags);
	put_u32(out, queued_release_s(m));
	put_u32(out, (uint32_t)by_s(m));
	put_u8(out, (uint8_t)m->priority);
	if (queued_told(m) != &m->id)
		put_text(out, queued_told(m)->text);
	put_text16(out, queued_sender(m));
	put_text16(out, queued_parameters(m));
	put_u16(out, m->open);
	for (uint16_t i = 0; i < m->count; i++)
		if (m->at[i].state != DELIVERY_DONE)
			put_delivery(out, &m->at[i], &room);
}

static bool
take_handling(struct bytes *in, uint8_t version, struct envelope *e)
{
	struct bytes told;
	uint32_t by_s;
	uint8_t priority;

	if (!take_u32(in, &e->release_s) || !take_u32(in, &by_s) || !take_u8(in, &priority))
		return false;
	if (version == VERSION_PART && (!take_octets(in, MAIL_ID_LEN, &told) || !mail_id_parse(told, &e->told)))
		return false;
	e->by_s = (int32_t)by_s;
	e->priority = (int8_t)priority;
	return true;
}

struct queued *
queued_take(struct bytes image)
{
	struct envelope e = { .size = 0 };
	struct bytes id;
	struct queued *m;
	uint32_t size;
	uint16_t count;
	uint8_t version;

	if (!take_u8(&image, &version) || version < VERSION_PLAIN || version > VERSION_PART || !take_octets(&image, MAIL_ID_LEN, &id)
		|| !mail_id_parse(id, &e.id) || !take_u32(&image, &e.arrived_s) || !take_u32(&image, &size)
		|| !take_u32(&image, &e.flags) || (version > VERSION_PLAIN && !take_handling(&image, version, &e)) || !take_text16(&image, QUEUE_ADDRESS_MAX, &e.sender)
		|| !take_text16(&image, QUEUE_PARAMETERS_MAX, &e.parameters) || !take_u16(&image, &count))
		return NULL;
	e.size = size;
	e.recipients = image;
	m = check_and_make(&e, false);
	if (m && m->count != count)
		queued_free(&m);
	return m;
}
