#include "role/directory/image.h"

#include <openssl/evp.h>

enum { RECORD_USER = 1, RECORD_ALIAS = 2, RECORD_GROUP = 3, DIGEST_OCTETS = 32, HEAD_OCTETS_MAX = 2 * IMAGE_TEXT_MAX + 128 };

static const char magic[] = "mermoz directory 6\n";

static void
put_text_record(struct buf *b, struct bytes text)
{
	if (text.len > UINT16_MAX)
		b->has_failed = true;
	put_u16(b, (uint16_t)text.len);
	put_bytes(b, text);
}

static bool
take_text_record(struct bytes *in, struct bytes *out)
{
	uint16_t len;

	return take_u16(in, &len) && take_octets(in, len, out);
}

void
image_put_user(struct buf *records, const struct user_record *record)
{
	put_u8(records, RECORD_USER);
	put_text_record(records, record->address);
	put_text_record(records, record->name);
	put_text_record(records, record->secret_password);
	put_text_record(records, record->password_stamp);
	put_text_record(records, record->edit_stamp);
	put_text_record(records, record->entry);
	put_text_record(records, record->account_name);
	put_u8(records, record->is_enabled);
	put_u8(records, (uint8_t)record->attribute_count);
	for (size_t i = 0; i < record->attribute_count; i++) {
		put_text_record(records, record->attributes[i].name);
		put_text_record(records, record->attributes[i].value);
	}
	put_u8(records, (uint8_t)record->forward_count);
	for (size_t i = 0; i < record->forward_count; i++)
		put_text_record(records, record->forwards[i]);
}

void
image_put_alias(struct buf *records, const struct alias_record *record)
{
	put_u8(records, RECORD_ALIAS);
	put_text_record(records, record->address);
	put_text_record(records, record->entry);
	put_u8(records, (uint8_t)record->rank);
	put_u16(records, (uint16_t)record->target_count);
	for (size_t i = 0; i < record->target_count; i++)
		put_text_record(records, record->targets[i]);
}

void
image_put_group(struct buf *records, const struct group_record *record)
{
	put_u8(records, RECORD_GROUP);
	put_text_record(records, record->address);
	put_text_record(records, record->entry);
	put_u32(records, (uint32_t)record->members.len);
	put_bytes(records, record->members);
}

void
image_put_member(struct buf *members, struct bytes member)
{
	put_text_record(members, member);
}

bool
image_take_member(struct bytes *members, struct bytes *member)
{
	return take_text_record(members, member);
}

static bool
take_forwards(struct bytes *in, struct bytes forwards[RECORD_FORWARDS_MAX], size_t *count)
{
	uint8_t said;

	if (!take_u8(in, &said) || said > RECORD_FORWARDS_MAX)
		return false;
	for (size_t i = 0; i < said; i++)
		if (!take_text_record(in, &forwards[i]))
			return false;
	*count = said;
	return true;
}

static bool
visit_user(struct bytes *in, const struct image_visitor *visitor, void *arg)
{
	struct record_attribute attributes[RECORD_ATTRIBUTES_MAX];
	struct bytes forwards[RECORD_FORWARDS_MAX];
	struct user_record record = { .attributes = attributes, .forwards = forwards };
	uint8_t is_enabled, count;

	if (!take_text_record(in, &record.address) || !take_text_record(in, &record.name)
		|| !take_text_record(in, &record.secret_password) || !take_text_record(in, &record.password_stamp)
		|| !take_text_record(in, &record.edit_stamp) || !take_text_record(in, &record.entry) || !take_text_record(in, &record.account_name) || !take_u8(in, &is_enabled)
		|| is_enabled > 1 || !take_u8(in, &count) || count > RECORD_ATTRIBUTES_MAX)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!take_text_record(in, &attributes[i].name) || !take_text_record(in, &attributes[i].value))
			return false;
	if (!take_forwards(in, forwards, &record.forward_count))
		return false;
	record.is_enabled = is_enabled;
	record.attribute_count = count;
	visitor->user(arg, &record);
	return true;
}

static bool
visit_alias(struct bytes *in, const struct image_visitor *visitor, void *arg)
{
	struct bytes targets[RECORD_TARGETS_MAX];
	struct alias_record record = { .targets = targets };
	uint16_t count;
	uint8_t rank;

	if (!take_text_record(in, &record.address) || !take_text_record(in, &record.entry) || !take_u8(in, &rank)
		|| rank >= ALIAS_LISTED || !take_u16(in, &count) || count > RECORD_TARGETS_MAX)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!take_text_record(in, &targets[i]))
			return false;
	record.target_count = count;
	record.rank = rank;
	if (visitor->alias)
		visitor->alias(arg, &record);
	return true;
}

static bool
visit_group(struct bytes *in, const struct image_visitor *visitor, void *arg)
{
	struct group_record record;
	uint32_t len;

	if (!visitor->group || !take_text_record(in, &record.address) || !take_text_record(in, &record.entry)
		|| !take_u32(in, &len) || !take_octets(in, len, &record.members))
		return false;
	visitor->group(arg, &record);
	return true;
}

static bool
visit_kind(struct bytes *in, const struct image_visitor *visitor, void *arg)
{
	uint8_t kind;

	if (!take_u8(in, &kind))
		return false;
	switch (kind) {
	case RECORD_USER:
		return visit_user(in, visitor, arg);
	case RECORD_ALIAS:
		return visit_alias(in, visitor, arg);
	case RECORD_GROUP:
		return visit_group(in, visitor, arg);
	}
	return false;
}

bool
image_take_record(struct bytes *in, const struct image_visitor *visitor, void *arg)
{
	struct bytes rest = *in;

	if (!visit_kind(&rest, visitor, arg))
		return false;
	*in = rest;
	return true;
}

bool
image_visit(struct bytes records, const struct image_visitor *visitor, void *arg)
{
	while (records.len)
		if (!image_take_record(&records, visitor, arg))
			return false;
	return true;
}

struct visiting {
	const struct image_visitor *visitor;
	void *arg;
};

static bool
take_record(void *arg, struct bytes *in)
{
	struct visiting *v = arg;

	return image_take_record(in, v->visitor, v->arg);
}

bool
image_visit_run(const struct run *records, const struct image_visitor *visitor, void *arg)
{
	struct visiting v = { visitor, arg };

	return run_each(records, take_record, &v);
}

/* ---- a snapshot */

struct digesting {
	EVP_MD_CTX *context;
	bool is_sound;
};

static bool
add_to_digest(void *arg, struct bytes *in)
{
	struct digesting *d = arg;

	d->is_sound = d->is_sound && EVP_DigestUpdate(d->context, in->ptr, in->len) == 1;
	*in = BYTES_NONE;
	return true;
}

/* False: it can't be made, or the run can't be read. */
static bool
make_digest(struct bytes head, const struct run *rest, uint8_t digest[EVP_MAX_MD_SIZE])
{
	struct digesting d = { .context = EVP_MD_CTX_new() };

	d.is_sound = d.context && EVP_DigestInit_ex(d.context, EVP_sha256(), NULL) == 1;
	(void)add_to_digest(&d, &head);
	d.is_sound = run_each(rest, add_to_digest, &d) && d.is_sound && EVP_DigestFinal_ex(d.context, digest, NULL) == 1;
	EVP_MD_CTX_free(d.context);
	return d.is_sound;
}

void
image_put_snapshot_head(struct buf *out, struct bytes origin, struct bytes marker, const struct run *records)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	struct buf head;

	buf_init(&head, 2 * (UINT16_MAX + 2));
	put_text_record(&head, origin);
	put_text_record(&head, marker);
	put_text(out, magic);
	if (make_digest(buf_bytes(&head), records, digest))
		put_bytes(out, bytes_of(digest, DIGEST_OCTETS));
	else
		out->has_failed = true;
	put_bytes(out, buf_bytes(&head));
	out->has_failed |= head.has_failed;
	buf_done(&head);
}

/* Of all that follows it. */
static bool
has_digest(const struct run *snapshot, size_t begin, struct bytes digest)
{
	uint8_t made[EVP_MAX_MD_SIZE];
	struct run rest = *snapshot;

	if (begin <= rest.written) {
		rest.begin += begin;
		rest.written -= begin;
	} else {
		rest.tail.ptr += begin - rest.written;
		rest.tail.len -= begin - (size_t)rest.written;
		rest.written = 0;
	}
	return make_digest(BYTES_NONE, &rest, made) && bytes_equal(bytes_of(made, DIGEST_OCTETS), digest);
}

size_t
image_find_records(const struct run *snapshot, struct bytes origin, struct buf *marker)
{
	uint8_t head[HEAD_OCTETS_MAX];
	uint64_t len = run_octets(snapshot) < sizeof head ? run_octets(snapshot) : sizeof head;
	struct bytes rest = bytes_of(head, (size_t)len), digest, from, said;
	size_t begin;

	if (!run_read(snapshot, 0, head, (size_t)len) || !take_text(&rest, bytes_text(magic)) || !take_octets(&rest, DIGEST_OCTETS, &digest))
		return 0;
	begin = (size_t)(rest.ptr - head);
	if (!take_text_record(&rest, &from) || !bytes_equal(from, origin) || !take_text_record(&rest, &said) || !has_digest(snapshot, begin, digest))
		return 0;
	put_bytes(marker, said);
	return (size_t)(rest.ptr - head);
}
