/* What the files of the session share.  One command at a time: frame.c finds it, command.c looks it up and parses
   it, its handler runs it in turns, sync.c tells what changed meanwhile, session.c says how it ended. */
#ifndef IMAP_SESSION_INTERNAL_H
#define IMAP_SESSION_INTERNAL_H

#include "proto/imap/frame.h"
#include "proto/imap/grammar.h"
#include "proto/imap/mailbox.h"
#include "proto/imap/name.h"
#include "proto/imap/session.h"
#include "proto/sasl/sasl.h"

/* What a command may take for its arguments and its work. */
#define IMAP_COMMAND_ARENA_MAX (16U << 20)
/* A job gives its output to the client when so much has come together. One more message's worth of attributes
   still fits in IMAP_OUTPUT_MAX then. */
#define IMAP_OUTPUT_HIGH 32768

enum imap_state { STATE_STRANGER = 1, STATE_AUTHENTICATED = 2, STATE_SELECTED = 4, STATE_ANY = 7 };

/* What a handler, or a stage of the session, wants next. */
enum imap_turn {
	TURN_ON, /* go on */
	TURN_DONE, /* the command is over: imap_ok, imap_no, imap_bad said how */
	TURN_ASK, /* `ask`; the handler's next turn has the answer */
	TURN_TELL, /* `ask`, which has no answer */
	TURN_FLUSH, /* give the client what was put out, then go on */
	TURN_AGAIN, /* give others their turn, then go on */
	TURN_INPUT, /* the client has to send something */
	TURN_BLOCKED, /* an answer is due */
	TURN_EFFECT, /* `owed` is set */
};

enum imap_stage {
	STAGE_GREETING,
	STAGE_FRAME, /* a command comes in */
	STAGE_RUN, /* its handler works */
	STAGE_BLOCKED, /* an answer is due */
	STAGE_FINISH, /* it is over: what changed, then the tagged response */
	STAGE_MESSAGE, /* APPEND's literal comes in */
	STAGE_MESSAGE_END, /* what stands behind it */
	STAGE_CHALLENGE, /* the client answers to AUTHENTICATE's challenge */
	STAGE_IDLE,
	STAGE_TLS, /* the driver shakes hands */
	STAGE_CLOSED,
};

enum imap_status { STATUS_OK, STATUS_NO, STATUS_BAD };

struct imap_command;
struct imap_session;

enum imap_command_trait {
	COMMAND_NUMBERS = 1, /* RFC 3501 7.4.1: no EXPUNGE while it runs, unless it is the UID form */
	COMMAND_SECRET = 2,
	COMMAND_HAS_UID_FORM = 4,
};

struct imap_command_row {
	struct bytes name;
	unsigned int states; /* enum imap_state */
	unsigned int traits; /* enum imap_command_trait */
	/* Takes the arguments, to the end; *in stands behind the name.  False: syntax error. */
	bool (*parse)(struct imap_command *c, struct bytes *in);
	enum imap_turn (*run)(struct imap_session *s, struct imap_command *c);
	const char *usage;
};

/* Commands that changed something themselves: modseqs whose changes the client has been told in its
   responses, or did not want to be told (.SILENT). */
struct imap_own {
	uint64_t *modseqs; /* in order */
	size_t count, size;
};

/* One command; lives in the session's arena until its tagged response. */
struct imap_command {
	struct bytes tag;
	const struct imap_command_row *row;
	struct arena *arena;
	bool is_uid;
	void *args; /* what `parse` made */
	unsigned int phase; /* the handler's own */
	struct imap_ask ask;
	struct imap_answer answer;
	struct imap_own own;
	enum imap_status status;
	struct bytes code; /* "[…]" or empty */
	const char *text;
};

struct imap_session {
	const struct imap_settings *settings;
	enum imap_stage stage;
	enum imap_state state;
	enum imap_stage next_stage; /* behind the tagged response */
	bool is_tls, is_flushing, is_inside_response, has_changed;
	uint32_t told; /* what IMAP_TOLD has to say; 0: nothing */
	enum imap_effect_kind owed; /* IMAP_NEED_INPUT: nothing is */
	uint32_t errors;
	uint64_t message_left; /* of APPEND's literal */
	struct imap_frame frame;
	struct buf out;
	size_t out_at;
	struct bytes piece; /* of APPEND's message */
	struct sasl *sasl; /* during AUTHENTICATE */
	struct arena *arena;
	struct arena *scratch; /* of FETCH and SEARCH, for one section or message */
	struct arena *order; /* of SORT and THREAD, for what the order depends on */
	struct buf text; /* of SEARCH, for the text of one part */
	struct imap_command *command; /* NULL between commands and in IDLE */
	struct imap_mailbox *mailbox; /* when selected */
	uint8_t *idle_tag; /* owned: all that an idling session keeps of its command */
	size_t idle_tag_len;
};

/* RECENT, and that the messages that are known by now are \Recent to this session (RFC 3501 2.3.2). */
void imap_put_recent(struct imap_session *s);

/* command.c */

/* The row of a name (without "UID "), or NULL. */
const struct imap_command_row *imap_command_find(struct bytes name);
/* A command of this tag (copied) and row (or NULL), as s->command. */
struct imap_command *imap_command_new(struct imap_session *s, struct bytes tag, const struct imap_command_row *row);
/* Takes tag and name and makes s->command of them.  True when it may run in this state; else it has ended as BAD.
   s->command stays NULL when there is not even a tag. */
bool imap_command_identify(struct imap_session *s, struct bytes *in);
/* Forgets the command and all that it took. */
void imap_command_drop(struct imap_session *s);
/* Ends a command: code is "[…]" or NULL. */
enum imap_turn imap_ok(struct imap_command *c, const char *code, const char *text);
enum imap_turn imap_no(struct imap_command *c, const char *code, const char *text);
enum imap_turn imap_bad(struct imap_command *c, const char *text);
/* NO as the outcome (not IMAP_OK) says. */
enum imap_turn imap_refuse(struct imap_command *c, enum imap_outcome outcome);
/* imap_ok when the answer was OK, else imap_refuse. */
enum imap_turn imap_end_as_answered(struct imap_command *c, const char *done_text);
/* Prepares the ask. */
enum imap_turn imap_ask_name(struct imap_command *c, enum imap_ask_kind kind, struct bytes name);
enum imap_turn imap_ask_uids(struct imap_command *c, enum imap_ask_kind kind, const struct imap_set *uids);
/* A copy of `code` in the command's arena as its response code. */
void imap_command_set_code(struct imap_command *c, const struct buf *code);
/* `size` zeroed octets for what `parse` makes; set as c->args. */
void *imap_command_args(struct imap_command *c, size_t size);
/* Changes with this modseq are the command's own.  Each is higher than the last; 0, and the last once more, add nothing. */
void imap_own_add(struct imap_command *c, uint64_t modseq);
bool imap_own_has(const struct imap_command *c, uint64_t modseq);

/* The next uids of a walk as ranges for an ask: IMAP_RANGES_MAX at most.  Messages that are expunged already are
   left out and set *has_missed (which may be NULL).  False when the arena is full. */
bool imap_command_chunk(struct imap_session *s, struct imap_walk *walk, struct imap_set *chunk, bool *has_missed);

/* login.c */
void imap_put_capabilities(const struct imap_session *s, struct buf *out);
/* output.c */
/* A mailbox name, or any text, as astring. */
void imap_put_astring(struct buf *out, struct bytes in);
/* "(\Seen $Forwarded)": the flags of a record. */
void imap_put_flags(struct buf *out, const struct imap_mailbox *m, uint32_t flags, uint64_t keywords, bool is_recent);
/* "* FLAGS (…)" and "* OK [PERMANENTFLAGS (…)]". */
void imap_put_mailbox_flags(struct buf *out, const struct imap_mailbox *m);
/* The same, if the mailbox has more keywords than the client was told. */
void imap_put_new_keywords(struct imap_session *s);
/* "* 12 EXISTS" */
void imap_put_numbered(struct buf *out, uint32_t number, const char *what);
/* "17-Jul-1996 02:44:25 +0000", quoted. */
void imap_put_date(struct buf *out, int64_t unix_s);

/* sync.c */
/* Tells what changed in the selected mailbox: TURN_FLUSH, TURN_AGAIN, or TURN_DONE. */
enum imap_turn imap_sync(struct imap_session *s, bool may_expunge, bool wants_uids);
bool imap_is_output_high(const struct imap_session *s);

/* session.c */
/* Forgets the selected mailbox; the driver has been told. */
void imap_session_leave_mailbox(struct imap_session *s);

/* append.c: at the literal that would be APPEND's message.  False: it is not. */
bool imap_append_begin(struct imap_session *s);
enum imap_turn imap_append_stage(struct imap_session *s, struct bytes *in);
enum imap_turn imap_append_end_stage(struct imap_session *s, struct bytes *in);
/* login.c */
enum imap_turn imap_challenge_stage(struct imap_session *s, struct bytes *in);
/* idle.c */
enum imap_turn imap_idle_stage(struct imap_session *s, struct bytes *in);


#endif
