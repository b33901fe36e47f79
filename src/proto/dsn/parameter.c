#include "proto/dsn/parameter.h"

#include "proto/dsn/xtext.h"

/* The last one, since an address may hold spaces. */
#define ACCEPTED "ACCEPTED="

static const struct {
	struct bytes name;
	unsigned int bit;
} notifies[] = {
	{ BYTES_INIT("SUCCESS"), DSN_NOTIFY_SUCCESS },
	{ BYTES_INIT("FAILURE"), DSN_NOTIFY_FAILURE },
	{ BYTES_INIT("DELAY"), DSN_NOTIFY_DELAY },
};

/* notify-list-element = "SUCCESS" / "FAILURE" / "DELAY" */
static unsigned int
notify_of_name(struct bytes name)
{
	for (size_t i = 0; i < sizeof notifies / sizeof *notifies; i++)
		if (bytes_equal_nocase(name, notifies[i].name))
			return notifies[i].bit;
	return 0;
}

/* notify-esmtp-value = "NEVER" / 1#notify-list-element      RFC 3461 4.1.  An element said twice is said. */
bool
dsn_parse_notify(struct bytes value, unsigned int *out)
{
	unsigned int found = 0;
	bool has_more;

	if (bytes_equal_nocase(value, BYTES("NEVER"))) {
		*out = DSN_NOTIFY_NEVER;
		return true;
	}
	do {
		size_t comma = bytes_find_char(value, ',');
		unsigned int bit = notify_of_name(bytes_sub(value, 0, comma));

		if (bit == 0)
			return false;
		found |= bit;
		has_more = comma < value.len;
		value = bytes_sub(value, comma + 1, value.len);
	} while (has_more);
	*out = found;
	return true;
}

/* utf-8-enc-addr = utf-8-addr-xtext / utf-8-addr-unitext / utf-8-address      RFC 6533 3.  An utf-8-address would need
   "+" and "=" as they are, which no parameter can hold: as the other two it has neither. */
static bool
is_utf8_address(struct bytes in, bool may_utf8)
{
	struct buf decoded;
	bool is_one;

	if (!may_utf8 && !bytes_is_ascii(in))
		return false;
	buf_init(&decoded, DSN_ORIGINAL_MAX);
	is_one = put_utf8_xtext_decoded(&decoded, in);
	buf_done(&decoded);
	return is_one || (is_xtext(in) && in.len > 0);
}

/* original-recipient-address = addr-type ";" xtext;  addr-type = atom      RFC 3461 4.2 */
bool
dsn_parse_original(struct bytes value, bool may_utf8, struct bytes *out)
{
	struct bytes rest = value, type;
	bool is_address;

	if (value.len > DSN_ORIGINAL_MAX || !take_class(&rest, CLASS_ATEXT, &type) || !take_char(&rest, ';'))
		return false;
	if (bytes_equal_nocase(type, BYTES("utf-8")))
		is_address = is_utf8_address(rest, may_utf8);
	else
		is_address = rest.len > 0 && is_xtext(rest);
	if (!is_address)
		return false;
	*out = value;
	return true;
}

/* ret-value = "FULL" / "HDRS"      RFC 3461 4.3 */
bool
dsn_parse_return(struct bytes value, enum dsn_return *out)
{
	if (bytes_equal_nocase(value, BYTES("FULL")))
		*out = DSN_RETURN_FULL;
	else if (bytes_equal_nocase(value, BYTES("HDRS")))
		*out = DSN_RETURN_HEADERS;
	else
		return false;
	return true;
}

/* envid-parameter = "ENVID=" xtext; printable ASCII before it was encoded      RFC 3461 4.4 */
bool
dsn_parse_envelope_id(struct bytes value, struct bytes *out)
{
	uint8_t room[DSN_ENVELOPE_ID_MAX];
	struct buf decoded;

	buf_init_fixed(&decoded, room, sizeof room);
	if (value.len == 0 || value.len > DSN_ENVELOPE_ID_MAX || !put_xtext_decoded(&decoded, value))
		return false;
	if (!bytes_all_class(buf_bytes(&decoded), CLASS_PRINT | CLASS_SPACE))
		return false;
	*out = value;
	return true;
}

static void
put_name(struct buf *out, size_t start, const char *name)
{
	if (out->len > start)
		put_char(out, ' ');
	put_text(out, name);
}

void
dsn_put_mail(struct buf *out, const struct dsn_mail *mail)
{
	size_t start = out->len;

	if (mail->returns != DSN_RETURN_UNSAID)
		put_name(out, start, mail->returns == DSN_RETURN_FULL ? "RET=FULL" : "RET=HDRS");
	if (mail->envelope_id.len) {
		put_name(out, start, "ENVID=");
		put_bytes(out, mail->envelope_id);
	}
}

static void
put_notify(struct buf *out, unsigned int notify)
{
	const char *separator = "";

	if (notify & DSN_NOTIFY_NEVER) {
		put_text(out, "NEVER");
		return;
	}
	for (size_t i = 0; i < sizeof notifies / sizeof *notifies; i++) {
		if (!(notify & notifies[i].bit))
			continue;
		put_text(out, separator);
		put_bytes(out, notifies[i].name);
		separator = ",";
	}
}

void
dsn_put_rcpt(struct buf *out, const struct dsn_rcpt *rcpt)
{
	size_t start = out->len;

	if (rcpt->notify) {
		put_name(out, start, "NOTIFY=");
		put_notify(out, rcpt->notify);
	}
	if (rcpt->original.len) {
		put_name(out, start, "ORCPT=");
		put_bytes(out, rcpt->original);
	}
	if (rcpt->accepted.len) {
		put_name(out, start, ACCEPTED);
		put_bytes(out, rcpt->accepted);
	}
}

struct bytes
dsn_rcpt_for_servers(struct bytes parameters)
{
	struct bytes rest = parameters;

	while (rest.len && !bytes_starts(rest, BYTES(ACCEPTED)))
		(void)take_until(&rest, ' ');
	return bytes_trim(bytes_sub(parameters, 0, parameters.len - rest.len));
}

bool
dsn_parse_mail(struct bytes in, struct dsn_mail *out)
{
	struct dsn_mail found = { .returns = DSN_RETURN_UNSAID };

	while (in.len) {
		struct bytes one = take_until(&in, ' ');
		bool is_taken = false;

		if (take_text_nocase(&one, BYTES("RET=")))
			is_taken = found.returns == DSN_RETURN_UNSAID && dsn_parse_return(one, &found.returns);
		else if (take_text_nocase(&one, BYTES("ENVID=")))
			is_taken = found.envelope_id.len == 0 && dsn_parse_envelope_id(one, &found.envelope_id);
		if (!is_taken)
			return false;
	}
	*out = found;
	return true;
}

static bool
is_plain(struct bytes address)
{
	for (size_t i = 0; i < address.len; i++)
		if (byte_is_class(address.ptr[i], CLASS_CONTROL))
			return false;
	return true;
}

bool
dsn_parse_rcpt(struct bytes in, struct dsn_rcpt *out)
{
	struct dsn_rcpt found = { .notify = 0 };

	while (in.len) {
		struct bytes accepted = in, one = take_until(&in, ' ');
		bool is_taken = false;

		if (take_text(&accepted, BYTES(ACCEPTED))) {
			found.accepted = accepted;
			in = BYTES_NONE;
			is_taken = accepted.len > 0 && is_plain(accepted);
		} else if (take_text_nocase(&one, BYTES("NOTIFY=")))
			is_taken = found.notify == 0 && dsn_parse_notify(one, &found.notify);
		else if (take_text_nocase(&one, BYTES("ORCPT=")))
			is_taken = found.original.len == 0 && dsn_parse_original(one, true, &found.original);
		if (!is_taken)
			return false;
	}
	*out = found;
	return true;
}
