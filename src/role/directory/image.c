#include "role/directory/image.h"

#include <openssl/evp.h>

enum { RECORD_USER = 1, RECORD_ALIAS = 2, RECORD_GROUP = 3, DIGEST_OCTETS = 32 };

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
visit_record(struct bytes *in, const struct image_visitor *visitor, void *arg)
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
image_visit(struct bytes records, const struct image_visitor *visitor, void *arg)
{
	while (records.len)
		if (!visit_record(&records, visitor, arg))
			return false;
	return true;
}

static void
put_digest(struct buf *out, struct bytes head, struct bytes rest)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (!context || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1 || EVP_DigestUpdate(context, head.ptr, head.len) != 1
		|| EVP_DigestUpdate(context, rest.ptr, rest.len) != 1 || EVP_DigestFinal_ex(context, digest, NULL) != 1)
		out->has_failed = true;
	else
		put_bytes(out, bytes_of(digest, DIGEST_OCTETS));
	EVP_MD_CTX_free(context);
}

void
image_put_snapshot_head(struct buf *out, struct bytes origin, struct bytes marker, struct bytes records)
{
	struct buf head;

	buf_init(&head, 2 * (UINT16_MAX + 2));
	put_text_record(&head, origin);
	put_text_record(&head, marker);
	put_text(out, magic);
	put_digest(out, buf_bytes(&head), records);
	put_bytes(out, buf_bytes(&head));
	out->has_failed |= head.has_failed;
	buf_done(&head);
}

void
image_put_snapshot(struct buf *out, struct bytes origin, struct bytes marker, struct bytes records)
{
	image_put_snapshot_head(out, origin, marker, records);
	put_bytes(out, records);
}

bool
image_take_snapshot(struct bytes in, struct bytes origin, struct bytes *marker, struct bytes *records)
{
	uint8_t space[DIGEST_OCTETS];
	struct bytes digest, from;
	struct buf made;

	buf_init_fixed(&made, space, sizeof space);
	if (!take_text(&in, bytes_text(magic)) || !take_octets(&in, DIGEST_OCTETS, &digest))
		return false;
	put_digest(&made, in, BYTES_NONE);
	if (made.has_failed || !bytes_equal(buf_bytes(&made), digest) || !take_text_record(&in, &from)
		|| !bytes_equal(from, origin) || !take_text_record(&in, marker))
		return false;
	*records = in;
	return true;
}
