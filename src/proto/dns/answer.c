/* An answer is read in passes over its answer section: for each name of the chain (the question's, then where a CNAME leads), the
   records of that name and type, else its CNAME.  Whatever stands there for other names is nobody's business: it was not asked
   for, and could be anybody's idea of it (RFC 5452 6). */
#include "proto/dns/dns_internal.h"

enum {
	IS_RESPONSE = 1 << 15,
	OPCODE = 0xF << 11,
	IS_TRUNCATED = 1 << 9,
	HAS_RECURSION = 1 << 7,
	IS_AUTHENTIC = 1 << 5,
	RCODE = 0xF,
	RCODE_NONE = 0,
	RCODE_NO_NAME = 3,
	CLASS_INTERNET = 1,
};

struct packet {
	struct bytes all, answers, authorities; /* the records of a section, to the end of the packet */
	uint16_t flags, answer_count, authority_count;
};

struct record {
	struct dns_name owner;
	uint16_t type, class;
	uint32_t ttl_s;
	struct bytes data;
};

static bool
is_same(const struct dns_name *name, struct bytes text)
{
	return bytes_equal_nocase(bytes_of(name->octets, name->len), text);
}

/* RFC 2181 8: a TTL with its highest bit set is 0. */
static bool
take_record(struct bytes packet, struct bytes *in, struct record *out)
{
	struct bytes rest = *in;
	uint16_t len;

	if (!dns_take_name(packet, &rest, &out->owner) || !dns_take_u16(&rest, &out->type) ||
		!dns_take_u16(&rest, &out->class) || !dns_take_u32(&rest, &out->ttl_s) || !dns_take_u16(&rest, &len) ||
		!take_octets(&rest, len, &out->data))
		return false;
	if (out->ttl_s > INT32_MAX)
		out->ttl_s = 0;
	*in = rest;
	return true;
}

static bool
skip_records(struct bytes packet, struct bytes *in, uint16_t count)
{
	struct record record;

	for (uint16_t i = 0; i < count; i++)
		if (!take_record(packet, in, &record))
			return false;
	return true;
}

static int
not_an_answer(struct fault *f, const char *why)
{
	return fault_set(f, FAULT_SYNTAX, "%s", why);
}

/* The header, and the question that it must be the answer to      RFC 1035 4.1.1, 4.1.2 */
static int
read_head(struct packet *p, struct bytes name, enum dns_type type, struct fault *f)
{
	struct bytes in = p->all;
	uint16_t id, question_count, additional_count, asked_type, asked_class;
	struct dns_name asked;

	if (!dns_take_u16(&in, &id) || !dns_take_u16(&in, &p->flags) || !dns_take_u16(&in, &question_count) ||
		!dns_take_u16(&in, &p->answer_count) || !dns_take_u16(&in, &p->authority_count) ||
		!dns_take_u16(&in, &additional_count))
		return not_an_answer(f, "shorter than a header");
	if (!(p->flags & IS_RESPONSE) || p->flags & OPCODE)
		return not_an_answer(f, "not a response to a query");
	if (p->flags & IS_TRUNCATED)
		return not_an_answer(f, "truncated");
	if (question_count != 1 || !dns_take_name(p->all, &in, &asked) || !dns_take_u16(&in, &asked_type) ||
		!dns_take_u16(&in, &asked_class))
		return not_an_answer(f, "without the question");
	if (!is_same(&asked, name) || asked_type != type || asked_class != CLASS_INTERNET)
		return not_an_answer(f, "the answer to another question");
	p->answers = in;
	if (!skip_records(p->all, &in, p->answer_count))
		return not_an_answer(f, "malformed in its answers");
	p->authorities = in;
	if (!skip_records(p->all, &in, p->authority_count))
		return not_an_answer(f, "malformed in its authorities");
	return 0;
}

static void
put_counted(struct buf *out, struct bytes in)
{
	put_u16(out, (uint16_t)in.len);
	put_bytes(out, in);
}

static bool
put_only_name(struct bytes packet, struct bytes data, struct buf *out)
{
	struct dns_name name;

	if (!dns_take_name(packet, &data, &name) || data.len)
		return false;
	put_counted(out, bytes_of(name.octets, name.len));
	return true;
}

/* PREFERENCE EXCHANGE      RFC 1035 3.3.9 */
static bool
put_mx(struct bytes packet, struct bytes data, struct buf *out)
{
	uint16_t preference;

	if (!dns_take_u16(&data, &preference))
		return false;
	put_u16(out, preference);
	return put_only_name(packet, data, out);
}

/* One or more <character-string>s      RFC 1035 3.3.14 */
static bool
put_txt(struct bytes data, struct buf *out)
{
	uint8_t joined_room[UINT16_MAX];
	struct buf joined;
	struct bytes text;
	uint8_t len;

	if (data.len == 0)
		return false;
	buf_init_fixed(&joined, joined_room, sizeof joined_room);
	while (take_u8(&data, &len)) {
		if (!take_octets(&data, len, &text))
			return false;
		put_bytes(&joined, text);
	}
	put_counted(out, buf_bytes(&joined));
	return true;
}

/* Usage, selector, matching type, certificate association data      RFC 6698 2.1 */
static bool
put_tlsa(struct bytes data, struct buf *out)
{
	struct bytes head;

	if (!take_octets(&data, 3, &head))
		return false;
	put_bytes(out, head);
	put_counted(out, data);
	return true;
}

static bool
put_record(struct bytes packet, const struct record *record, struct buf *out)
{
	struct bytes data = record->data;

	switch ((enum dns_type)record->type) {
	case DNS_A:
	case DNS_AAAA:
		put_bytes(out, data);
		return data.len == (record->type == DNS_A ? 4 : 16);
	case DNS_PTR:
	case DNS_CNAME:
		return put_only_name(packet, data, out);
	case DNS_MX:
		return put_mx(packet, data, out);
	case DNS_TXT:
		return put_txt(data, out);
	case DNS_TLSA:
		return put_tlsa(data, out);
	case DNS_NS:
	case DNS_SOA:
	case DNS_OPT:
		break;
	}
	return false;
}

static void
lower_ttl(struct dns_answer *out, uint32_t ttl_s)
{
	if (ttl_s < out->ttl_s)
		out->ttl_s = ttl_s;
}

/* What there is for one name of the chain. */
struct step {
	size_t found; /* records of the type that was asked for */
	bool has_alias;
	struct dns_name alias;
	uint32_t alias_ttl_s;
};

static int
read_step(const struct packet *p, struct bytes name, enum dns_type type, struct step *step, struct dns_answer *out,
	struct buf *records, struct fault *f)
{
	struct bytes in = p->answers;
	struct record record;

	*step = (struct step){ .found = 0 };
	for (uint16_t i = 0; i < p->answer_count && take_record(p->all, &in, &record); i++) {
		struct bytes data = record.data;

		if (record.class != CLASS_INTERNET || !is_same(&record.owner, name))
			continue;
		if (record.type == type) {
			if (!put_record(p->all, &record, records))
				return not_an_answer(f, "a record of it is malformed");
			lower_ttl(out, record.ttl_s);
			step->found++;
		} else if (record.type == DNS_CNAME && !step->has_alias) {
			if (!dns_take_name(p->all, &data, &step->alias) || data.len)
				return not_an_answer(f, "a CNAME of it is malformed");
			step->alias_ttl_s = record.ttl_s;
			step->has_alias = true;
		}
	}
	return 0;
}

/* RFC 1034 3.6.2; a chain without end is malformed. */
static int
follow(const struct packet *p, struct bytes name, enum dns_type type, struct dns_answer *out, struct buf *records, size_t *found,
	struct fault *f)
{
	struct step step;

	for (int aliases = 0; aliases <= DNS_ALIASES_MAX; aliases++) {
		if (read_step(p, name, type, &step, out, records, f) == -1)
			return -1;
		*found = step.found;
		if (step.found || !step.has_alias)
			return 0;
		lower_ttl(out, step.alias_ttl_s);
		buf_reset(&out->canonical);
		put_bytes(&out->canonical, bytes_of(step.alias.octets, step.alias.len));
		name = buf_bytes(&out->canonical);
	}
	return not_an_answer(f, "its CNAMEs go round in circles, or on for too long");
}

/* The seven fields of SOA end with MINIMUM      RFC 1035 3.3.13 */
static bool
take_soa_minimum(struct bytes packet, struct bytes data, uint32_t *minimum_s)
{
	struct dns_name name;
	struct bytes numbers;

	return dns_take_name(packet, &data, &name) && dns_take_name(packet, &data, &name) && take_octets(&data, 16, &numbers) &&
	       dns_take_u32(&data, minimum_s) && data.len == 0;
}

/* RFC 2308 5: for how long, the least of the SOA's TTL and its MINIMUM; without SOA it must not be kept.  2.2: NS without SOA,
   from who does not recurse, is a referral and tells nothing. */
static void
read_negative(const struct packet *p, struct dns_answer *out)
{
	struct bytes in = p->authorities;
	bool has_soa = false, has_ns = false;
	struct record record;
	uint32_t minimum_s;

	for (uint16_t i = 0; i < p->authority_count && take_record(p->all, &in, &record); i++) {
		has_ns |= record.type == DNS_NS;
		if (has_soa || record.type != DNS_SOA || !take_soa_minimum(p->all, record.data, &minimum_s))
			continue;
		has_soa = true;
		lower_ttl(out, record.ttl_s);
		lower_ttl(out, minimum_s);
	}
	if (!has_soa)
		out->ttl_s = 0;
	if (!has_soa && has_ns && !(p->flags & HAS_RECURSION))
		out->outcome = DNS_LATER;
}

int
dns_read_answer(struct bytes packet, struct bytes name, enum dns_type type, struct dns_answer *out, struct buf *records,
	struct fault *f)
{
	struct packet p = { .all = packet };
	size_t found = 0;

	*out = (struct dns_answer){ .outcome = DNS_LATER };
	buf_init_fixed(&out->canonical, out->canonical_room, sizeof out->canonical_room);
	if (read_head(&p, name, type, f) == -1)
		return -1;
	if ((p.flags & RCODE) != RCODE_NONE && (p.flags & RCODE) != RCODE_NO_NAME)
		return 0;
	out->is_authentic = p.flags & IS_AUTHENTIC;
	out->ttl_s = INT32_MAX;
	if (follow(&p, name, type, out, records, &found, f) == -1)
		return -1;
	if (records->has_failed)
		return fault_set(f, FAULT_LIMIT, "more records than can be taken");
	if (found && (p.flags & RCODE) == RCODE_NO_NAME)
		return not_an_answer(f, "records of a name that it says is not there");
	out->outcome = found ? DNS_FOUND : (p.flags & RCODE) == RCODE_NO_NAME ? DNS_NO_NAME : DNS_NO_RECORD;
	if (!found)
		read_negative(&p, out);
	return 0;
}
