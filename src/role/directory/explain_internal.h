/* What explain.c and explain_login.c share. */
#ifndef ROLE_DIRECTORY_EXPLAIN_INTERNAL_H
#define ROLE_DIRECTORY_EXPLAIN_INTERNAL_H

#include "base/buf.h"
#include "config/admission.h"
#include "proto/smtp/reply.h"
#include "role/answers.h"
#include "role/directory/explain.h"
#include "role/directory/explain_use.h"
#include "role/directory/trace.h"

#define EXPLAIN_TEXT_MAX 512

/* What comes of it; the last line. */
struct decision {
	const char *word; /* "mailbox", "foreign", … */
	const char *why; /* a sentence */
	bool is_accepted;
	enum smtp_reply reply;
	const struct config_route *refusal; /* in whose words, in place of it */
	enum imap_outcome imap;
	bool has_imap;
	size_t mailboxes, elsewhere;
};

struct explaining {
	struct directory *directory;
	struct control_question *question;
	struct trace trace, sources; /* into steps, and into entries */
	struct buf steps, entries; /* lines */
	struct buf recipient;
	struct map *met; /* folded address -> enum met */
	struct explain_uses uses; /* of the accounts that were met */
	struct decision decision;
	struct explaining *next; /* of the directory's */
	enum admission_client client; /* who would write to the recipient */
	bool is_troubled; /* what was met is what an administrator has to mend */
	bool would_make; /* the account that gets the mail is one that the mail would make */
};

/* The address, or the name, is what is asked about: what sources say of it is told. */
void explain_meet_asked(struct explaining *e, struct bytes address);
/* Answers; the question is gone. */
void explain_decide(struct explaining *e, const struct decision *d);
/* explain_login.c */
void explain_login(struct explaining *e, struct bytes name);

#endif
