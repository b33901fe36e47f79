/* An IMAP server session as a pure machine (RFC 3501 and the extensions it advertises): octets and
   answers in, effects out.  It reads mailboxes through their mapped view and asks for everything else.

   The driver calls imap_session_step again and again; each call takes from the front of *in as much as it
   needs and reports one effect.  IMAP_NEED_INPUT: keep what is left of *in and come back with more behind it.  After
   IMAP_ASK nothing is taken from *in and step reports IMAP_BLOCKED until imap_session_answer.  IMAP_OUTPUT comes in pieces of at most IMAP_OUTPUT_MAX octets; the
   driver stops stepping while the client does not read (back-pressure).  IMAP_AGAIN: a slice of long work is done; come
   back when others had their turn. */
#ifndef IMAP_SESSION_H
#define IMAP_SESSION_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/fault.h"
#include "view/view.h"

#define IMAP_OUTPUT_MAX 65536
/* Bodies that are asked for at a time. */
#define IMAP_BODIES_MAX 32
/* Ranges of uids in one ask (ipc/messages.def). */
#define IMAP_RANGES_MAX 4096

struct imap_session;

struct imap_limits {
	uint32_t command_octets_max; /* a command with its literals, but for APPEND's message */
	uint64_t message_octets_max; /* APPEND: more is refused with NO [TOOBIG] */
	uint32_t errors_max; /* BAD commands in a row before BYE */
};

/* Borrowed for the session's whole life. */
struct imap_settings {
	struct bytes hostname;
	struct imap_limits limits;
	bool offers_tls;
	bool is_tls_from_start;
	bool may_login_in_clear; /* else LOGINDISABLED until TLS */
};

enum imap_effect_kind {
	IMAP_NEED_INPUT,
	IMAP_BLOCKED,
	IMAP_AGAIN,
	IMAP_OUTPUT, /* send `octets`; borrowed until the next step */
	IMAP_START_TLS, /* after what was put out is sent: shake hands, then imap_session_tls_started; drop *in */
	IMAP_ASK, /* `ask` */
	IMAP_APPEND_BEGIN, /* `size` octets of a message will come; no answer */
	IMAP_APPEND_OCTETS, /* `octets` of it, as sent */
	IMAP_APPEND_ABANDONED, /* forget what came: the command was refused after all */
	IMAP_TOLD, /* the client knows of every message of the selected mailbox with a uid below `size`; no answer */
	IMAP_CLOSE, /* after what was put out is sent */
};

enum imap_ask_kind {
	IMAP_ASK_LOGIN, /* login */
	IMAP_ASK_SELECT, /* name, is_read_only */
	IMAP_ASK_DESELECT, /* no answer */
	IMAP_ASK_LIST, /* every folder of the account */
	IMAP_ASK_STATUS, /* name */
	IMAP_ASK_CREATE, IMAP_ASK_DELETE, IMAP_ASK_SUBSCRIBE, IMAP_ASK_UNSUBSCRIBE, /* name */
	IMAP_ASK_RENAME, /* name, new_name */
	IMAP_ASK_APPEND, /* name, flags, keywords, date_s: the message that came since APPEND_BEGIN */
	IMAP_ASK_SET_FLAGS, /* uids, mode, flags, keywords, told */
	IMAP_ASK_EXPUNGE, /* uids, is_forced */
	IMAP_ASK_COPY, /* uids, name, is_move */
	IMAP_ASK_BODIES, /* uids, at most IMAP_BODIES_MAX messages */
	IMAP_ASK_CHECK,
	IMAP_ASK_QUOTA, /* what the account's mail takes, and may; IMAP_ABSENT: it has no quota */
};

/* The modes of STORE: FLAGS, +FLAGS, -FLAGS. */
enum imap_flags_mode { IMAP_FLAGS_REPLACE, IMAP_FLAGS_ADD, IMAP_FLAGS_REMOVE };

struct imap_range {
	uint32_t first, last;
};

/* Everything is borrowed until the answer. */
struct imap_ask {
	enum imap_ask_kind kind;
	struct bytes name, new_name; /* mailbox names as on the wire, INBOX in capitals */
	bool is_read_only, is_move, is_forced;
	enum imap_flags_mode mode;
	uint32_t flags; /* VIEW_… */
	uint64_t told; /* what changed after that modseq gets a higher one than the answer's */
	struct bytes keywords; /* separated by SP */
	int64_t date_s; /* INT64_MIN: now */
	const struct imap_range *uids; /* in order, IMAP_RANGES_MAX at most */
	size_t uid_ranges;
	struct { const char *mechanism; struct bytes name, authorize_as, secret_password; } login;
};

enum imap_outcome { IMAP_OK, IMAP_LATER, IMAP_NO_SPACE, IMAP_ABSENT, IMAP_DENIED, IMAP_EXISTS, IMAP_INVALID,
	IMAP_LIMIT, IMAP_OVER_QUOTA, IMAP_DISABLED, IMAP_EXPIRED /* the last two of a log-in whose password was right */ };

struct imap_refusal {
	const char *code, *text;
};

/* What LOGIN and AUTHENTICATE that did not succeed answer behind NO: RFC 5530 3. */
struct imap_refusal imap_refusal_of_login(enum imap_outcome outcome);

enum imap_folder_attribute { IMAP_SUBSCRIBED = 1, IMAP_NO_SELECT = 2, IMAP_HAS_CHILDREN = 4, IMAP_MARKED = 8,
	IMAP_NONEXISTENT = 16 };

struct imap_folder {
	struct bytes name;
	unsigned int attributes;
};

/* One message that was asked for. octets: the file, disk or wire form (a LF without a CR before it is sent as CRLF). */
struct imap_body {
	uint32_t uid;
	struct bytes octets;
	struct bytes summary; /* of the message: from the view, or made anew when that has none */
	uint64_t size; /* RFC822.SIZE */
};

/* What the account's mail takes, and may take (0: there is no limit). */
struct imap_quota {
	uint64_t octets, messages, octets_max, messages_max;
};

/* What an answer points to is needed until imap_session_answer returns, but for `view` and `bodies`. */
struct imap_answer {
	enum imap_outcome outcome;
	/* SELECT: valid until DESELECT was asked, or imap_session_new_view. */
	const struct view *view;
	uint32_t recent_from; /* \Recent from this uid on */
	/* LIST */
	const struct imap_folder *folders;
	size_t folder_count;
	/* STATUS */
	uint32_t messages, recent, unseen, uid_next, uid_validity; /* uid_validity: APPEND, COPY too */
	uint32_t deleted;
	uint64_t deleted_size; /* of the messages that are \Deleted */
	uint64_t size, modseq; /* modseq: SET_FLAGS too (0: nothing changed) */
	struct imap_quota quota; /* QUOTA */
	/* APPEND: the uid; COPY: the first of the new uids, and the source's uids that were there */
	uint32_t uid;
	const struct imap_range *source;
	size_t source_ranges;
	/* BODIES: those that are still there, in the order of the uids; valid until the next step asks for others
	   or puts out the tagged response of the command */
	const struct imap_body *bodies;
	size_t body_count;
	uint32_t left_out_from; /* those from this uid on were too much for one answer: ask again; 0: none were */
};

struct imap_effect {
	enum imap_effect_kind kind;
	struct bytes octets;
	uint64_t size;
	struct imap_ask ask;
};

/* A session at its start: the first step puts the greeting out.  now_s: for the greeting and dates. Owned. */
struct imap_session *imap_session_new(const struct imap_settings *settings);
void imap_session_free(struct imap_session **s);
enum imap_effect_kind imap_session_step(struct imap_session *s, struct bytes *in, struct imap_effect *effect);
void imap_session_answer(struct imap_session *s, const struct imap_answer *answer);
/* The handshake is done: RFC 3501 6.2.1, capabilities said before are void. */
void imap_session_tls_started(struct imap_session *s);
/* The selected mailbox changed (look into the view at the next moment when RFC 3501 5.5 and 7.4.1 allow, at
   once in IDLE).  Then step again. */
void imap_session_mailbox_changed(struct imap_session *s);
/* The selected mailbox has a new generation (or longer summaries): from now on read `view`.  The old one must
   stay mapped until this returns; what was expunged in it is still reported. */
void imap_session_new_view(struct imap_session *s, const struct view *view);
/* The selected mailbox was deleted, or the account is gone, or the server goes away: BYE with the text. */
void imap_session_shut(struct imap_session *s, struct bytes text);
bool imap_session_is_logged_in(const struct imap_session *s);
/* Between commands or in IDLE, with nothing to put out: for memory and time-outs. */
bool imap_session_is_idle(const struct imap_session *s);

#endif
