/* The Received: field that we put before a message (RFC 5321 4.4, RFC 3848, RFC 6531 3.7.3). */
#ifndef RFC5322_RECEIVED_H
#define RFC5322_RECEIVED_H

#include "base/buf.h"

/* Octets of a HELO name that are told; more are cut. */
#define RECEIVED_NAME_MAX 255

struct rfc5322_received {
	struct bytes helo; /* as the client said it: any octets */
	struct bytes client_address; /* "192.0.2.1" or "2001:db8::1"; empty: not an internet socket */
	struct bytes client_name; /* the reverse name, checked; empty: none */
	struct bytes by; /* our host name */
	bool is_esmtp, is_tls, is_authenticated, is_utf8;
	struct bytes tls_version, tls_cipher; /* "TLSv1.3"; empty: not told */
	struct bytes mail_id;
	struct bytes recipient; /* when there is one alone: address without brackets; else empty */
	int64_t date_s;
	int zone_minutes;
};

/* "Received: from … by … with … id …; date" folded, in disk form (LF), with its last LF.  No octet of a
   client can end a line, a comment or a clause: what is not plain is told as "?". */
void rfc5322_put_received(struct buf *out, const struct rfc5322_received *r);
/* The protocol keyword: SMTP, ESMTP, ESMTPA, ESMTPS, ESMTPSA (RFC 3848), UTF8SMTP… (RFC 6531). */
const char *rfc5322_received_protocol(const struct rfc5322_received *r);

#endif
