/* The parameters of MAIL and RCPT (RFC 5321 4.1.1.11). */
#ifndef SMTP_PARAMETER_H
#define SMTP_PARAMETER_H

#include "proto/smtp/reply.h"

/* What stands behind the path of MAIL: SIZE= (RFC 1870 4), BODY= (RFC 6152), SMTPUTF8 (RFC 6531 3.4), AUTH= (RFC 4954 5,
   checked and then taken as "<>").  REPLY_OK: the fields of *mail are set; else how it is refused. */
enum smtp_reply smtp_mail_parameters(struct bytes in, struct smtp_mail *mail);
/* What stands behind the path of RCPT: nothing that is offered has one. */
enum smtp_reply smtp_recipient_parameters(struct bytes in);

#endif
