#include "role/directory/directory_internal.h"
#include "role/directory/explain_internal.h"
#include "role/directory/password.h"
#include "role/directory/scheme.h"

static void
tell_passwords(const struct explaining *e, const struct account *account)
{
	static const char *const how[] = { [PASSWORD_USELESS] = "it can't be compared", [PASSWORD_CHEAP] = "at once", [PASSWORD_DEAR] = "on a thread" };
	struct bytes secret_values = account_secret_password(account);
	struct password_trouble trouble;

	if (account->bind_dn_len) {
		trace(&e->trace, TRACE_BIND, TEXT("entry", account_bind_dn(account)), INT("tried", 0));
		if (ldap_bind_is_away(e->directory->binds))
			trace(&e->trace, TRACE_BIND_AWAY);
		return;
	}
	if (secret_values.len == 0)
		trace(&e->trace, TRACE_NO_PASSWORD, TEXT("account", account_address(account)));
	while (secret_values.len) {
		struct bytes secret_value = take_until(&secret_values, '\0'), scheme = scheme_name(secret_value);
		bool is_useless = password_trouble(secret_value, &trouble);

		trace(&e->trace, TRACE_PASSWORD, TEXT("scheme", scheme.len ? scheme : is_useless ? BYTES("(none)") : BYTES("ARGON2ID")),
			STR("how", is_useless ? trouble.reason : how[password_cost(secret_value)]));
	}
}

static void
tell_state(const struct explaining *e, const struct account *account)
{
	char space[EXPLAIN_TEXT_MAX];
	struct buf by;

	if (account->is_enabled)
		return;
	buf_init_fixed(&by, space, sizeof space);
	if (account->is_of_ldap && e->directory->ldap) {
		put_text(&by, "the attribute ");
		ldap_source_put_state(e->directory->ldap, &by);
	} else {
		put_text(&by, "`mermoz user disable`");
	}
	trace(&e->trace, TRACE_DISABLED_BY, TEXT("account", account_address(account)), TEXT("by", buf_bytes(&by)));
}

static void
tell_account(struct explaining *e, const struct account *account)
{
	trace(&e->trace, account->path_len ? TRACE_ACCOUNT : TRACE_NO_PATH, TEXT("address", account_address(account)),
		STR("source", account->is_made ? "made" : account->is_of_ldap ? "LDAP" : "embedded"), TEXT("mailbox", account_path(account)),
		INT("enabled", account->is_enabled));
	tell_state(e, account);
	tell_passwords(e, account);
	explain_uses_ask(&e->uses, account);
}

/* A bind that can't be tried now is one that has to wait, but for passwords that may be remembered; NULL: it can. */
static const char *
bind_delay(const struct directory *d, const struct account *account)
{
	if (account->bind_dn_len == 0 || d->self->config->ldap_remember_login_s > 0 || !ldap_bind_is_away(d->binds))
		return NULL;
	return "no LDAP server answers, and the password is checked by a bind";
}

/* No password is asked for. */
static const char *
condition_of(const struct directory *d, const struct account *account)
{
	if (account->bind_dn_len == 0)
		return "with the right password";
	return ldap_bind_is_away(d->binds) ? "with a password that is remembered (remember_login)" : "with a password that LDAP takes, which is not tried here";
}

void
explain_login(struct explaining *e, struct bytes name)
{
	struct directory *d = e->directory;
	enum ipc_refusal refusal = REFUSAL_CREDENTIALS;
	enum ipc_outcome outcome = IPC_OK;
	const struct account *account;
	const char *why;

	explain_meet_asked(e, name);
	accounts_watch(d->accounts, &e->trace);
	account = accounts_find(d->accounts, name);
	accounts_watch(d->accounts, NULL);
	if (account)
		tell_account(e, account);
	if ((why = directory_login_delay(d, account)))
		outcome = IPC_LATER;
	else if ((why = directory_login_trouble(d, account, BYTES_NONE, &refusal)))
		outcome = IPC_DENIED;
	else if ((why = directory_login_unplaced(account)) || (why = bind_delay(d, account)))
		outcome = IPC_LATER;
	explain_decide(e, &(struct decision){
		.word = outcome == IPC_OK ? "login" : outcome == IPC_LATER ? "later" : "denied",
		.why = why ? why : condition_of(d, account),
		.is_accepted = outcome == IPC_OK,
		.reply = smtp_reply_of_login(answer_to_smtp_login(outcome, refusal)),
		.imap = answer_to_imap_login(outcome, refusal),
		.has_imap = true,
	});
}
