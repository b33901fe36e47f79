/* Composes delivery status notifications (RFC 3461 6, 3464, 6522, 6533): what a sender hears of a message that did not
   arrive, not yet, or, when asked for, did. */
#ifndef DSN_DSN_H
#define DSN_DSN_H

#include "base/buf.h"

enum dsn_language { DSN_ENGLISH, DSN_FRENCH, DSN_LANGUAGES };

/* RFC 3464 2.3.3 */
enum dsn_action {
	DSN_FAILED, /* for good, or after it was tried for too long (a reply of class 4 says which) */
	DSN_DELAYED, /* it is tried again */
	DSN_DELIVERED,
	DSN_RELAYED, /* to a server that tells nothing of deliveries */
	DSN_EXPANDED, /* to several addresses that do not report back */
	DSN_ACTIONS
};

struct dsn_recipient {
	struct bytes original; /* of ORCPT=, as it came: "rfc822;a+2Bb@c.example"; empty: none */
	struct bytes final; /* the address as it was accepted, without brackets */
	enum dsn_action action;
	struct bytes reply; /* the last one, on one line: "550 5.1.1 no such user"; empty: none */
	struct bytes server; /* whose words the reply is: "mx.example (192.0.2.1)"; empty: ours */
	int64_t last_attempt_s; /* 0: none */
	int64_t will_retry_until_s; /* of DSN_DELAYED; 0: not told */
};

/* What is reported.  Any octets may stand in the texts: none of them ends a line or a header. */
struct dsn_report {
	struct bytes hostname; /* ours */
	struct bytes sender; /* whom it is for: the reverse path without brackets, never empty */
	struct bytes mail_id; /* of the message that is reported on */
	struct bytes report_id; /* of the notification itself, letters and digits */
	struct bytes envelope_id; /* of ENVID=, xtext as it came; empty: none */
	int64_t arrival_s; /* when the message came */
	int64_t release_s; /* till when it was to be kept (RFC 4865); 0: not at all */
	int64_t deliver_by_s; /* by when it was to be delivered (RFC 2852); 0: not said */
	int64_t date_s; /* now */
	int zone_minutes;
	enum dsn_language language;
	bool is_utf8; /* the message came with SMTPUTF8, so may what is told of it (RFC 6533) */
	bool returns_whole; /* `content` goes back as it is, else its header alone (RFC 3461 4.3, 6.2); of that, where nothing failed, 8 KiB at most */
	struct bytes content; /* the message in disk form, or at least its header */
	const struct dsn_recipient *recipients;
	size_t recipient_count; /* 1 at least */
};

/* What the notification needs of whoever takes it. */
enum dsn_need {
	DSN_NEEDS_8BIT = 1 << 0, /* RFC 6152 */
	DSN_NEEDS_UTF8 = 1 << 1, /* RFC 6531 */
};

/* Appends the whole notification in disk form (LF), to be sent from the null path to the sender.  Enum dsn_need, or-ed
   together.  out->has_failed: it is longer than the buffer may be; without returns_whole it is shorter. */
unsigned int dsn_put(struct buf *out, const struct dsn_report *report);
/* The language that a message's header asks for (Accept-Language: before Content-Language:, RFC 3282): the first of
   ours that it names.  False, with *language as it was, when it names none. */
bool dsn_find_language(struct bytes content, enum dsn_language *language);

#endif
