/* Address literals (RFC 5321 4.1.3). */
#ifndef SMTP_LITERAL_H
#define SMTP_LITERAL_H

#include "base/bytes.h"

/* Takes address-literal = "[" ( IPv4-address-literal / IPv6-address-literal / General-address-literal ) "]" from the
   front of *in; *out has its brackets. */
bool smtp_take_literal(struct bytes *in, struct bytes *out) __attribute__((warn_unused_result));

#endif
