/* Every text is printable ASCII when it stands in a report: what servers say of themselves is theirs, and I-JSON (RFC 7493 2.1) wants sound UTF-8. */
#include "proto/tlsrpt/tlsrpt.h"

#include "base/clock.h"

#include <assert.h>
#include <zlib.h>

enum { GZIP_WINDOW_BITS = 15 + 16, GZIP_MEMORY_LEVEL = 8 };

const char *
tlsrpt_policy_type_name(enum tlsrpt_policy_type type)
{
	static const char *const names[TLSRPT_POLICY_TYPES] = { [TLSRPT_NO_POLICY] = "no-policy-found", [TLSRPT_STS] = "sts", [TLSRPT_TLSA] = "tlsa" };

	return names[type];
}

const char *
tlsrpt_result_name(enum tlsrpt_result result)
{
	static const char *const names[TLSRPT_RESULTS] = { [TLSRPT_SUCCESS] = "success",
		[TLSRPT_STARTTLS_NOT_SUPPORTED] = "starttls-not-supported", [TLSRPT_HOST_MISMATCH] = "certificate-host-mismatch",
		[TLSRPT_EXPIRED] = "certificate-expired", [TLSRPT_NOT_TRUSTED] = "certificate-not-trusted",
		[TLSRPT_VALIDATION] = "validation-failure", [TLSRPT_TLSA_INVALID] = "tlsa-invalid",
		[TLSRPT_DNSSEC_INVALID] = "dnssec-invalid", [TLSRPT_STS_FETCH] = "sts-policy-fetch-error",
		[TLSRPT_STS_INVALID] = "sts-policy-invalid", [TLSRPT_STS_WEBPKI] = "sts-webpki-invalid" };

	return names[result];
}

static void
put_string(struct buf *out, struct bytes text)
{
	put_char(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];

		if (c == '"' || c == '\\')
			put_char(out, '\\');
		put_char(out, byte_is_class(c, CLASS_PRINT) ? c : '?');
	}
	put_char(out, '"');
}

static void
put_member(struct buf *out, const char *name, struct bytes text)
{
	put_format(out, "\"%s\":", name);
	put_string(out, text);
}

static void
put_optional(struct buf *out, const char *name, struct bytes text)
{
	if (text.len == 0)
		return;
	put_char(out, ',');
	put_member(out, name, text);
}

static void
put_time(struct buf *out, const char *name, int64_t unix_s)
{
	put_format(out, "\"%s\":\"", name);
	clock_put_rfc3339_s(out, unix_s);
	put_char(out, '"');
}

static struct bytes
take_line(struct bytes *text)
{
	struct bytes line = take_until(text, '\n');

	return line.len > 0 && line.ptr[line.len - 1] == '\r' ? bytes_sub(line, 0, line.len - 1) : line;
}

/* sts-policy-mx = sts-policy-mx-field-name sts-policy-field-delim sts-policy-mx-value (RFC 8461 3.2) */
static bool
take_mx(struct bytes line, struct bytes *pattern)
{
	if (!take_text(&line, BYTES("mx:")))
		return false;
	*pattern = bytes_trim(line);
	return true;
}

static void
put_strings(struct buf *out, const char *name, struct bytes text, bool is_mx)
{
	bool is_first = true;

	put_format(out, ",\"%s\":[", name);
	while (text.len > 0) {
		struct bytes line = take_line(&text);

		if (line.len == 0 || (is_mx && !take_mx(line, &line)))
			continue;
		put_text(out, is_first ? "" : ",");
		put_string(out, line);
		is_first = false;
	}
	put_char(out, ']');
}

static void
put_failure(struct buf *out, const struct tlsrpt_failure *f)
{
	put_char(out, '{');
	put_member(out, "result-type", bytes_text(tlsrpt_result_name(f->result)));
	put_optional(out, "sending-mta-ip", f->sending_ip);
	put_optional(out, "receiving-mx-hostname", f->mx);
	put_optional(out, "receiving-mx-helo", f->helo);
	put_optional(out, "receiving-ip", f->receiving_ip);
	put_text(out, ",\"failed-session-count\":");
	put_number(out, f->count);
	put_optional(out, "failure-reason-code", f->reason);
	put_char(out, '}');
}

static void
put_policy(struct buf *out, const struct tlsrpt_policy *p)
{
	put_text(out, "{\"policy\":{");
	put_member(out, "policy-type", bytes_text(tlsrpt_policy_type_name(p->type)));
	if (p->type != TLSRPT_NO_POLICY)
		put_strings(out, "policy-string", p->text, false);
	put_optional(out, "policy-domain", p->domain);
	if (p->type == TLSRPT_STS)
		put_strings(out, "mx-host", p->text, true);
	put_text(out, "},\"summary\":{\"total-successful-session-count\":");
	put_number(out, p->successes);
	put_text(out, ",\"total-failure-session-count\":");
	put_number(out, p->failures);
	put_text(out, "},\"failure-details\":[");
	for (size_t i = 0; i < p->detail_count; i++) {
		put_text(out, i ? "," : "");
		put_failure(out, &p->details[i]);
	}
	put_text(out, "]}");
}

void
tlsrpt_put_json(struct buf *out, const struct tlsrpt_report *r)
{
	put_char(out, '{');
	put_member(out, "organization-name", r->organization);
	put_text(out, ",\"date-range\":{");
	put_time(out, "start-datetime", r->begin_s);
	put_char(out, ',');
	put_time(out, "end-datetime", r->end_s);
	put_text(out, "},");
	put_member(out, "contact-info", r->contact);
	put_char(out, ',');
	put_member(out, "report-id", r->id);
	put_text(out, ",\"policies\":[");
	for (size_t i = 0; i < r->policy_count; i++) {
		put_text(out, i ? "," : "");
		put_policy(out, &r->policies[i]);
	}
	put_text(out, "]}\n");
}

/* filename = sender "!" policy-domain "!" begin-timestamp "!" end-timestamp [ "!" unique-id ] "." extension */
void
tlsrpt_put_file_name(struct buf *out, const struct tlsrpt_report *r)
{
	put_bytes(out, r->submitter);
	put_char(out, '!');
	put_bytes(out, r->domain);
	put_format(out, "!%lld!%lld.json.gz", (long long)r->begin_s, (long long)r->end_s);
}

void
tlsrpt_put_gzip(struct buf *out, struct bytes in)
{
	z_stream z = { .next_in = (z_const Bytef *)in.ptr, .avail_in = (uInt)in.len };
	size_t most;
	int result = deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW_BITS, GZIP_MEMORY_LEVEL, Z_DEFAULT_STRATEGY);

	assert(result == Z_OK && in.len <= UINT32_MAX / 2);
	most = deflateBound(&z, (uLong)in.len);
	/* It gets smaller, nearly always. */
	if (most > out->max - out->len)
		most = out->max - out->len;
	z.next_out = buf_room(out, most);
	z.avail_out = (uInt)most;
	if (z.next_out && deflate(&z, Z_FINISH) == Z_STREAM_END)
		buf_added(out, most - z.avail_out);
	else
		out->has_failed = true;
	(void)deflateEnd(&z);
}
