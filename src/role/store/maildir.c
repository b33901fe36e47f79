#include "role/store/maildir.h"

#include "view/view.h"

#include <string.h>

/* In the order in which they stand in a name: ASCII. */
static const struct {
	char letter;
	uint32_t bit;
} letters_of_flags[] = {
	{ 'D', VIEW_DRAFT },
	{ 'F', VIEW_FLAGGED },
	{ 'P', MAILDIR_PASSED },
	{ 'R', VIEW_ANSWERED },
	{ 'S', VIEW_SEEN },
	{ 'T', VIEW_DELETED },
};
enum { FLAG_LETTERS = sizeof letters_of_flags / sizeof *letters_of_flags };

static uint64_t
state_of_letter(uint8_t c)
{
	if (c >= 'a' && c <= 'z')
		return (uint64_t)1 << (MAILDIR_LETTERS_AT + c - 'a');
	for (size_t i = 0; i < FLAG_LETTERS; i++)
		if (letters_of_flags[i].letter == c)
			return letters_of_flags[i].bit;
	return 0;
}

static bool
is_message_name(struct bytes name)
{
	if (name.len == 0 || name.len > MAILDIR_NAME_MAX || name.ptr[0] == '.')
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (byte_is_class(name.ptr[i], CLASS_CONTROL) || name.ptr[i] == '/')
			return false;
	return name.ptr[0] != ':';
}

bool
maildir_parse_name(struct bytes name, bool is_in_new, struct maildir_name *out)
{
	struct bytes rest = name;
	uint8_t space[MAILDIR_NAME_MAX + 64];
	struct buf again;

	if (!is_message_name(name))
		return false;
	*out = (struct maildir_name){ .base = take_until(&rest, ':') };
	if (is_in_new)
		out->state = MAILDIR_IN_NEW;
	else if (out->base.len == name.len)
		out->state = MAILDIR_BARE;
	if (take_text(&rest, BYTES("2,")))
		for (size_t i = 0; i < rest.len; i++)
			out->state |= state_of_letter(rest.ptr[i]);
	buf_init_fixed(&again, space, sizeof space);
	maildir_put_path(&again, out->base, out->state);
	out->is_canonical = bytes_equal(bytes_sub(buf_bytes(&again), 4, SIZE_MAX), name);
	return true;
}

void
maildir_put_path(struct buf *out, struct bytes base, uint64_t state)
{
	put_text(out, state & MAILDIR_IN_NEW ? "new/" : "cur/");
	put_bytes(out, base);
	if (state & (MAILDIR_IN_NEW | MAILDIR_BARE))
		return;
	put_text(out, ":2,");
	for (size_t i = 0; i < FLAG_LETTERS; i++)
		if (state & letters_of_flags[i].bit)
			put_char(out, (uint8_t)letters_of_flags[i].letter);
	for (uint8_t n = 0; n < MAILDIR_KEYWORDS_MAX; n++)
		if (maildir_letters(state) >> n & 1)
			put_char(out, (uint8_t)('a' + n));
}

uint64_t
maildir_state(uint64_t now, uint32_t flags, uint64_t letters)
{
	uint64_t said = (flags & VIEW_SYSTEM_FLAGS) | letters << MAILDIR_LETTERS_AT;

	if (said == 0 && now & (MAILDIR_IN_NEW | MAILDIR_BARE))
		return now & (MAILDIR_IN_NEW | MAILDIR_BARE);
	return said | (now & MAILDIR_PASSED);
}

/* The host as it may stand in a name: "/" as \057, ":" as \072 (the page on Maildir), and "," likewise. */
static void
put_host(struct buf *out, struct bytes host)
{
	for (size_t i = 0; i < host.len; i++) {
		uint8_t c = host.ptr[i];

		if (c == '/' || c == ':' || c == ',' || byte_is_class(c, CLASS_CONTROL))
			put_format(out, "\\%03o", c);
		else
			put_char(out, c);
	}
}

void
maildir_put_base(struct buf *out, const struct maildir_stamp *stamp, uint64_t octets, uint64_t size)
{
	put_number(out, (uint64_t)(stamp->wall_us / 1000000));
	put_text(out, ".M");
	put_number(out, (uint64_t)(stamp->wall_us % 1000000));
	put_char(out, 'P');
	put_number(out, (uint64_t)stamp->process);
	put_char(out, 'Q');
	put_number(out, stamp->number);
	put_char(out, '.');
	put_host(out, bytes_sub(stamp->host, 0, 64));
	if (octets) {
		put_text(out, ",S=");
		put_number(out, octets);
	}
	if (size) {
		put_text(out, ",W=");
		put_number(out, size);
	}
}

bool
maildir_is_ours(struct bytes base, struct bytes host)
{
	uint8_t space[512];
	struct buf own;
	uint64_t number;
	struct bytes rest;

	if (!take_number(&base, INT64_MAX, &number) || !take_text(&base, BYTES(".M"))
		|| !take_number(&base, 999999, &number) || !take_char(&base, 'P')
		|| !take_number(&base, INT64_MAX, &number) || !take_char(&base, 'Q')
		|| !take_number(&base, UINT64_MAX, &number) || !take_char(&base, '.'))
		return false;
	buf_init_fixed(&own, space, sizeof space);
	put_host(&own, bytes_sub(host, 0, 64));
	rest = take_until(&base, ',');
	return bytes_equal(rest, buf_bytes(&own));
}

uint64_t
maildir_base_number(struct bytes base, char letter)
{
	uint64_t value;

	while (base.len) {
		(void)take_until(&base, ',');
		if (take_char(&base, (uint8_t)letter) && take_char(&base, '=')
			&& take_number(&base, INT64_MAX, &value)
			&& (base.len == 0 || base.ptr[0] == ','))
			return value;
	}
	return 0;
}

int64_t
maildir_base_seconds(struct bytes base)
{
	uint64_t seconds;

	return take_number(&base, INT64_MAX / 1000000, &seconds) ? (int64_t)seconds : 0;
}

/* FNV-1a (Fowler, Noll, Vo) over the base, twice with different starts: unique because the base is. */
void
maildir_object_id(struct bytes base, uint8_t out[16])
{
	uint64_t hash[2] = { 0xcbf29ce484222325u, 0x84222325cbf29ce4u };

	for (size_t i = 0; i < base.len; i++) {
		hash[0] = (hash[0] ^ base.ptr[i]) * 0x100000001b3u;
		hash[1] = (hash[1] ^ base.ptr[base.len - 1 - i]) * 0x100000001b3u;
	}
	memcpy(out, hash, sizeof hash);
}

/* Modified UTF-7 as far as it matters here: printable ASCII, and every "&" has its "-" (RFC 3501 5.1.3). */
static bool
is_level(struct bytes level)
{
	if (level.len == 0)
		return false;
	while (level.len) {
		uint8_t c = level.ptr[0];

		level = bytes_sub(level, 1, SIZE_MAX);
		if (!byte_is_class(c, CLASS_PRINT) || c == '/')
			return false;
		if (c != '&')
			continue;
		if (bytes_find_char(level, '-') == level.len)
			return false;
		(void)take_until(&level, '-');
	}
	return true;
}

bool
maildir_is_folder_name(struct bytes name)
{
	if (name.len == 0 || name.len >= MAILDIR_NAME_MAX || name.ptr[name.len - 1] == '.')
		return false;
	while (name.len)
		if (!is_level(take_until(&name, '.')))
			return false;
	return true;
}

void
maildir_put_folder(struct buf *out, struct bytes name)
{
	put_char(out, '.');
	if (!bytes_equal(name, BYTES("INBOX")))
		put_bytes(out, name);
	put_char(out, '\0');
}

bool
maildir_parse_folder(struct bytes directory, struct bytes *name)
{
	if (!take_char(&directory, '.') || !maildir_is_folder_name(directory))
		return false;
	*name = directory;
	return !bytes_equal_nocase(directory, BYTES("INBOX"));
}
