#include "role/directory/ldap_policy.h"

#include <ldap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define AD(data) "80090308: LdapErr: DSID-0C09042A, comment: AcceptSecurityContext error, data " data ", v3839"
#define NONE LDAP_POLICY_NO_ERROR

static const struct row {
	const char *name;
	int code, policy_error;
	bool is_expired;
	const char *diagnostic;
	enum ldap_verdict want;
} rows[] = {
	{ "taken", LDAP_SUCCESS, NONE, false, "", LDAP_VERDICT_RIGHT },
	{ "taken, and an error that is about changing passwords", LDAP_SUCCESS, PP_passwordTooShort, false, "", LDAP_VERDICT_RIGHT },
	{ "taken to be changed", LDAP_SUCCESS, PP_changeAfterReset, false, "", LDAP_VERDICT_MUST_CHANGE },
	{ "taken to be changed, as Netscape says it", LDAP_SUCCESS, NONE, true, "", LDAP_VERDICT_MUST_CHANGE },
	{ "taken though expired", LDAP_SUCCESS, PP_passwordExpired, false, "", LDAP_VERDICT_MUST_CHANGE },
	{ "taken though locked", LDAP_SUCCESS, PP_accountLocked, false, "", LDAP_VERDICT_DISABLED },
	{ "wrong", LDAP_INVALID_CREDENTIALS, NONE, false, "", LDAP_VERDICT_WRONG },
	{ "expired", LDAP_INVALID_CREDENTIALS, PP_passwordExpired, false, "", LDAP_VERDICT_EXPIRED },
	{ "expired, as Netscape says it", LDAP_INVALID_CREDENTIALS, NONE, true, "", LDAP_VERDICT_EXPIRED },
	{ "locked", LDAP_INVALID_CREDENTIALS, PP_accountLocked, false, "", LDAP_VERDICT_LOCKED },
	{ "locked and expired", LDAP_INVALID_CREDENTIALS, PP_accountLocked, true, "", LDAP_VERDICT_LOCKED },
	{ "to be changed", LDAP_INVALID_CREDENTIALS, PP_changeAfterReset, false, "", LDAP_VERDICT_MUST_CHANGE },
	{ "no such user of AD", LDAP_INVALID_CREDENTIALS, NONE, false, AD("525"), LDAP_VERDICT_WRONG },
	{ "wrong of AD", LDAP_INVALID_CREDENTIALS, NONE, false, AD("52e"), LDAP_VERDICT_WRONG },
	{ "hours of AD", LDAP_INVALID_CREDENTIALS, NONE, false, AD("530"), LDAP_VERDICT_RESTRICTED },
	{ "workstation of AD", LDAP_INVALID_CREDENTIALS, NONE, false, AD("531"), LDAP_VERDICT_RESTRICTED },
	{ "expired of AD", LDAP_INVALID_CREDENTIALS, NONE, false, AD("532"), LDAP_VERDICT_EXPIRED },
	{ "disabled of AD", LDAP_INVALID_CREDENTIALS, NONE, false, AD("533"), LDAP_VERDICT_DISABLED },
	{ "account expired of AD", LDAP_INVALID_CREDENTIALS, NONE, false, AD("701"), LDAP_VERDICT_ACCOUNT_EXPIRED },
	{ "to be changed of AD", LDAP_INVALID_CREDENTIALS, NONE, false, AD("773"), LDAP_VERDICT_MUST_CHANGE },
	{ "locked of AD", LDAP_INVALID_CREDENTIALS, NONE, false, AD("775"), LDAP_VERDICT_LOCKED },
	{ "a sub-code in capitals", LDAP_INVALID_CREDENTIALS, NONE, false, AD("52E"), LDAP_VERDICT_WRONG },
	{ "an unknown sub-code of AD", LDAP_INVALID_CREDENTIALS, NONE, false, AD("5320"), LDAP_VERDICT_WRONG },
	{ "a sub-code that is cut off", LDAP_INVALID_CREDENTIALS, NONE, false, "AcceptSecurityContext error, data ", LDAP_VERDICT_WRONG },
	{ "a sub-code at the end", LDAP_INVALID_CREDENTIALS, NONE, false, "AcceptSecurityContext error, data 532", LDAP_VERDICT_EXPIRED },
	{ "digits elsewhere", LDAP_INVALID_CREDENTIALS, NONE, false, "data 532, v1", LDAP_VERDICT_WRONG },
	{ "no such entry", LDAP_NO_SUCH_OBJECT, NONE, false, "", LDAP_VERDICT_WRONG },
	{ "an entry without a password", LDAP_INAPPROPRIATE_AUTH, NONE, false, "", LDAP_VERDICT_WRONG },
	{ "no DN", LDAP_INVALID_DN_SYNTAX, NONE, false, "", LDAP_VERDICT_WRONG },
	{ "too many wrong ones, of 389", LDAP_CONSTRAINT_VIOLATION, NONE, false, "", LDAP_VERDICT_LOCKED },
	{ "inactivated, or no simple binds at all", LDAP_UNWILLING_TO_PERFORM, NONE, false, "", LDAP_VERDICT_UNWILLING },
	{ "busy", LDAP_BUSY, NONE, false, "", LDAP_VERDICT_AWAY },
	{ "shutting down", LDAP_UNAVAILABLE, NONE, false, "", LDAP_VERDICT_AWAY },
	{ "a connection that broke", LDAP_SERVER_DOWN, NONE, false, "", LDAP_VERDICT_AWAY },
	{ "no answer in time", LDAP_TIMEOUT, NONE, false, "", LDAP_VERDICT_AWAY },
	{ "TLS is asked for", LDAP_CONFIDENTIALITY_REQUIRED, NONE, false, "", LDAP_VERDICT_LATER },
	{ "trouble of the server", LDAP_OTHER, NONE, false, "", LDAP_VERDICT_LATER },
	{ "trouble whose text looks like AD's", LDAP_OTHER, NONE, false, AD("532"), LDAP_VERDICT_LATER },
	{ "trouble with a policy's error", LDAP_OTHER, PP_passwordExpired, true, "", LDAP_VERDICT_LATER },
	{ "a referral", LDAP_REFERRAL, NONE, false, "", LDAP_VERDICT_LATER },
};

static void
an_answer_says_what_the_rows_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct row *r = &rows[i];
		enum ldap_verdict verdict = ldap_policy_judge(&(struct ldap_reply){ r->code, r->policy_error, r->is_expired,
			bytes_text(r->diagnostic) });

		if (verdict != r->want)
			fail_msg("%s: %s", r->name, ldap_verdict_reason(verdict));
	}
}

/* Nobody learns by a wrong password that there is an account. */
static void
who_may_not_know_the_password_is_told_of_by_no_verdict(void **state)
{
	static const enum ldap_verdict unknown[] = { LDAP_VERDICT_LATER, LDAP_VERDICT_AWAY, LDAP_VERDICT_WRONG, LDAP_VERDICT_LOCKED,
		LDAP_VERDICT_UNWILLING };
	size_t count = 0;

	(void)state;
	for (int i = 0; i < LDAP_VERDICTS; i++)
		count += !ldap_verdict_knows((enum ldap_verdict)i);
	assert_int_equal(count, sizeof unknown / sizeof *unknown);
	for (size_t i = 0; i < count; i++)
		assert_false(ldap_verdict_knows(unknown[i]));
}

static void
every_verdict_has_its_sentence(void **state)
{
	(void)state;
	for (int i = 0; i < LDAP_VERDICTS; i++)
		assert_non_null(ldap_verdict_reason((enum ldap_verdict)i));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_says_what_the_rows_say),
		cmocka_unit_test(who_may_not_know_the_password_is_told_of_by_no_verdict),
		cmocka_unit_test(every_verdict_has_its_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
