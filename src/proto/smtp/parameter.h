/* The parameters of MAIL and RCPT (RFC 5321 4.1.1.11). */
#ifndef SMTP_PARAMETER_H
#define SMTP_PARAMETER_H

#include "proto/smtp/reply.h"

/* What stands behind the path of MAIL: SIZE= (RFC 1870 4), BODY= (RFC 6152), SMTPUTF8 (RFC 6531 3.4), AUTH= (RFC 4954 5,
   checked and then taken as "<>"), RET= and ENVID= (RFC 3461 4.3, 4.4; views of `in`), REQUIRETLS (RFC 8689 2),
   HOLDFOR= or HOLDUNTIL= (RFC 4865 4), BY= (RFC 2852 4), MT-PRIORITY= (RFC 6710 3).  What is not offered is unknown.  REPLY_OK: the
   fields of *mail are set; else how it is refused, and *keyword is whose fault that is, as it was written, or empty. */
enum smtp_reply smtp_mail_parameters(struct bytes in, const struct smtp_offer *offer, struct smtp_mail *mail, struct bytes *keyword);
/* What stands behind the path of RCPT: NOTIFY= and ORCPT= (RFC 3461 4.1, 4.2; a view of `in`).  may_utf8: MAIL said SMTPUTF8. */
enum smtp_reply smtp_recipient_parameters(struct bytes in, bool may_utf8, struct dsn_rcpt *wishes, struct bytes *keyword);

#endif
