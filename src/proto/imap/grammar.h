/* The words of IMAP commands: one take-function for each rule of RFC 3501 9 that a client sends.
   They take from the front of *in and return true, or change nothing and return false.  What they give is borrowed
   from the command, or stands in the arena where a quoted string had to be unescaped. */
#ifndef IMAP_GRAMMAR_H
#define IMAP_GRAMMAR_H

#include "base/arena.h"

/* tag = 1*<any ASTRING-CHAR except "+">; of IMAP_TAG_MAX octets at most. */
#define IMAP_TAG_MAX 255
bool take_imap_tag(struct bytes *in, struct bytes *tag);
/* atom = 1*ATOM-CHAR */
bool take_imap_atom(struct bytes *in, struct bytes *atom);
/* The atom that is `word`, without regard to case: what follows is not an ATOM-CHAR. */
bool take_imap_word(struct bytes *in, struct bytes word);
/* string = quoted / literal.  Octets above 127 are taken in quoted strings too. */
bool take_imap_string(struct bytes *in, struct arena *a, struct bytes *out);
/* nstring = string / "NIL"; NIL gives is_nil and no octets. */
bool take_imap_nstring(struct bytes *in, struct arena *a, bool *is_nil, struct bytes *out);
/* astring = 1*ASTRING-CHAR / string */
bool take_imap_astring(struct bytes *in, struct arena *a, struct bytes *out);
/* list-mailbox = 1*list-char / string */
bool take_imap_list_mailbox(struct bytes *in, struct arena *a, struct bytes *out);
/* mailbox = "INBOX" / astring, INBOX in capitals, above other levels too. */
bool take_imap_mailbox(struct bytes *in, struct arena *a, struct bytes *name);
/* number: 0 <= n < 4,294,967,296 */
bool take_imap_number(struct bytes *in, uint32_t *number);
/* nz-number: not 0, without leading zeros */
bool take_imap_nz_number(struct bytes *in, uint32_t *number);

/* What flags a list names: system flags (VIEW_…) and keywords, separated by SP, each once. */
struct imap_flags {
	uint32_t flags;
	uint32_t keyword_count;
	struct bytes keywords;
};

/* flag = "\Answered" / … / flag-keyword / flag-extension.  A flag-extension gives neither a flag nor a
   keyword: nothing of that name can be stored. "\Recent" is no flag. */
bool take_imap_flag(struct bytes *in, uint32_t *flag, struct bytes *keyword);
/* flag-list = "(" [flag *(SP flag)] ")" */
bool take_imap_flag_list(struct bytes *in, struct arena *a, struct imap_flags *flags);
/* Can a mailbox hold these keywords, as far as their number and lengths go? */
bool imap_flags_fit(const struct imap_flags *flags);
/* flag *(SP flag) */
bool take_imap_flags(struct bytes *in, struct arena *a, struct imap_flags *flags);
/* date = date-text / DQUOTE date-text DQUOTE; the day since 1970-01-01. */
bool take_imap_date(struct bytes *in, int64_t *day);
/* date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE */
bool take_imap_date_time(struct bytes *in, int64_t *unix_s);

#endif
