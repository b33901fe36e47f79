#include "cli/send_message.h"

#include "proto/rfc5322/address.h"
#include "proto/rfc5322/header.h"

#include <string.h>

/* Octets of a name in one encoded-word: each may become three (RFC 2047 2: 75 in all). */
enum { WORD_OCTETS_MAX = 18, ADDRESS_OCTETS_MAX = 320 };

static struct bytes
without_cr(struct bytes line)
{
	return line.len && line.ptr[line.len - 1] == '\r' ? bytes_sub(line, 0, line.len - 1) : line;
}

struct bytes
send_message_cut(struct bytes input)
{
	struct bytes rest = input;

	while (rest.len) {
		struct bytes before = rest;

		if (bytes_equal(without_cr(take_until(&rest, '\n')), BYTES(".")))
			return bytes_between(input, before);
	}
	return input;
}

/* ---- the header */

/* The line that mailbox files have before a mail. */
static struct bytes
without_envelope(struct bytes input)
{
	if (bytes_starts(input, BYTES("From ")) || bytes_starts(input, BYTES(">From ")))
		(void)take_until(&input, '\n');
	return input;
}

static bool
is_name(struct bytes name, const char *wanted)
{
	return bytes_equal_nocase(name, bytes_text(wanted));
}

/* A field; what is none ends the header as the empty line does. */
static bool
take_field(struct bytes *in, struct bytes *name, struct bytes *value, struct bytes *field)
{
	struct bytes rest = *in;

	if (!take_header_field(&rest, name, value, field) || name->len == 0)
		return false;
	*in = rest;
	return true;
}

static bool
has_field(struct bytes header, const char *a, const char *b, const char *c)
{
	struct bytes name, value, field;

	while (take_field(&header, &name, &value, &field))
		if (is_name(name, a) || (b && is_name(name, b)) || (c && is_name(name, c)))
			return true;
	return false;
}

static bool
is_resent(struct bytes header)
{
	return has_field(header, "Resent-To", "Resent-Cc", "Resent-Bcc");
}

/* ---- recipients */

/* RFC 5321 4.1.2 */
static void
put_local(struct buf *out, struct bytes local)
{
	if (bytes_is_dotted(local, CLASS_ATEXT | CLASS_HIGH)) {
		put_bytes(out, local);
		return;
	}
	put_char(out, '"');
	for (size_t i = 0; i < local.len; i++) {
		if (local.ptr[i] == '"' || local.ptr[i] == '\\')
			put_char(out, '\\');
		put_char(out, local.ptr[i]);
	}
	put_char(out, '"');
}

static bool
is_clean(struct bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		if (byte_is_class(text.ptr[i], CLASS_CONTROL))
			return false;
	return true;
}

static int
add(struct send_recipients *to, const struct rfc5322_address *a, struct bytes domain, struct arena *arena, struct fault *f)
{
	uint8_t space[ADDRESS_OCTETS_MAX];
	struct buf address;
	struct bytes *list;

	buf_init_fixed(&address, space, sizeof space);
	put_local(&address, a->local);
	put_char(&address, '@');
	put_bytes(&address, a->local_end ? domain : a->domain);
	if (a->local.len == 0 || (!a->local_end && a->domain.len == 0) || address.has_failed || !is_clean(buf_bytes(&address)))
		return fault_set(f, FAULT_SYNTAX, "\"%.*s\" is no address", BYTES_ARG(bytes_sub(a->local.len ? a->local : a->name, 0, 100)));
	if (to->count == SEND_RECIPIENTS_MAX)
		return fault_set(f, FAULT_LIMIT, "there are more than %d recipients", SEND_RECIPIENTS_MAX);
	list = arena_grow(arena, to->at, to->count, sizeof *list);
	if (!list || !arena_copy(arena, buf_bytes(&address), &list[to->count]))
		return fault_set(f, FAULT_LIMIT, "there are too many recipients");
	to->at = list;
	to->count++;
	return 0;
}

int
send_recipients_add(struct send_recipients *to, struct bytes list, struct bytes domain, struct arena *arena, struct fault *f)
{
	struct rfc5322_address address;
	struct buf scratch;
	bool is_in_group = false;
	int result = 0;

	buf_init(&scratch, list.len + 1);
	while (result == 0 && take_address(&list, &is_in_group, &scratch, &address))
		if (address.kind == ADDRESS_MAILBOX)
			result = add(to, &address, domain, arena, f);
	buf_done(&scratch);
	return result;
}

int
send_recipients_of(struct send_recipients *to, struct bytes input, struct bytes domain, struct arena *arena, struct fault *f)
{
	struct bytes rest = without_envelope(input), name, value, field;
	bool is_of_resent = is_resent(rest);
	int result = 0;

	while (result == 0 && take_field(&rest, &name, &value, &field)) {
		bool is_wanted = is_of_resent ? is_name(name, "Resent-To") || is_name(name, "Resent-Cc") || is_name(name, "Resent-Bcc")
					      : is_name(name, "To") || is_name(name, "Cc") || is_name(name, "Bcc");

		if (is_wanted)
			result = send_recipients_add(to, value, domain, arena, f);
	}
	return result;
}

/* ---- what is sent */

/* A word of RFC 2047 4.2, of so many octets of the name as make whole characters. */
static struct bytes
put_encoded_word(struct buf *out, struct bytes name)
{
	size_t len = name.len < WORD_OCTETS_MAX ? name.len : WORD_OCTETS_MAX;

	while (len < name.len && len > 1 && (name.ptr[len] & 0xc0) == 0x80)
		len--;
	put_text(out, "=?UTF-8?Q?");
	for (size_t i = 0; i < len; i++) {
		if (byte_is_class(name.ptr[i], CLASS_ALPHA | CLASS_DIGIT))
			put_char(out, name.ptr[i]);
		else
			put_format(out, "=%02X", name.ptr[i]);
	}
	put_text(out, "?=");
	return bytes_sub(name, len, name.len);
}

static void
put_display_name(struct buf *out, struct bytes name)
{
	if (bytes_is_ascii(name)) {
		put_char(out, '"');
		for (size_t i = 0; i < name.len; i++) {
			if (name.ptr[i] == '"' || name.ptr[i] == '\\')
				put_char(out, '\\');
			put_char(out, byte_is_class(name.ptr[i], CLASS_CONTROL) ? ' ' : name.ptr[i]);
		}
		put_char(out, '"');
		return;
	}
	while (name.len) {
		name = put_encoded_word(out, name);
		put_text(out, name.len ? "\n " : "");
	}
}

static void
put_from(struct buf *out, const char *field, struct bytes address, struct bytes name)
{
	put_text(out, field);
	put_text(out, ": ");
	if (name.len) {
		put_display_name(out, name);
		put_char(out, ' ');
	}
	put_char(out, '<');
	put_bytes(out, address);
	put_text(out, ">\n");
}

/* With LF at the end of each line; a bare CR (RFC 5322 2.3), with which programs write over what they wrote before, is `for_cr`. */
static void
put_lines(struct buf *out, struct bytes text, uint8_t for_cr)
{
	while (text.len) {
		struct bytes line = take_until(&text, '\n');

		while (line.len && line.ptr[line.len - 1] == '\r')
			line.len--;
		for (size_t i = 0; i < line.len; i++)
			put_char(out, line.ptr[i] == '\r' ? for_cr : line.ptr[i]);
		put_char(out, '\n');
	}
}

/* Of a field of addresses: with the domain where "local" stands alone, all else as it is. */
static void
put_completed(struct buf *out, struct bytes field, struct bytes value, struct bytes domain)
{
	struct rfc5322_address address;
	struct buf scratch;
	bool is_in_group = false;

	buf_init(&scratch, value.len + 1);
	while (take_address(&value, &is_in_group, &scratch, &address)) {
		size_t len = address.local_end ? (size_t)(address.local_end - field.ptr) : 0;

		if (address.local.len == 0 || len == 0)
			continue;
		put_bytes(out, bytes_sub(field, 0, len));
		put_char(out, '@');
		put_bytes(out, domain);
		field = bytes_sub(field, len, field.len);
	}
	put_bytes(out, field);
	buf_done(&scratch);
}

static bool
is_of_addresses(struct bytes name)
{
	static const char *const names[] = { "From", "Sender", "Reply-To", "To", "Cc" };

	if (bytes_starts_nocase(name, BYTES("Resent-")))
		name = bytes_sub(name, strlen("Resent-"), name.len);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (is_name(name, names[i]))
			return true;
	return false;
}

static void
put_field(struct buf *out, struct bytes name, struct bytes value, struct bytes field, struct bytes domain)
{
	struct buf completed;

	if (!is_of_addresses(name)) {
		put_lines(out, field, ' ');
		return;
	}
	buf_init(&completed, SIZE_MAX);
	put_completed(&completed, field, value, domain);
	put_lines(out, buf_bytes(&completed), ' ');
	buf_done(&completed);
}

void
send_message_make(struct send_message *out, struct bytes input, struct bytes address, struct bytes name, struct bytes domain)
{
	struct bytes rest = without_envelope(input), field_name, value, field;

	buf_init(&out->text, SIZE_MAX);
	if (is_resent(rest) && !has_field(rest, "Resent-From", NULL, NULL))
		put_from(&out->text, "Resent-From", address, name);
	if (!has_field(rest, "From", NULL, NULL))
		put_from(&out->text, "From", address, name);
	while (take_field(&rest, &field_name, &value, &field))
		if (!is_name(field_name, "Bcc") && !is_name(field_name, "Resent-Bcc"))
			put_field(&out->text, field_name, value, field, domain);
	if (!bytes_starts(rest, BYTES("\n")) && !bytes_starts(rest, BYTES("\r\n")))
		put_char(&out->text, '\n');
	put_lines(&out->text, rest, '\n');
	out->is_8bit = !bytes_is_ascii(buf_bytes(&out->text));
}

void
send_message_done(struct send_message *m)
{
	buf_done(&m->text);
}
