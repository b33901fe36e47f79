#include "role/store/subscriptions.h"

#include "role/store/maildir.h"

static void
put_levels(struct buf *out, struct bytes name, uint8_t from, uint8_t to)
{
	for (size_t i = 0; i < name.len; i++)
		put_char(out, name.ptr[i] == from ? to : name.ptr[i]);
	put_char(out, '\n');
}

void
subscriptions_parse(struct bytes text, struct subscriptions *s)
{
	*s = (struct subscriptions){ 0 };
	buf_init(&s->names, SUBSCRIPTIONS_OCTETS_MAX);
	s->is_second_version = take_text(&text, BYTES("V\t2\n"));
	while (text.len) {
		size_t start = s->names.len;
		struct bytes line = take_until(&text, '\n');

		put_levels(&s->names, line, s->is_second_version ? '\t' : '.', '.');
		if (!maildir_is_folder_name(bytes_sub(buf_bytes(&s->names), start, line.len)))
			s->names.len = start;
	}
}

void
subscriptions_done(struct subscriptions *s)
{
	buf_done(&s->names);
}

/* The offset of the name's line, or names.len. */
static size_t
find(const struct subscriptions *s, struct bytes name)
{
	struct bytes all = buf_bytes(&s->names), in = all;

	while (in.len) {
		size_t at = all.len - in.len;

		if (bytes_equal(take_until(&in, '\n'), name))
			return at;
	}
	return all.len;
}

bool
subscriptions_has(const struct subscriptions *s, struct bytes name)
{
	return find(s, name) < s->names.len;
}

bool
subscriptions_add(struct subscriptions *s, struct bytes name)
{
	if (subscriptions_has(s, name))
		return false;
	put_levels(&s->names, name, '.', '.');
	return !s->names.has_failed;
}

bool
subscriptions_remove(struct subscriptions *s, struct bytes name)
{
	size_t at = find(s, name);
	struct bytes rest;
	struct buf all;

	if (at == s->names.len)
		return false;
	rest = bytes_sub(buf_bytes(&s->names), at + name.len + 1, SIZE_MAX);
	buf_init(&all, SUBSCRIPTIONS_OCTETS_MAX);
	put_bytes(&all, bytes_sub(buf_bytes(&s->names), 0, at));
	put_bytes(&all, rest);
	buf_done(&s->names);
	s->names = all;
	return true;
}

void
subscriptions_put(struct buf *out, const struct subscriptions *s)
{
	struct bytes in = buf_bytes(&s->names);

	if (s->is_second_version)
		put_text(out, "V\t2\n\n");
	while (in.len)
		put_levels(out, take_until(&in, '\n'), '.', s->is_second_version ? '\t' : '.');
}
