/* Mailbox names as IMAP4rev1 writes them: modified UTF-7 (RFC 3501 5.1.3), "." between levels, INBOX
   whatever its case. */
#ifndef IMAP_NAME_H
#define IMAP_NAME_H

#include "base/bytes.h"

#define IMAP_NAME_MAX 255
/* A pattern is matched with every folder: longer ones than this name nothing. */
#define IMAP_PATTERN_MAX 512
#define IMAP_SEPARATOR '.'

/* May a mailbox have this name: printable ASCII, well-formed modified UTF-7, no "%" and "*", no "/", no empty level,
   IMAP_NAME_MAX octets at most? */
bool imap_name_is_valid(struct bytes name);
/* Does the pattern of LIST match: "*" any octets, "%" any but the separator?  INBOX at the front without
   regard to case.  A pattern of more than IMAP_PATTERN_MAX octets matches nothing. */
bool imap_name_matches(struct bytes pattern, struct bytes name);
/* The special use of a name: "\Sent" for Sent …, or NULL (RFC 6154 2). */
const char *imap_name_special_use(struct bytes name);

#endif
