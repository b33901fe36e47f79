/* Two parts (RFC 8460 5.3): a sentence for people, and the report.  All of it is ours, in ASCII, and names are what the caller checked. */
#include "proto/tlsrpt/tlsrpt.h"

#include "base/clock.h"
#include "proto/sasl/base64.h"

enum { LINE_OCTETS = 57 /* in base64 76 */ };

/* "=_" stands in neither part (RFC 2046 5.1.1). */
#define BOUNDARY "=_tls-report"

/* tlsrpt-subject = %s"Report" FWS %s"Domain:" FWS domain-name FWS %s"Submitter:" FWS domain-name FWS %s"Report-ID:" FWS "<" id-left "@" id-right ">" [CFWS] */
static void
put_header(struct buf *out, const struct tlsrpt_report *r, struct bytes to, struct bytes message_id, int64_t date_s)
{
	put_format(out, "From: <%.*s>\nTo: <%.*s>\nSubject: Report Domain: %.*s\n\tSubmitter: %.*s\n\tReport-ID: <%.*s>\nDate: ", BYTES_ARG(r->contact),
		BYTES_ARG(to), BYTES_ARG(r->domain), BYTES_ARG(r->submitter), BYTES_ARG(r->id));
	clock_put_rfc5322(out, date_s, 0);
	put_format(out, "\nMessage-ID: <%.*s@%.*s>\nTLS-Report-Domain: %.*s\nTLS-Report-Submitter: %.*s\n", BYTES_ARG(message_id),
		BYTES_ARG(r->submitter), BYTES_ARG(r->domain), BYTES_ARG(r->submitter));
	/* RFC 8460 3: it is delivered despite failures of TLS, at the next servers, too (RFC 8689 3). */
	put_text(out, "TLS-Required: No\nAuto-Submitted: auto-generated\nMIME-Version: 1.0\n"
		      "Content-Type: multipart/report; report-type=\"tlsrpt\";\n\tboundary=\"" BOUNDARY "\"\n\n");
}

static void
put_words(struct buf *out, const struct tlsrpt_report *r)
{
	put_text(out, "--" BOUNDARY "\nContent-Type: text/plain; charset=us-ascii\nContent-Language: en\n\n");
	put_format(out, "This is a report on TLS (RFC 8460) for %.*s\nfrom %.*s,\nof sessions from ", BYTES_ARG(r->domain), BYTES_ARG(r->submitter));
	clock_put_rfc3339_s(out, r->begin_s);
	put_text(out, " to ");
	clock_put_rfc3339_s(out, r->end_s);
	put_format(out, ".\nQuestions: %.*s\n", BYTES_ARG(r->contact));
}

static void
put_base64_lines(struct buf *out, struct bytes in)
{
	for (; in.len > 0; in = bytes_sub(in, LINE_OCTETS, in.len)) {
		sasl_put_base64(out, bytes_sub(in, 0, LINE_OCTETS));
		put_char(out, '\n');
	}
}

void
tlsrpt_put_mail(struct buf *out, const struct tlsrpt_report *r, struct bytes to, struct bytes message_id, int64_t date_s, struct bytes gzip)
{
	put_header(out, r, to, message_id, date_s);
	put_words(out, r);
	put_text(out, "\n--" BOUNDARY "\nContent-Type: application/tlsrpt+gzip\nContent-Transfer-Encoding: base64\n"
		      "Content-Disposition: attachment;\n\tfilename=\"");
	tlsrpt_put_file_name(out, r);
	put_text(out, "\"\n\n");
	put_base64_lines(out, gzip);
	put_text(out, "\n--" BOUNDARY "--\n");
}
