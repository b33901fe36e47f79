/* What the files of dsn share. */
#ifndef DSN_DSN_INTERNAL_H
#define DSN_DSN_INTERNAL_H

#include "proto/dsn/dsn.h"

/* Octets of one text of others that are told; more are cut. */
#define DSN_TEXT_MAX 800

/* RFC 3463 2 */
struct dsn_status {
	uint32_t class, subject, detail;
};

/* text.c */
/* The text with a space for TAB, "?" for other control octets, and for octets beyond ASCII unless may_utf8 and it is well-formed; cut to
   DSN_TEXT_MAX. */
void dsn_put_clean(struct buf *out, struct bytes in, bool may_utf8);
/* The same in lines of 76 columns where it has spaces; `column` is where the first begins, `indent` what the others begin
   with (more than nothing, so that no line of it begins a field or a delimiter). */
void dsn_put_folded(struct buf *out, struct bytes in, bool may_utf8, size_t column, const char *indent);
/* RFC 2045 6.7; lines end with LF. */
void dsn_put_quoted_printable(struct buf *out, struct bytes in);
/* A header's value: as it is, or as encoded words (RFC 2047) when it is not all ASCII.  Words of ours. */
void dsn_put_header_words(struct buf *out, struct bytes in);

/* status.c */
/* What a reply says with its numbers, fitted to what became of the recipient. */
struct dsn_status dsn_status_of(const struct dsn_recipient *recipient);
/* Does the delivery-status part hold UTF-8 (RFC 6533 4)? */
bool dsn_is_status_global(const struct dsn_report *report);
void dsn_put_status(struct buf *out, const struct dsn_report *report, bool is_global);

/* wording.c */
/* The subject of the notification. */
const char *dsn_subject(const struct dsn_report *report);
const char *dsn_sender_name(enum dsn_language language);
/* What a person reads, as UTF-8. */
void dsn_put_wording(struct buf *out, const struct dsn_report *report);
const char *dsn_language_tag(enum dsn_language language);

#endif
