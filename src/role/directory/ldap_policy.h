/* What a server's answer to a bind says of the password (draft-behera-ldap-password-policy 6, Active Directory's
   sub-codes): pure.

   Servers tell a stranger different things of accounts that there are.  Whatever is not certain to come after the
   password was compared is therefore no more than "wrong" to who tried it. */
#ifndef ROLE_DIRECTORY_LDAP_POLICY_H
#define ROLE_DIRECTORY_LDAP_POLICY_H

#include "base/bytes.h"

enum ldap_verdict {
	LDAP_VERDICT_LATER, /* the answer says nothing of the password */
	LDAP_VERDICT_AWAY, /* nor does this server answer anybody now; another one may */
	LDAP_VERDICT_WRONG,
	LDAP_VERDICT_LOCKED, /* right or not, it is not looked at */
	LDAP_VERDICT_UNWILLING, /* as locked, when the server takes other accounts' passwords; else as later */
	LDAP_VERDICT_RIGHT, /* this and all below: it was right */
	LDAP_VERDICT_EXPIRED,
	LDAP_VERDICT_MUST_CHANGE,
	LDAP_VERDICT_DISABLED,
	LDAP_VERDICT_ACCOUNT_EXPIRED,
	LDAP_VERDICT_RESTRICTED, /* not at this time, or not from here */
	LDAP_VERDICTS
};

/* LDAPPasswordPolicyError's value for "none". */
#define LDAP_POLICY_NO_ERROR 65535

struct ldap_reply {
	int code; /* RFC 4511 4.1.9; negative: of libldap itself */
	int policy_error; /* of the control in the answer, or LDAP_POLICY_NO_ERROR */
	bool is_expired; /* the control of Netscape's servers is there that says so */
	struct bytes diagnostic;
};

/* Any reply has its verdict. */
enum ldap_verdict ldap_policy_judge(const struct ldap_reply *reply);
/* Does the account's owner know the password, as far as the server told? */
bool ldap_verdict_knows(enum ldap_verdict verdict);
/* A sentence for the administrator. */
const char *ldap_verdict_reason(enum ldap_verdict verdict);

#endif
