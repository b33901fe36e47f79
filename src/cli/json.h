/* JSON on standard output. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include "base/buf.h"

/* A string with its quotes.  Octets that are no UTF-8 stand as the characters of their numbers. */
void json_put_text(struct buf *out, struct bytes text);
/* "name": */
void json_put_name(struct buf *out, const char *name);

#endif
