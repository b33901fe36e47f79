/* What roles say to each other: the types made from messages.def, their codec, who may say what.
   Decoding believes nothing: every count and length is checked against messages.def. */
#ifndef IPC_IPC_H
#define IPC_IPC_H

#include "base/buf.h"
#include "base/fault.h"

enum role { ROLE_SUPERVISOR, ROLE_FRONT, ROLE_DIRECTORY, ROLE_STORE, ROLE_RESOLVER, ROLE_QUEUE, ROLE_RELAY, ROLE_COUNT,
	ROLE_ANY,
	ROLE_MAILER /* in messages.def: who brings mail, a front or the queue */ };

/* The answer to a request. Anything but IPC_OK leaves things as they were. */
enum ipc_outcome {
	IPC_OK,
	IPC_LATER, /* our own trouble, or a role is away: a temporary error for the client */
	IPC_NO_SPACE, /* disk full, for now */
	IPC_ABSENT, /* no such address, mailbox, message */
	IPC_FOREIGN, /* the address is of no domain of ours */
	IPC_DENIED, /* wrong password, may not send as that address, … */
	IPC_EXISTS, /* there is one of that name already */
	IPC_INVALID, /* can never work: a name that can't be, INBOX deleted, … */
	IPC_LIMIT, /* too large, too many */
	IPC_OVER_QUOTA, /* the account has no room for it: its owner has to make some */
	IPC_OUTCOMES
};

/* What a SEND showed of the way that it went, for other mail that goes there. */
enum ipc_destination {
	DESTINATION_UNKNOWN, /* nothing: what it met is this mail's own (what its sender asks for), or DNS says for good, or ours */
	DESTINATION_ANSWERS,
	DESTINATION_SILENT, /* nobody could be reached for now, or who answered said nothing more in time */
	IPC_DESTINATIONS
};

/* Folders of an account, INBOX not among them, that a front can make; what other programs made beyond it is served. */
#define IPC_FOLDERS_MAX 10000

enum ipc_service { SERVICE_SMTP, SERVICE_SUBMISSION, SERVICE_SUBMISSIONS, SERVICE_IMAP, SERVICE_IMAPS,
	SERVICE_AUTH, /* a unix socket: other programs log their users in */
	SERVICE_AUTH_USERDB, /* a unix socket: and ask where mailboxes are */
	SERVICE_CONTROL, /* the directory's unix socket for the command line */
	SERVICE_QUEUE_CONTROL, /* the queue's */
	SERVICE_LOCAL, /* a unix socket: programs of this machine send mail as the user that runs them */
	SERVICE_COUNT };

/* Why a log-in is refused, as far as its client may know: more than the first only when the password was right. */
enum ipc_refusal {
	REFUSAL_CREDENTIALS,
	REFUSAL_DISABLED,
	REFUSAL_NOT_AUTHORIZED,
	REFUSAL_EXPIRED, /* the password has to be changed, elsewhere, before it is taken again */
	REFUSALS
};

/* A mailbox here; an address elsewhere; one elsewhere that we lead the mail to in another name than the sender's, who still hears of it; the same
   in the name of a list's owner, who hears of it in his place (RFC 3461 5.2.7.3). */
enum ipc_target { TARGET_MAILBOX, TARGET_FOREIGN, TARGET_FORWARDED, TARGET_LISTED };

enum ipc_folder { FOLDER_SUBSCRIBED = 1, FOLDER_NO_SELECT = 2, FOLDER_HAS_CHILDREN = 4,
	FOLDER_MARKED = 8, FOLDER_NONEXISTENT = 16 /* subscribed, but not there */ };

enum ipc_mailbox_operation { MAILBOX_CREATE, MAILBOX_DELETE, MAILBOX_RENAME, MAILBOX_SUBSCRIBE,
	MAILBOX_UNSUBSCRIBE };

enum ipc_flags_mode { FLAGS_REPLACE, FLAGS_ADD, FLAGS_REMOVE };

/* What a resolver is asked for, and what it says. */
enum ipc_record { RECORD_A, RECORD_AAAA, RECORD_MX, RECORD_TXT, RECORD_PTR, RECORD_TLSA, RECORD_CNAME, IPC_RECORDS };
enum ipc_answer { ANSWER_FOUND, ANSWER_NO_NAME, ANSWER_NO_RECORD, ANSWER_LATER, IPC_ANSWERS };

/* Where a relay sends: to the MX set of a domain, or to one host, over SMTP or LMTP. */
enum ipc_hop { HOP_MX, HOP_SMTP, HOP_LMTP, IPC_HOPS };
/* What a message needs of who takes it: RFC 6152, 6531 (SEND_UTF8: it came with SMTPUTF8; SEND_ASCII_HEADER: and asks for it by its addresses at most), 8689; SEND_TLS_OPTIONAL: it need not be protected as the recipient's domain asks
   (RFC 8689 4.2.2); SEND_BY_…: what happens when it is late (RFC 2852).  Of ENQUEUE alone: SEND_MAILBOXES: the recipients are mailboxes here, as
   RESOLVED named them; SEND_EXPANDED: they are addresses that led to several, all of which are taken care of: the sender is told
   so (RFC 3461 5.2.7.3), nothing is sent; both: they are mailboxes that have it, and the sender is told that. */
enum ipc_send_flag {
	SEND_8BIT = 1,
	SEND_UTF8 = 2,
	SEND_REQUIRE_TLS = 4,
	SEND_MAILBOXES = 8,
	SEND_EXPANDED = 16,
	SEND_TLS_OPTIONAL = 32,
	SEND_BY_RETURN = 64,
	SEND_BY_NOTIFY = 128,
	SEND_BY_TRACE = 256,
	SEND_ASCII_HEADER = 512,
};
#define SEND_NEEDS \
	(SEND_8BIT | SEND_UTF8 | SEND_ASCII_HEADER | SEND_REQUIRE_TLS | SEND_TLS_OPTIONAL | SEND_BY_RETURN | SEND_BY_NOTIFY | SEND_BY_TRACE)
/* RFC 6710 3: from minus this to this. */
#define SEND_PRIORITY_MAX 9

/* A body up to this size rides in the frame itself. */
#define IPC_BODY_INLINE 65536
/* Of the list in RESOLVED; a longer one comes in a memory file. */
#define IPC_TARGETS_INLINE 65536
#define IPC_TARGETS_MAX (1024 * 1024)

/* The queue's place among the fronts when deliveries are granted; there is no front of that index. */
#define IPC_GRANTEE_QUEUE 63

/* A key of TLS session tickets: 16 octets of name, 32 for the cipher, 32 for the MAC. */
#define IPC_TICKET_KEY_OCTETS 80

struct ipc_range {
	uint32_t first, last; /* first <= last, both 1 or more */
};

/* Ranges in order and without overlap; borrowed as bytes are. */
struct ipc_ranges {
	const struct ipc_range *at;
	size_t count;
};
/* Are they?  What comes out of a file that others may write is to be asked before it is sent. */
bool ipc_are_ordered(struct ipc_ranges in);

enum message_type {
#define MESSAGE(name, member, sender, receiver, ...) MESSAGE_##name,
#include "ipc/messages.def"
#undef MESSAGE
	MESSAGE_COUNT
};

#define U8(n) uint8_t n;
#define U16(n) uint16_t n;
#define U32(n) uint32_t n;
#define U64(n) uint64_t n;
#define OCTETS(n, most) struct bytes n;
#define RANGES(n, most) struct ipc_ranges n;
#define FDS(most)
#define MESSAGE(name, member, sender, receiver, ...)                                               \
	struct ipc_##member {                                                                      \
		__VA_ARGS__                                                                        \
	};
#include "ipc/messages.def"
#undef MESSAGE
#undef U8
#undef U16
#undef U32
#undef U64
#undef OCTETS
#undef RANGES
#undef FDS

#define IPC_FDS_MAX 32

/* A message of any type: member `u.NAME` by `type`.  fds: descriptors that ride along (not owned
   by this struct; who received the message closes them). */
struct message {
	enum message_type type;
	union {
#define MESSAGE(name, member, sender, receiver, ...) struct ipc_##member member;
#include "ipc/messages.def"
#undef MESSAGE
	} u;
	int fds[IPC_FDS_MAX];
	size_t fd_count;
};

/* Appends the frame to *out (has_failed when a field is larger than messages.def allows: our bug). */
void ipc_encode(struct buf *out, const struct message *m);
/* Decodes a frame that came from `from` to `to` with fd_count descriptors.  *m borrows from frame (ranges
   are read in place: the frame must be 4-octet aligned, which channel guarantees).  -1: malformed, or
   not for this pair to say; *f says which; *m is then undefined. */
int ipc_decode(struct bytes frame, enum role from, enum role to, const int *fds, size_t fd_count,
	struct message *m, struct fault *f) __attribute__((warn_unused_result));
/* The frame of m has at most that many octets. */
size_t ipc_size_at_most(const struct message *m);
/* The type that answers that request; MESSAGE_COUNT when nothing does.  A new request needs its row in
   names.c. */
enum message_type ipc_answer_of(enum message_type request);
bool ipc_is_answer(enum message_type type);
/* "resolve", …: for logs. */
const char *ipc_message_name(enum message_type type);
/* Has it a field named secret_…?  Then no copy of a frame may stay in memory. */
bool ipc_has_secret(enum message_type type);
const char *ipc_role_name(enum role role);
/* ROLE_COUNT when there is none of that name. */
enum role ipc_role_by_name(struct bytes name);
const char *ipc_service_name(enum ipc_service service);
/* The `request` of a message that has one, else 0. */
uint64_t ipc_request_of(const struct message *m);

#endif
