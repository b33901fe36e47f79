#include "proto/dsn/dsn_internal.h"

#include "base/clock.h"
#include "proto/dsn/xtext.h"

/* status-code = DIGIT "." 1*3DIGIT "." 1*3DIGIT      RFC 3463 2 */
static bool
take_status(struct bytes *in, struct dsn_status *out)
{
	struct bytes rest = *in;
	uint64_t class, subject, detail;

	if (!take_number(&rest, 5, &class) || !take_char(&rest, '.') || !take_number(&rest, 999, &subject) ||
		!take_char(&rest, '.') || !take_number(&rest, 999, &detail))
		return false;
	*out = (struct dsn_status){ (uint32_t)class, (uint32_t)subject, (uint32_t)detail };
	*in = rest;
	return true;
}

/* RFC 2034 4: the class of the status is the first digit of the code, or the status is none. */
static struct dsn_status
status_of_reply(struct bytes reply)
{
	struct dsn_status status = { 0, 0, 0 };
	uint64_t code;

	if (!take_number(&reply, 599, &code))
		return status;
	take_spaces(&reply);
	if (!take_status(&reply, &status) || status.class != code / 100)
		status = (struct dsn_status){ (uint32_t)(code / 100), 0, 0 };
	return status;
}

/* RFC 3464 2.3.4 with RFC 3463 2: class 2 is success, 4 what may pass, 5 what won't. */
struct dsn_status
dsn_status_of(const struct dsn_recipient *recipient)
{
	static const struct {
		uint32_t class, other_class;
	} fitting[DSN_ACTIONS] = {
		[DSN_FAILED] = { 5, 4 },
		[DSN_DELAYED] = { 4, 4 },
		[DSN_DELIVERED] = { 2, 2 },
		[DSN_RELAYED] = { 2, 2 },
		[DSN_EXPANDED] = { 2, 2 },
	};
	struct dsn_status status = status_of_reply(recipient->reply);
	uint32_t class = fitting[recipient->action].class;

	if (status.class != class && status.class != fitting[recipient->action].other_class)
		status = (struct dsn_status){ class, 0, 0 };
	return status;
}

static const char *
action_name(enum dsn_action action)
{
	static const char *const names[DSN_ACTIONS] = { "failed", "delayed", "delivered", "relayed", "expanded" };

	return names[action];
}

static void
put_field(struct buf *out, const char *name, const char *type, struct bytes text, bool is_global)
{
	size_t start = out->len;

	put_text(out, name);
	put_text(out, ": ");
	put_text(out, type);
	dsn_put_folded(out, text, is_global, out->len - start, "    ");
	put_char(out, '\n');
}

/* What programs compare is not folded: no space of it may change. */
static void
put_exact_field(struct buf *out, const char *name, const char *type, struct bytes text, bool is_global)
{
	put_text(out, name);
	put_text(out, ": ");
	put_text(out, type);
	dsn_put_clean(out, text, is_global);
	put_char(out, '\n');
}

static void
put_date_field(struct buf *out, const struct dsn_report *r, const char *name, int64_t date_s)
{
	if (date_s == 0)
		return;
	put_text(out, name);
	put_text(out, ": ");
	clock_put_rfc5322(out, date_s, r->zone_minutes);
	put_char(out, '\n');
}

/* An address that is not all ASCII is of type utf-8: UTF-8 in message/global-delivery-status, utf-8-addr-xtext in
   message/delivery-status (RFC 6533 3).  One that is no UTF-8 either is told with "?". */
static void
put_address(struct buf *out, const char *name, struct bytes address, bool is_global)
{
	uint8_t room[DSN_TEXT_MAX];
	struct buf encoded;

	if (bytes_is_ascii(address)) {
		put_exact_field(out, name, "rfc822; ", address, false);
		return;
	}
	buf_init_fixed(&encoded, room, sizeof room);
	if (is_global || !bytes_is_utf8(address))
		put_bytes(&encoded, address);
	else
		put_utf8_xtext(&encoded, address);
	put_exact_field(out, name, "utf-8; ", encoded.has_failed ? address : buf_bytes(&encoded), is_global);
}

/* original-recipient-field: what ORCPT= said, its xtext decoded      RFC 3464 2.3.1, RFC 3461 6.3 */
static void
put_original(struct buf *out, struct bytes original, bool is_global)
{
	struct bytes type = take_until(&original, ';');
	uint8_t room[DSN_TEXT_MAX], type_room[32];
	struct buf address, prefix;

	buf_init_fixed(&address, room, sizeof room);
	if (bytes_equal_nocase(type, BYTES("utf-8")) && put_utf8_xtext_decoded(&address, original)) {
		put_address(out, "Original-Recipient", buf_bytes(&address), is_global);
		return;
	}
	buf_init_fixed(&prefix, type_room, sizeof type_room);
	if (!bytes_all_class(type, CLASS_ATEXT) || type.len == 0 || type.len > sizeof type_room - 3 ||
		!put_xtext_decoded(&address, original) || address.has_failed)
		return;
	put_bytes(&prefix, type);
	put_text(&prefix, "; ");
	put_char(&prefix, 0);
	put_exact_field(out, "Original-Recipient", (const char *)type_room, buf_bytes(&address), is_global);
}

/* mta-name-type "dns"; the address of the host as a comment      RFC 3464 2.3.5 */
static void
put_remote(struct buf *out, const struct dsn_recipient *recipient, bool is_global)
{
	if (recipient->server.len)
		put_field(out, "Remote-MTA", "dns; ", recipient->server, is_global);
}

/* diagnostic-type "smtp" is for replies of others      RFC 3464 2.3.6 */
static void
put_diagnostic(struct buf *out, const struct dsn_recipient *recipient, bool is_global)
{
	if (recipient->reply.len)
		put_field(out, "Diagnostic-Code", recipient->server.len ? "smtp; " : "X-Mermoz; ", recipient->reply, is_global);
}

/* per-recipient-fields      RFC 3464 2.3 */
static void
put_recipient(struct buf *out, const struct dsn_report *r, const struct dsn_recipient *recipient, bool is_global)
{
	struct dsn_status status = dsn_status_of(recipient);

	put_char(out, '\n');
	if (recipient->original.len)
		put_original(out, recipient->original, is_global);
	put_address(out, "Final-Recipient", recipient->final, is_global);
	put_format(out, "Action: %s\n", action_name(recipient->action));
	put_format(out, "Status: %u.%u.%u\n", status.class, status.subject, status.detail);
	put_remote(out, recipient, is_global);
	put_diagnostic(out, recipient, is_global);
	put_date_field(out, r, "Last-Attempt-Date", recipient->last_attempt_s);
	if (recipient->action == DSN_DELAYED)
		put_date_field(out, r, "Will-Retry-Until", recipient->will_retry_until_s);
}

/* original-envelope-id-field: ENVID= with its xtext decoded      RFC 3464 2.2.1, RFC 3461 6.3 */
static void
put_envelope_id(struct buf *out, struct bytes envelope_id)
{
	uint8_t room[DSN_TEXT_MAX];
	struct buf decoded;

	buf_init_fixed(&decoded, room, sizeof room);
	if (envelope_id.len && put_xtext_decoded(&decoded, envelope_id) && !decoded.has_failed)
		put_exact_field(out, "Original-Envelope-Id", "", buf_bytes(&decoded), false);
}

bool
dsn_is_status_global(const struct dsn_report *r)
{
	uint8_t room[DSN_TEXT_MAX];
	struct buf decoded;

	for (size_t i = 0; r->is_utf8 && i < r->recipient_count; i++) {
		struct bytes original = r->recipients[i].original;

		if (!bytes_is_ascii(r->recipients[i].final))
			return true;
		buf_init_fixed(&decoded, room, sizeof room);
		if (bytes_equal_nocase(take_until(&original, ';'), BYTES("utf-8")) &&
			put_utf8_xtext_decoded(&decoded, original) && !bytes_is_ascii(buf_bytes(&decoded)))
			return true;
	}
	return false;
}

/* delivery-status-content = per-message-fields 1*( CRLF per-recipient-fields )      RFC 3464 2.1 */
void
dsn_put_status(struct buf *out, const struct dsn_report *r, bool is_global)
{
	put_envelope_id(out, r->envelope_id);
	put_field(out, "Reporting-MTA", "dns; ", r->hostname, is_global);
	put_date_field(out, r, "Arrival-Date", r->arrival_s);
	if (r->release_s) {
		put_text(out, "Future-Release-Request: until;");
		clock_put_rfc3339_s(out, r->release_s);
		put_char(out, '\n');
	}
	put_date_field(out, r, "Deliver-By-Date", r->deliver_by_s);
	put_exact_field(out, "X-Mermoz-Mail-Id", "", r->mail_id, false);
	for (size_t i = 0; i < r->recipient_count; i++)
		put_recipient(out, r, &r->recipients[i], is_global);
}
