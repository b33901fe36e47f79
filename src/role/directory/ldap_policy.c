#include "role/directory/ldap_policy.h"

#include <ldap.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* [MS-ERREF] 2.2, as Active Directory puts them into the diagnostic message.  775 comes whatever the password; the
   others below 52e and 525 only when it was right. */
static const struct {
	struct bytes data;
	enum ldap_verdict verdict;
} active_directory[] = {
	{ BYTES_INIT("525"), LDAP_VERDICT_WRONG }, /* no such user */
	{ BYTES_INIT("52e"), LDAP_VERDICT_WRONG },
	{ BYTES_INIT("775"), LDAP_VERDICT_LOCKED },
	{ BYTES_INIT("530"), LDAP_VERDICT_RESTRICTED }, /* hours */
	{ BYTES_INIT("531"), LDAP_VERDICT_RESTRICTED }, /* workstations */
	{ BYTES_INIT("532"), LDAP_VERDICT_EXPIRED },
	{ BYTES_INIT("533"), LDAP_VERDICT_DISABLED },
	{ BYTES_INIT("701"), LDAP_VERDICT_ACCOUNT_EXPIRED },
	{ BYTES_INIT("773"), LDAP_VERDICT_MUST_CHANGE },
};

/* "80090308: LdapErr: DSID-0C09042A, comment: AcceptSecurityContext error, data 532, v3839" */
static enum ldap_verdict
judge_active_directory(struct bytes diagnostic)
{
	const struct bytes before = BYTES("AcceptSecurityContext error, data ");
	size_t at = bytes_find(diagnostic, before);
	struct bytes rest = bytes_sub(diagnostic, at + before.len, diagnostic.len);
	struct bytes data;

	if (at == diagnostic.len)
		return LDAP_VERDICT_WRONG;
	data = take_until(&rest, ',');
	for (size_t i = 0; i < COUNT(active_directory); i++)
		if (bytes_equal_nocase(data, active_directory[i].data))
			return active_directory[i].verdict;
	return LDAP_VERDICT_WRONG;
}

/* A server compares the password before it looks whether that, or the account's state, still allows to log in; whether
   the account is locked it looks before.      draft-behera-ldap-password-policy 7 */
static enum ldap_verdict
judge_refused(const struct ldap_reply *r)
{
	switch (r->policy_error) {
	case PP_passwordExpired:
		return LDAP_VERDICT_EXPIRED;
	case PP_accountLocked:
		return LDAP_VERDICT_LOCKED;
	case PP_changeAfterReset:
		return LDAP_VERDICT_MUST_CHANGE;
	}
	return r->is_expired ? LDAP_VERDICT_EXPIRED : judge_active_directory(r->diagnostic);
}

/* "changeAfterReset: the password must be changed before the user will be allowed to perform any operation": such a bind
   succeeds, and so does that of an expired one at Netscape's servers. */
static enum ldap_verdict
judge_taken(const struct ldap_reply *r)
{
	switch (r->policy_error) {
	case PP_passwordExpired:
	case PP_changeAfterReset:
		return LDAP_VERDICT_MUST_CHANGE;
	case PP_accountLocked:
		return LDAP_VERDICT_DISABLED;
	}
	return r->is_expired ? LDAP_VERDICT_MUST_CHANGE : LDAP_VERDICT_RIGHT;
}

enum ldap_verdict
ldap_policy_judge(const struct ldap_reply *r)
{
	switch (r->code) {
	case LDAP_SUCCESS:
		return judge_taken(r);
	case LDAP_INVALID_CREDENTIALS:
		return judge_refused(r);
	/* There is no such entry, or it has no password. */
	case LDAP_NO_SUCH_OBJECT:
	case LDAP_INAPPROPRIATE_AUTH:
	case LDAP_INVALID_DN_SYNTAX:
		return LDAP_VERDICT_WRONG;
	/* 389 Directory Server has counted too many wrong passwords, and looks at none. */
	case LDAP_CONSTRAINT_VIOLATION:
		return LDAP_VERDICT_LOCKED;
	case LDAP_UNWILLING_TO_PERFORM:
		return LDAP_VERDICT_UNWILLING;
	case LDAP_BUSY:
	case LDAP_UNAVAILABLE:
		return LDAP_VERDICT_AWAY;
	}
	return r->code < 0 ? LDAP_VERDICT_AWAY : LDAP_VERDICT_LATER;
}

bool
ldap_verdict_knows(enum ldap_verdict verdict)
{
	return verdict >= LDAP_VERDICT_RIGHT;
}

const char *
ldap_verdict_reason(enum ldap_verdict verdict)
{
	static const char *const reasons[LDAP_VERDICTS] = {
		[LDAP_VERDICT_LATER] = "the LDAP server can't say now",
		[LDAP_VERDICT_AWAY] = "no LDAP server answers",
		[LDAP_VERDICT_WRONG] = "wrong password",
		[LDAP_VERDICT_LOCKED] = "the account is locked in the LDAP directory",
		[LDAP_VERDICT_UNWILLING] = "the LDAP server doesn't take passwords for the account",
		[LDAP_VERDICT_RIGHT] = "the LDAP server took the password",
		[LDAP_VERDICT_EXPIRED] = "the password has expired",
		[LDAP_VERDICT_MUST_CHANGE] = "the password has to be changed first",
		[LDAP_VERDICT_DISABLED] = "the account is disabled in the LDAP directory",
		[LDAP_VERDICT_ACCOUNT_EXPIRED] = "the account has expired",
		[LDAP_VERDICT_RESTRICTED] = "the account may not log in at this time, or from here",
	};

	return reasons[verdict];
}
