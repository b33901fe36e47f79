/* How addresses and envelope ids stand in parameters and reports: xtext (RFC 3461 4) and its kin for UTF-8 (RFC 6533 3). */
#ifndef DSN_XTEXT_H
#define DSN_XTEXT_H

#include "base/buf.h"

/* xtext = *( xchar / hexchar )      RFC 3461 4 */
bool is_xtext(struct bytes in);
/* Any octets as xtext. */
void put_xtext(struct buf *out, struct bytes in);
/* What an xtext stands for.  False, with nothing put, when it is none. */
bool put_xtext_decoded(struct buf *out, struct bytes in) __attribute__((warn_unused_result));
/* Well-formed UTF-8 as utf-8-addr-xtext (RFC 6533 3): ASCII, what is beyond it as \x{HEX}. */
void put_utf8_xtext(struct buf *out, struct bytes in);
/* The address that a utf-8-addr-xtext or utf-8-addr-unitext stands for.  False, with nothing put, when it is neither. */
bool put_utf8_xtext_decoded(struct buf *out, struct bytes in) __attribute__((warn_unused_result));

#endif
