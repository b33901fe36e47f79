/* A log-in is decided in three steps: the account is looked up, its password is tried (on a thread, unless
   it was right a moment ago), and then - with the account looked up again, because it may have changed
   meanwhile - the store is told, and the front after it.

   Whatever is wrong with the name is only said after a password was tried, so that the time tells nothing.  Where
   accounts keep passwords in different schemes, a refusal takes as long as the account's own; so a name that has no
   account, or none with a password, is tried against that of an account that is drawn by a keyed digest of the name: with
   many such names the times are spread as those of accounts are, and one such name always takes the same time.

   An account of LDAP whose password can't be compared is tried by a bind (ldap_bind.h), and so is a name for which such an
   account is drawn. */
#include "base/map.h"
#include "base/memory.h"
#include "role/directory/directory_internal.h"
#include "role/directory/guesses.h"
#include "role/directory/password.h"

#include <arpa/inet.h>

struct login {
	struct directory *directory;
	struct login *next;
	struct peer *front; /* NULL: gone, nobody waits */
	uint64_t request, session, account; /* account 0: there is none of that name */
	enum ipc_service service;
	const char *trouble; /* what is wrong whatever the password; NULL: nothing */
	enum ipc_refusal refusal; /* what the client hears of it, when the password is right */
	const char *note; /* for the administrator, of a log-in that succeeds; borrowed while it is decided */
	bool is_spoiled; /* the account changed while the password was tried */
	struct arena *arena; /* the texts */
	struct bytes user, mechanism, remote, local, tls, application;
	struct bytes party;
};

enum { TEXTS_MAX = 4096 };

static struct bytes
keep(struct login *login, struct bytes text)
{
	struct bytes copy;

	return arena_copy(login->arena, text, &copy) ? copy : BYTES_NONE;
}

/* "192.0.2.1:4000", "[2001:db8::1]:4000", or without the port. */
static struct bytes
host_of(struct bytes remote)
{
	if (take_char(&remote, '['))
		return take_until(&remote, ']');
	if (bytes_find_char(remote, ':') == bytes_find_last_char(remote, ':'))
		return take_until(&remote, ':');
	return remote;
}

/* Whose share of the queue it takes, and whose wrong passwords are counted together: an address of IPv4, the network of one of IPv6.  Programs of this machine, and
   what is no address, speak for many and have none. */
static struct bytes
party_of(struct bytes remote, uint8_t space[sizeof(struct in6_addr)])
{
	struct bytes host = host_of(remote);
	char text[INET6_ADDRSTRLEN];
	struct buf b;

	buf_init_fixed(&b, text, sizeof text);
	put_bytes(&b, host);
	put_char(&b, '\0');
	if (b.has_failed)
		return BYTES_NONE;
	if (inet_pton(AF_INET, text, space) == 1)
		return space[0] == IN_LOOPBACKNET ? BYTES_NONE : bytes_of(space, sizeof(struct in_addr));
	if (inet_pton(AF_INET6, text, space) != 1 || bytes_equal(bytes_of(space, sizeof in6addr_loopback), bytes_of(&in6addr_loopback, sizeof in6addr_loopback)))
		return BYTES_NONE;
	return bytes_of(space, sizeof(struct in6_addr) / 2);
}

static struct login *
new_login(struct directory *d, struct peer *front, const struct ipc_log_in *m)
{
	struct login *login = NEW(struct login);
	uint8_t space[sizeof(struct in6_addr)];

	login->arena = arena_new("log-in", TEXTS_MAX, ARENA_PLAIN);
	login->directory = d;
	login->front = front;
	login->request = m->request;
	login->session = m->session;
	login->service = (enum ipc_service)m->service;
	login->user = keep(login, m->name);
	login->mechanism = keep(login, m->mechanism);
	login->remote = keep(login, m->remote);
	login->party = keep(login, party_of(m->remote, space));
	login->local = keep(login, m->local);
	login->tls = keep(login, m->tls);
	login->application = keep(login, m->application);
	login->next = d->logins;
	d->logins = login;
	return login;
}

static void
free_login(struct login *login)
{
	struct login **at = &login->directory->logins;

	while (*at != login)
		at = &(*at)->next;
	*at = login->next;
	arena_free(&login->arena);
	memory_free(login);
}

/* What another program says of its user is in the place of what we know ourselves, and `via` says so.  reason: NULL
   for none. */
static void
report(const struct login *login, enum event_id id, const char *reason)
{
	const struct event_context context = { .session = login->session };
	const char *service = ipc_service_name(login->service);
	const struct event_field fields[] = {
		TEXT("user", login->user),
		TEXT("service", login->application.len ? login->application : bytes_text(service)),
		TEXT("method", login->mechanism),
		TEXT("remote", login->remote),
		TEXT("local", login->local),
		TEXT("tls", login->tls),
		INT("front", peer_index(login->front)),
		TEXT("via", bytes_text(login->application.len ? service : "")),
		{ reason ? FIELD_TEXT : FIELD_END, "reason", bytes_text(reason), 0 },
		{ FIELD_END, NULL, BYTES_NONE, 0 },
	};

	event_emit(&context, id, fields);
}

static void
answer(struct login *login, enum ipc_outcome outcome, const struct account *account)
{
	struct message m = { .type = MESSAGE_LOGGED_IN };

	m.u.logged_in.request = login->request;
	m.u.logged_in.outcome = (uint8_t)outcome;
	m.u.logged_in.refusal = outcome == IPC_DENIED ? (uint8_t)login->refusal : REFUSAL_CREDENTIALS;
	if (outcome == IPC_OK) {
		m.u.logged_in.account = account->number;
		m.u.logged_in.address = account_address(account);
	}
	/* A front that can't be told is gone; nobody waits. */
	if (peer_send(login->front, &m) != 0)
		login->front = NULL;
}

static void
put_off(struct login *login, const char *reason)
{
	report(login, EV_LOGIN_LATER, reason);
	answer(login, IPC_LATER, NULL);
}

static void
refuse(struct login *login, const char *reason)
{
	struct directory *d = login->directory;

	if (login->refusal == REFUSAL_CREDENTIALS)
		guesses_note(d->guesses, login->party, d->self->config->login_failures_per_address_max, loop_now(d->self->loop).mono_us);
	report(login, EV_LOGIN_FAILED, reason);
	answer(login, IPC_DENIED, NULL);
}

const char *
directory_login_unplaced(const struct account *account)
{
	return account->path_len ? NULL : "the mailbox template gives no path for the account";
}

/* Those who submit mail have no business with mailboxes. */
static bool
uses_mailboxes(enum ipc_service service)
{
	return service == SERVICE_IMAP || service == SERVICE_IMAPS;
}

static void
accept_login(struct login *login, const struct account *account)
{
	struct directory *d = login->directory;

	login->user = account_address(account);
	if (directory_login_unplaced(account)) {
		put_off(login, directory_login_unplaced(account));
	} else if (uses_mailboxes(login->service)
		&& !grantor_give_session(d->grants, peer_index(login->front), login->session, account)) {
		put_off(login, "the store could not be told");
	} else {
		report(login, EV_LOGIN, login->note);
		answer(login, IPC_OK, account);
	}
}

/* The administrator hears why a password that may be right was not taken. */
static void
report_unusable(const struct account *account)
{
	struct password_trouble trouble;

	if (password_trouble(account_secret_password(account), &trouble))
		event(NULL, EV_PASSWORD_UNUSABLE, TEXT("account", account_address(account)),
			TEXT("scheme", trouble.scheme), STR("reason", trouble.reason));
}

/* What became of the password. */
struct finding {
	bool is_known; /* who asks knows the account's */
	const char *reason; /* not to let them in; NULL: there is none */
	enum ipc_refusal refusal; /* what the client hears of that reason */
};

static void
decide(struct login *login, const struct finding *f)
{
	const struct account *account = accounts_by_number(login->directory->accounts, login->account);
	const char *delay = directory_login_delay(login->directory, account);

	/* Who does not know the password hears of nothing else. */
	if (!f->is_known)
		login->refusal = REFUSAL_CREDENTIALS;
	else if (!login->trouble)
		login->refusal = f->refusal;
	if (login->is_spoiled)
		put_off(login, "the account changed at this moment");
	else if (delay)
		put_off(login, delay);
	else if (login->trouble)
		refuse(login, login->trouble);
	else if (f->reason || !account)
		refuse(login, f->reason ? f->reason : "the account is gone");
	else
		accept_login(login, account);
}

static void
on_tried(void *arg, bool is_right)
{
	struct login *login = arg;
	const struct account *account = accounts_by_number(login->directory->accounts, login->account);

	if (!is_right && account)
		report_unusable(account);
	if (login->front)
		decide(login, &(struct finding){ is_right, is_right ? NULL : "wrong password", REFUSAL_CREDENTIALS });
	free_login(login);
}

static void
decide_by_bind(struct login *login, const struct ldap_bind_answer *a)
{
	switch (a->verdict) {
	case LDAP_VERDICT_LATER:
	case LDAP_VERDICT_AWAY:
	case LDAP_VERDICTS:
		put_off(login, a->reason);
		break;
	case LDAP_VERDICT_RIGHT:
		login->note = a->reason[0] ? a->reason : NULL;
		decide(login, &(struct finding){ .is_known = true });
		break;
	case LDAP_VERDICT_WRONG:
	case LDAP_VERDICT_LOCKED:
	case LDAP_VERDICT_UNWILLING:
		decide(login, &(struct finding){ false, a->reason, REFUSAL_CREDENTIALS });
		break;
	case LDAP_VERDICT_EXPIRED:
	case LDAP_VERDICT_MUST_CHANGE:
		decide(login, &(struct finding){ true, a->reason, REFUSAL_EXPIRED });
		break;
	case LDAP_VERDICT_DISABLED:
	case LDAP_VERDICT_ACCOUNT_EXPIRED:
	case LDAP_VERDICT_RESTRICTED:
		decide(login, &(struct finding){ true, a->reason, REFUSAL_DISABLED });
		break;
	}
}

static void
on_bound(void *arg, const struct ldap_bind_answer *a)
{
	struct login *login = arg;

	if (login->front)
		decide_by_bind(login, a);
	free_login(login);
}

const char *
directory_login_delay(const struct directory *d, const struct account *account)
{
	if (!accounts_are_loaded(d->accounts))
		return "the directory could not be read yet";
	if (!account && !directory_is_sure(d))
		return d->retry_ms ? "the embedded directory can't be read, and no such account is known" : "no LDAP server answers, and the copy has no such account";
	return NULL;
}

const char *
directory_login_trouble(const struct directory *d, const struct account *account, struct bytes authorize_as, enum ipc_refusal *refusal)
{
	*refusal = REFUSAL_CREDENTIALS;
	if (!account || account->is_made)
		return "there is no such account";
	if (!account_may_log_in(account))
		return account->password_len ? "the account's password can't be compared" : "the account has no password";
	*refusal = REFUSAL_DISABLED;
	if (!account->is_enabled)
		return "the account is disabled";
	*refusal = REFUSAL_NOT_AUTHORIZED;
	if (authorize_as.len && accounts_find(d->accounts, authorize_as) != account)
		return "may not act for another account";
	*refusal = REFUSAL_CREDENTIALS;
	return NULL;
}

/* Whose password stands in for that of a name that has none; looked up in any case, so that not even that takes longer. */
static const struct account *
choose_tried(struct directory *d, const struct account *account, struct bytes name)
{
	const struct account *drawn = accounts_draw(d->accounts, map_hash(name));

	return account && account_may_log_in(account) ? account : drawn;
}

static void
try_by_bind(struct login *login, const struct ldap_bind_question *q)
{
	struct ldap_bind_answer answer;

	if (!ldap_bind_try(login->directory->binds, q, &answer, on_bound, login))
		on_bound(login, &answer);
}

static void
try_by_comparison(struct login *login, const struct verifier_question *q)
{
	enum verifier_result result = verifier_try(login->directory->verifier, q, on_tried, login);

	switch (result) {
	case VERIFIER_RIGHT:
	case VERIFIER_WRONG:
		on_tried(login, result == VERIFIER_RIGHT);
		break;
	case VERIFIER_PENDING:
		break;
	case VERIFIER_BUSY:
		put_off(login, "too many log-ins at once");
		free_login(login);
		break;
	}
}

static void
try_password(struct login *login, const struct account *account, const struct ipc_log_in *m)
{
	struct directory *d = login->directory;
	struct address folded;
	struct bytes name = accounts_fold_name(d->accounts, m->name, &folded);
	const struct account *tried = choose_tried(d, account, name);
	bool is_decoy = !account || tried != account;

	if (tried && tried->bind_dn_len)
		try_by_bind(login, &(struct ldap_bind_question){ is_decoy ? 0 : login->account, account_bind_dn(tried),
			m->secret_password, login->party, is_decoy });
	else
		try_by_comparison(login, &(struct verifier_question){ name, tried ? account_secret_password(tried) : BYTES_NONE,
			m->secret_password, login->party, is_decoy });
}

void
directory_log_in(struct directory *d, struct peer *front, const struct ipc_log_in *m)
{
	const struct account *account = accounts_find(d->accounts, m->name);
	struct login *login = new_login(d, front, m);

	if (!accounts_are_loaded(d->accounts)) {
		put_off(login, "the directory could not be read yet");
		free_login(login);
		return;
	}
	if (!guesses_may_try(d->guesses, login->party, d->self->config->login_failures_per_address_max, loop_now(d->self->loop).mono_us)) {
		put_off(login, "too many wrong passwords from that address");
		free_login(login);
		return;
	}
	login->account = account ? account->number : 0;
	login->trouble = directory_login_trouble(d, account, m->authorize_as, &login->refusal);
	try_password(login, account, m);
}

void
directory_spoil_logins(struct directory *d, uint64_t account)
{
	for (struct login *login = d->logins; login; login = login->next)
		if (login->account == account)
			login->is_spoiled = true;
}

void
directory_forget_logins(struct directory *d, const struct peer *front)
{
	for (struct login *login = d->logins; login; login = login->next)
		if (login->front == front)
			login->front = NULL;
}

void
directory_free_logins(struct directory *d)
{
	while (d->logins)
		free_login(d->logins);
}
