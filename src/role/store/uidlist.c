#include "role/store/uidlist.h"

#include "role/store/maildir.h"

#include <string.h>

static int
hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = byte_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
parse_guid(struct bytes text, uint8_t guid[UIDLIST_GUID_OCTETS])
{
	if (text.len != (size_t)2 * UIDLIST_GUID_OCTETS || !bytes_all_class(text, CLASS_HEX))
		return false;
	for (size_t i = 0; i < UIDLIST_GUID_OCTETS; i++)
		guid[i] = (uint8_t)(hex_value(text.ptr[2 * i]) << 4 | hex_value(text.ptr[2 * i + 1]));
	return true;
}

static bool
take_uid(struct bytes *in, uint32_t *uid)
{
	uint64_t value;

	if (!take_number(in, UINT32_MAX, &value) || value == 0)
		return false;
	*uid = (uint32_t)value;
	return true;
}

/* V1275660208 N25022 G3085f01b7f11094c501100008c4a11c1, and what later versions may add */
static bool
parse_fields(struct bytes in, struct uidlist_head *head)
{
	while (in.len) {
		struct bytes field = take_until(&in, ' ');

		if (take_char(&field, 'V') && !take_uid(&field, &head->uid_validity))
			return false;
		if (take_char(&field, 'N') && !take_uid(&field, &head->uid_next))
			return false;
		if (take_char(&field, 'G'))
			head->has_guid = parse_guid(field, head->guid);
	}
	return head->uid_validity && head->uid_next && head->uid_next <= UIDLIST_UID_MAX;
}

bool
take_uidlist_head(struct bytes *in, struct uidlist_head *head)
{
	struct bytes rest = *in, line;

	if (bytes_find_char(rest, '\n') == rest.len)
		return false;
	line = take_until(&rest, '\n');
	*head = (struct uidlist_head){ .version = 3 };
	if (take_text(&line, BYTES("3 "))) {
		if (!parse_fields(line, head))
			return false;
	} else {
		head->version = 1;
		if (!take_text(&line, BYTES("1 ")) || !take_uid(&line, &head->uid_validity)
			|| !take_char(&line, ' ') || !take_uid(&line, &head->uid_next)
			|| head->uid_next > UIDLIST_UID_MAX)
			return false;
	}
	*in = rest;
	return true;
}

/* "25006 W1394 :1276528487.M364837P9451.kurkku,S=1355,W=1394", version 1 "25006 1276528487.…" */
static bool
parse_line(struct bytes in, uint32_t version, struct uidlist_line *line)
{
	struct maildir_name name;
	size_t colon;

	if (!take_uid(&in, &line->uid) || !take_char(&in, ' '))
		return false;
	line->extensions = BYTES_NONE;
	if (version == 3) {
		colon = bytes_find_char(in, ':');
		if (colon == in.len)
			return false;
		line->extensions = bytes_trim(bytes_sub(in, 0, colon));
		in = bytes_sub(in, colon + 1, SIZE_MAX);
	}
	if (!maildir_parse_name(in, false, &name))
		return false;
	line->name = name.base;
	return true;
}

bool
take_uidlist_line(struct bytes *in, uint32_t version, uint32_t *last_uid, struct uidlist_line *line,
	size_t *damaged)
{
	while (in->len) {
		bool is_whole = bytes_find_char(*in, '\n') < in->len;
		struct bytes text = take_until(in, '\n');

		if (is_whole && parse_line(text, version, line) && line->uid > *last_uid
			&& line->uid < UIDLIST_UID_MAX) {
			*last_uid = line->uid;
			return true;
		}
		++*damaged;
	}
	return false;
}

void
put_uidlist_head(struct buf *out, const struct uidlist_head *head)
{
	put_text(out, "3 V");
	put_number(out, head->uid_validity);
	put_text(out, " N");
	put_number(out, head->uid_next);
	put_text(out, " G");
	for (size_t i = 0; i < UIDLIST_GUID_OCTETS; i++) {
		put_char(out, (uint8_t) "0123456789abcdef"[head->guid[i] >> 4]);
		put_char(out, (uint8_t) "0123456789abcdef"[head->guid[i] & 15]);
	}
	put_char(out, '\n');
}

void
put_uidlist_line(struct buf *out, const struct uidlist_line *line)
{
	put_number(out, line->uid);
	put_char(out, ' ');
	if (line->extensions.len) {
		put_bytes(out, line->extensions);
		put_char(out, ' ');
	}
	put_char(out, ':');
	put_bytes(out, line->name);
	put_char(out, '\n');
}
