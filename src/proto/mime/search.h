/* Searching text without regard to case, as i;unicode-casemap does (RFC 5051): case folded, compatibility forms
   decomposed (NFKD); accents count. */
#ifndef MIME_SEARCH_H
#define MIME_SEARCH_H

#include "base/buf.h"

/* The text as it is compared.  Octets that are not UTF-8 stay as they are. */
void put_folded(struct buf *out, struct bytes utf8);
/* Does the text hold the needle, which put_folded made?  The empty needle is everywhere. */
bool text_contains(struct bytes haystack_utf8, struct bytes needle_utf8_folded);

#endif
