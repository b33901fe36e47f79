/* Reports on TLS (RFC 8460): what a domain asks for in DNS, and what it is sent. */
#ifndef PROTO_TLSRPT_TLSRPT_H
#define PROTO_TLSRPT_TLSRPT_H

#include "base/buf.h"

/* RFC 3986 has no limit. */
#define TLSRPT_TARGET_OCTETS_MAX 1024
/* Of a record; more are not looked at. */
#define TLSRPT_TARGETS_MAX 8

/* 4.4 policy-type */
enum tlsrpt_policy_type { TLSRPT_NO_POLICY, TLSRPT_STS, TLSRPT_TLSA, TLSRPT_POLICY_TYPES };

/* 4.3 result-type */
enum tlsrpt_result {
	TLSRPT_SUCCESS,
	TLSRPT_STARTTLS_NOT_SUPPORTED, /* it was not offered, or was refused */
	TLSRPT_HOST_MISMATCH, /* the certificate is for other names */
	TLSRPT_EXPIRED, /* it is not in force any more, or not yet */
	TLSRPT_NOT_TRUSTED, /* nobody who signed it is */
	TLSRPT_VALIDATION, /* anything else */
	TLSRPT_TLSA_INVALID, /* no TLSA record can be used */
	TLSRPT_DNSSEC_INVALID, /* no valid records came from the resolver */
	TLSRPT_STS_FETCH, /* the policy could not be fetched */
	TLSRPT_STS_INVALID, /* what was fetched is none */
	TLSRPT_STS_WEBPKI, /* its server's certificate is not trusted */
	TLSRPT_RESULTS
};

/* "no-policy-found", "sts", "tlsa" */
const char *tlsrpt_policy_type_name(enum tlsrpt_policy_type type);
/* "success", "starttls-not-supported", … */
const char *tlsrpt_result_name(enum tlsrpt_result result);

/* ---- record.c */

enum tlsrpt_target_kind { TLSRPT_MAILTO, TLSRPT_HTTPS, TLSRPT_TARGET_KINDS };

/* Where reports go. */
struct tlsrpt_target {
	enum tlsrpt_target_kind kind;
	struct bytes address; /* MAILTO: LOCAL@DOMAIN, of plain ASCII, without quotes */
	struct bytes host, path; /* HTTPS; path: with its slash and its query */
	uint16_t port;
};

/* Where a domain wants its reports, by the TXT records of _smtp._tls.DOMAIN in the form of dns_read_answer: exactly one begins as such a record does,
   and it makes sense (3).  *rua: the URIs, borrowed; false: it asks for none. */
bool tlsrpt_find_rua(struct bytes records, struct bytes *rua) __attribute__((warn_unused_result));
/* Takes the next URI that can be used; what can't is passed over.  *target lasts as long as *rua's octets and space do.  False at the end. */
bool tlsrpt_take_target(struct bytes *rua, struct buf *space, struct tlsrpt_target *target);
/* Reads one URI. */
bool tlsrpt_target_parse(struct bytes uri, struct buf *space, struct tlsrpt_target *target) __attribute__((warn_unused_result));

/* ---- report.c */

/* Texts that are not known are empty, and left out. */
struct tlsrpt_failure {
	enum tlsrpt_result result;
	struct bytes sending_ip, mx, helo, receiving_ip, reason;
	uint64_t count;
};

struct tlsrpt_policy {
	enum tlsrpt_policy_type type;
	struct bytes domain;
	struct bytes text; /* of STS the policy, of TLSA a record in each line; LF or CRLF ends a line */
	uint64_t successes, failures;
	const struct tlsrpt_failure *details;
	size_t detail_count;
};

struct tlsrpt_report {
	struct bytes organization, contact, id, domain, submitter;
	int64_t begin_s, end_s; /* since 1970; the last second that counts */
	const struct tlsrpt_policy *policies;
	size_t policy_count;
};

/* Appends the report (4.4), as I-JSON (RFC 7493). */
void tlsrpt_put_json(struct buf *out, const struct tlsrpt_report *r);
/* Appends "SUBMITTER!DOMAIN!BEGIN!END.json.gz" (5.1). */
void tlsrpt_put_file_name(struct buf *out, const struct tlsrpt_report *r);
/* Appends the octets as a gzip file (RFC 1952). */
void tlsrpt_put_gzip(struct buf *out, struct bytes in);

/* ---- mail.c */

/* Appends the mail (5.3) that carries the report, in disk form.  gzip: as tlsrpt_put_gzip made it; message_id: its left part. */
void tlsrpt_put_mail(struct buf *out, const struct tlsrpt_report *r, struct bytes to, struct bytes message_id, int64_t date_s, struct bytes gzip);

#endif
