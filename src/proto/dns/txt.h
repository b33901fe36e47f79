/* TXT records with a version and fields: "v=STSv1; id=20160831085700Z;".  MTA-STS and reports on TLS say theirs in one grammar (RFC 8461 3.1,
   RFC 8460 3). */
#ifndef DNS_TXT_H
#define DNS_TXT_H

#include "base/bytes.h"

/* Among the TXT records of a name, in the form of dns_read_answer, the one that begins with the version ("v=STSv1").  False: none does, or several do;
   either way the domain has said nothing. */
bool txt_find(struct bytes records, struct bytes version, struct bytes *record) __attribute__((warn_unused_result));
/* The value of a field of that record, borrowed; of several with its name the first.  False: it is not there, has a value that is_value refuses, or
   something in the record is malformed. */
bool txt_field(struct bytes record, struct bytes version, struct bytes name, bool (*is_value)(struct bytes value), struct bytes *value)
	__attribute__((warn_unused_result));
/* ext-name = (ALPHA / DIGIT) *31(ALPHA / DIGIT / "_" / "-" / "."), which a policy's fields have, too (RFC 8461 3.2) */
bool txt_take_name(struct bytes *in, struct bytes *out);

#endif
