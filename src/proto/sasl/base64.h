/* Base 64 as SASL profiles use it (RFC 4648 4), strictly: nothing but the alphabet, whole groups, padding where it
   belongs and nowhere else, no stray bits. */
#ifndef SASL_BASE64_H
#define SASL_BASE64_H

#include "base/buf.h"

/* Appends what `in` stands for.  False: `in` is not base 64 (then *out is as it was), or *out is full. */
bool sasl_take_base64(struct bytes in, struct buf *out) __attribute__((warn_unused_result));
/* Appends the octets as base 64. */
void sasl_put_base64(struct buf *out, struct bytes in);

#endif
