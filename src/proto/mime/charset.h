/* Character sets to UTF-8.  US-ASCII, UTF-8, ISO-8859-1, ISO-8859-15 and windows-1252 are our own; the others go
   through the C library's iconv, by a list: never a converter that only a peer chose.

   The converters are the process's: one thread alone may use this file. */
#ifndef MIME_CHARSET_H
#define MIME_CHARSET_H

#include "base/buf.h"

struct charset;

/* Opens every converter of the list.  They are files: call it before the sandbox closes the file system.  What
   was not opened then is tried when it is needed. */
void mime_charsets_preload(void);
/* The character set of that name (or an alias, without regard to case, "-" and "_"); NULL when it is not known. */
const struct charset *charset_find(struct bytes name);
/* in as UTF-8.  What is not of the character set becomes U+FFFD; octets of UTF-8 and US-ASCII go through as
   they are, but for US-ASCII with octets that are not UTF-8 either: they are read as windows-1252. */
void put_charset_utf8(struct buf *out, const struct charset *charset, struct bytes in);
/* Would put_charset_utf8 put the octets as they are? */
bool charset_is_utf8(const struct charset *charset, struct bytes in);

#endif
