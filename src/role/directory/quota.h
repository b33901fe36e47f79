/* What an account's mail may take, as directories say it. */
#ifndef ROLE_DIRECTORY_QUOTA_H
#define ROLE_DIRECTORY_QUOTA_H

#include "base/bytes.h"

struct quota {
	uint64_t octets, messages; /* 0: no limit */
};

/* "1073741824", "1048576K", "1024M", "1G" or "1T" (of 1024, and a B may stand behind), of qmail-ldap "1000000000S,10000C" (octets,
   messages) in any order or one of both.  False: none of these, and *quota is as it was. */
bool quota_parse(struct bytes text, struct quota *quota) __attribute__((warn_unused_result));

#endif
