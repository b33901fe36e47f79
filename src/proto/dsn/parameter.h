/* The parameters of MAIL and RCPT that say what the sender wants to hear (RFC 3461 4.1-4.4, RFC 6533 3). */
#ifndef DSN_PARAMETER_H
#define DSN_PARAMETER_H

#include "base/buf.h"

enum {
	DSN_ENVELOPE_ID_MAX = 100, /* octets of ENVID=, as xtext */
	DSN_ORIGINAL_MAX = 500, /* octets of ORCPT= */
};

/* NOTIFY=; may be or-ed together, but NEVER stands alone. */
enum dsn_notify {
	DSN_NOTIFY_SUCCESS = 1 << 0,
	DSN_NOTIFY_FAILURE = 1 << 1,
	DSN_NOTIFY_DELAY = 1 << 2,
	DSN_NOTIFY_NEVER = 1 << 3,
};

/* What is told of a recipient whose RCPT said nothing: failures at least (RFC 3461 4.1). */
#define DSN_NOTIFY_UNSAID (DSN_NOTIFY_FAILURE | DSN_NOTIFY_DELAY)

enum dsn_return {
	DSN_RETURN_UNSAID,
	DSN_RETURN_FULL,
	DSN_RETURN_HEADERS,
};

/* Views of what they were parsed from. */
struct dsn_mail {
	enum dsn_return returns;
	struct bytes envelope_id; /* xtext; empty: none */
};

struct dsn_rcpt {
	unsigned int notify; /* enum dsn_notify; 0: not said */
	struct bytes original; /* of ORCPT=, as it came: "rfc822;a+2Bb@c.example"; empty: none */
	/* The address as it was accepted, when the mail goes to another for it: of our own reports (RFC 3464 2.3.2), no server hears of it. */
	struct bytes accepted;
};

/* Values behind the "=" of NOTIFY, ORCPT, RET, ENVID: false, with *out as it was, when they are malformed.
   may_utf8: SMTPUTF8 is in force (then ORCPT=utf-8;… may hold UTF-8, RFC 6533 3). */
bool dsn_parse_notify(struct bytes value, unsigned int *out) __attribute__((warn_unused_result));
bool dsn_parse_original(struct bytes value, bool may_utf8, struct bytes *out) __attribute__((warn_unused_result));
bool dsn_parse_return(struct bytes value, enum dsn_return *out) __attribute__((warn_unused_result));
bool dsn_parse_envelope_id(struct bytes value, struct bytes *out) __attribute__((warn_unused_result));

/* Both as they stand behind the path, without the first space: "RET=HDRS ENVID=QQ314159"; nothing when nothing was
   said. */
void dsn_put_mail(struct buf *out, const struct dsn_mail *mail);
void dsn_put_rcpt(struct buf *out, const struct dsn_rcpt *rcpt);
/* Read back what those put (in any order, each once at most).  False, with *out as it was, for anything else. */
bool dsn_parse_mail(struct bytes in, struct dsn_mail *out) __attribute__((warn_unused_result));
bool dsn_parse_rcpt(struct bytes in, struct dsn_rcpt *out) __attribute__((warn_unused_result));
/* What dsn_put_rcpt put, as far as it is for other servers. */
struct bytes dsn_rcpt_for_servers(struct bytes parameters);

#endif
