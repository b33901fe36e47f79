#include "role/directory/directory.h"

#include "base/memory.h"
#include "role/directory/alias_files.h"
#include "role/directory/directory_internal.h"
#include "role/directory/guesses.h"
#include "role/directory/image.h"
#include "role/directory/snapshot.h"
#include "sys/disk.h"
#include "sys/process.h"
#include "sys/time.h"

#include <errno.h>

enum { RETRY_FIRST_MS = 1000, RETRY_LAST_MS = 30000, THREADS_MAX = 8, PATH_OCTETS_MAX = 4096 };

/* ---- loading */

static void
on_domain(void *arg, struct bytes name)
{
	accounts_put_domain(arg, name);
}

static void
on_user(void *arg, const struct user_record *record)
{
	accounts_put_user(arg, record);
}

static void
on_alias(void *arg, const struct alias_record *record)
{
	accounts_put_alias(arg, record);
}

/* The first time the file is made.  Later, one that is not there is about to be put back, and says nothing of who there is. */
static int
open_source(struct directory *d, struct fault *f)
{
	char path[PATH_OCTETS_MAX];
	struct stat st;
	struct buf b;

	if (d->embedded && !embedded_has_moved(d->embedded))
		return 0;
	embedded_close(&d->embedded);
	buf_init_fixed(&b, path, sizeof path);
	put_bytes(&b, d->self->config->directory_embedded_file);
	put_char(&b, '\0');
	if (b.has_failed)
		return fault_set(f, FAULT_PERM, "the path of the directory's file is too long");
	if (accounts_are_loaded(d->accounts) && disk->fstatat(AT_FDCWD, path, &st, 0) != 0)
		return fault_errno(f, errno, "%s", path);
	return embedded_open(path, &d->embedded, f);
}

bool
directory_visit_ldap(const struct directory *d, const struct image_visitor *visitor, void *arg)
{
	if (d->ldap_records)
		return image_visit_run(d->ldap_records, visitor, arg);
	return d->ldap && ldap_source_visit(d->ldap, visitor, arg);
}

/* After each change of accounts, domains or aliases. */
static void
tell_fronts_of_change(struct directory *d)
{
	struct message m = { .type = MESSAGE_ANSWERS_CHANGED };

	for (size_t i = 0; i < ROLE_INSTANCES_MAX; i++)
		if (d->fronts[i] && peer_send(d->fronts[i], &m) != 0)
			d->fronts[i] = NULL;
}

/* False: LDAP was not read yet, so that nobody is known to be unknown. */
static bool
load_ldap(struct directory *d)
{
	static const struct image_visitor visitor = { on_user, on_alias, NULL };

	return !d->ldap_is_wanted || directory_visit_ldap(d, &visitor, d->accounts);
}

static void
update_user(void *arg, const struct user_record *record)
{
	accounts_update_user(arg, record);
}

static void
on_ldap_hurried(void *arg, struct bytes records)
{
	static const struct image_visitor visitor = { update_user, NULL, NULL };
	struct directory *d = arg;

	(void)image_visit(records, &visitor, d->accounts); /* they are our own */
	tell_fronts_of_change(d);
}

/* A source that failed is opened anew the next time. */
static int
read_source(struct directory *d, bool *is_whole, struct fault *f)
{
	static const struct embedded_visitor visitor = { on_domain, on_user, on_alias };

	if (open_source(d, f) != 0)
		return -1;
	accounts_begin(d->accounts);
	alias_files_put(d->accounts, d->self->config);
	if (embedded_visit(d->embedded, &visitor, d->accounts, f) != 0) {
		accounts_abandon(d->accounts);
		embedded_close(&d->embedded);
		tell_fronts_of_change(d);
		return -1;
	}
	*is_whole = load_ldap(d);
	if (*is_whole)
		accounts_end(d->accounts);
	else
		accounts_abandon(d->accounts);
	tell_fronts_of_change(d);
	if (*is_whole && d->ldap)
		on_ldap_hurried(d, ldap_source_hurried(d->ldap));
	return 0;
}

static void
retry_later(struct directory *d)
{
	d->retry_ms = d->retry_ms == 0 ? RETRY_FIRST_MS : d->retry_ms * 2;
	if (d->retry_ms > RETRY_LAST_MS)
		d->retry_ms = RETRY_LAST_MS;
	timer_start(&d->retry, d->retry_ms, 0);
}

int
directory_load(struct directory *d, struct fault *f)
{
	int64_t before_us = time_now().mono_us;
	struct accounts_counts counts;
	bool is_whole;

	if (read_source(d, &is_whole, f) != 0) {
		event(NULL, EV_DIRECTORY_FAILED, STR("reason", f->text));
		retry_later(d);
		return -1;
	}
	timer_stop(&d->retry);
	d->retry_ms = 0;
	if (!is_whole)
		return 0;
	d->loaded_us = time_now().mono_us;
	counts = accounts_count(d->accounts);
	event(NULL, EV_DIRECTORY_LOADED, INT("accounts", counts.accounts), INT("aliases", counts.aliases),
		INT("domains", counts.domains), INT("ms", (d->loaded_us - before_us) / 1000));
	return 0;
}

static void
on_retry(struct timer *timer)
{
	struct directory *d =
		(struct directory *)((uint8_t *)timer - offsetof(struct directory, retry));
	struct fault f;

	directory_load(d, &f);
}

static void
on_ldap_changed(void *arg, const struct run *records, bool is_old)
{
	struct directory *d = arg;
	struct fault f;

	if (is_old)
		event(NULL, EV_SNAPSHOT_USED, INT("octets", run_octets(records)));
	d->ldap_records = records;
	(void)directory_load(d, &f); /* if it can't be, the administrator was told, and it is tried again */
	d->ldap_records = NULL;
}

static void
withdraw_user(void *arg, const struct user_record *record)
{
	accounts_withdraw(arg, record->address);
}

static void
withdraw_alias(void *arg, const struct alias_record *record)
{
	accounts_withdraw(arg, record->address);
}

bool
directory_change(struct accounts *a, const struct change *change)
{
	static const struct image_visitor withdraw = { withdraw_user, withdraw_alias, NULL }, put = { on_user, on_alias, NULL };
	struct bytes gone = buf_bytes(&change->gone), name;

	accounts_begin_change(a);
	while (image_take_member(&gone, &name))
		accounts_withdraw(a, name);
	/* They are our own. */
	(void)image_visit(buf_bytes(&change->records), &withdraw, a);
	(void)image_visit(buf_bytes(&change->records), &put, a);
	return accounts_end_change(a);
}

static void
on_ldap_changed_in_part(void *arg, const struct change *change)
{
	struct directory *d = arg;
	int64_t before_us = time_now().mono_us;
	struct fault f;
	bool is_in_force;

	/* What was never loaded is when its time has come. */
	if (!accounts_are_loaded(d->accounts))
		return;
	is_in_force = directory_change(d->accounts, change);
	tell_fronts_of_change(d);
	if (is_in_force)
		event(NULL, EV_DIRECTORY_CHANGED, INT("us", time_now().mono_us - before_us));
	else
		(void)directory_load(d, &f);
}

static void
start_ldap(struct directory *d)
{
	static const struct ldap_source_handlers handlers = { on_ldap_changed, on_ldap_changed_in_part, on_ldap_hurried };
	struct fault f;

	if (!d->ldap_is_wanted)
		return;
	d->binds = ldap_bind_new(d->self->loop, d->self->config);
	d->state_directory = snapshot_directory(d->self->config, &f);
	d->ldap = ldap_source_new(d->self->loop, d->self->config, d->state_directory, &handlers, d);
}

/* ---- what changed */

static const char *
name_of_change(enum account_change change)
{
	switch (change) {
	case ACCOUNT_REMOVED:
		return "removed";
	case ACCOUNT_DISABLED:
		return "disabled";
	case ACCOUNT_PASSWORD:
		return "password";
	case ACCOUNT_MOVED:
		return "moved";
	case ACCOUNT_QUOTA:
	case ACCOUNT_EDITED:
		break;
	}
	return "";
}

static void
on_changed(void *arg, const struct account *account, enum account_change change)
{
	struct directory *d = arg;
	struct message m = { .type = MESSAGE_ACCOUNT_GONE, .u.account_gone.account = account->number };

	if (change == ACCOUNT_QUOTA) {
		grantor_tell_quota(d->grants, account);
		return;
	}
	if (d->binds)
		ldap_bind_forget(d->binds, account->number);
	if (change == ACCOUNT_EDITED)
		return;
	event(NULL, EV_ACCOUNT_CHANGED, TEXT("account", account_address(account)),
		STR("what", name_of_change(change)));
	directory_spoil_logins(d, account->number);
	grantor_revoke(d->grants, account, change == ACCOUNT_REMOVED);
	for (size_t i = 0; i < ROLE_INSTANCES_MAX; i++)
		if (d->fronts[i] && peer_send(d->fronts[i], &m) != 0)
			d->fronts[i] = NULL;
}

/* ---- the command line */

static int
on_reload_command(void *arg, struct fault *f)
{
	return directory_load(arg, f);
}

static void
on_status_command(void *arg, struct buf *out)
{
	const struct directory *d = arg;
	struct accounts_counts counts = accounts_count(d->accounts);

	put_format(out, "accounts=%zu aliases=%zu domains=%zu source=%s is_loaded=%d age_s=%lld",
		counts.accounts, counts.aliases, counts.domains, d->ldap ? "embedded+ldap" : "embedded", accounts_are_loaded(d->accounts),
		d->loaded_us ? (long long)((time_now().mono_us - d->loaded_us) / 1000000) : -1);
	if (!d->ldap)
		return;
	put_format(out, " by_bind=%zu", counts.by_bind);
	ldap_bind_put_status(d->binds, out);
	ldap_source_put_status(d->ldap, out);
}

static void
on_question(void *arg, struct control_question *question, struct bytes line)
{
	struct directory *d = arg;

	if (copy_question_is(line))
		copy_questions_add(d->copies, d->ldap, question);
	else
		explain(d, question, line);
}

/* ---- hooks */

static const struct accounts_handlers accounts_handlers = { on_changed };
static const struct control_handlers control_handlers = { on_reload_command, on_status_command, on_question };

static bool
is_sure(const void *arg)
{
	return directory_is_sure(arg);
}

static bool
confirm(void *arg, struct bytes name, void (*sure)(void *arg, bool is_sure), void *sure_arg)
{
	return directory_confirm(arg, name, sure, sure_arg);
}

static const struct userdb_certainty certainty = { is_sure, confirm };

static size_t
thread_count(void)
{
	long cores = process_cores();

	return cores < 1 ? 1 : cores > THREADS_MAX ? THREADS_MAX : (size_t)cores;
}

/* In the jail there is no list of users any more. */
static int
before_jail(struct role_self *r, struct fault *f)
{
	struct directory *d = NEW(struct directory);

	r->state = d;
	process_own_user(&d->store_uid, &d->store_gid);
	return process_is_root() ? process_find_user(r->config->user_store, &d->store_uid, &d->store_gid, f) : 0;
}

/* A source that can't be read now is no reason not to start: what is asked meanwhile is "later". */
static int
on_start(struct role_self *r, struct fault *f)
{
	struct directory *d = r->state;
	struct fault load_fault;

	(void)f;
	memory_give_back_early();
	d->self = r;
	d->accounts = accounts_new(r->config, &accounts_handlers, d);
	d->targets = NEW(struct targets);
	d->verifier = verifier_new(r->loop, thread_count());
	d->guesses = guesses_new();
	d->grants = grantor_new();
	d->copies = copy_questions_new(r->loop);
	d->control = control_new(r->loop, &control_handlers, d);
	d->userdb = userdb_new(r->loop, d->accounts, d->store_uid, d->store_gid);
	userdb_ask_certainty(d->userdb, &certainty, d);
	timer_init(&d->retry, r->loop, on_retry);
	d->state_directory = -1;
	d->ldap_is_wanted = r->config->ldap_servers.count > 0;
	directory_load(d, &load_fault);
	start_ldap(d);
	return 0;
}

static int
on_reload(struct role_self *r, const struct config *old, struct fault *f)
{
	struct directory *d = r->state;

	accounts_configure(d->accounts, r->config);
	if (directory_load(d, f) == 0)
		return 0;
	accounts_configure(d->accounts, old);
	return -1;
}

static void
on_listen(struct role_self *r, const struct role_listener *l)
{
	struct directory *d = r->state;

	if (l->service == SERVICE_CONTROL)
		control_listen(d->control, l->fd);
	else if (l->service == SERVICE_AUTH_USERDB)
		userdb_listen(d->userdb, l);
}

static void
on_unlisten(struct role_self *r, const struct role_listener *l)
{
	struct directory *d = r->state;

	if (l->service == SERVICE_CONTROL)
		control_unlisten(d->control);
	else if (l->service == SERVICE_AUTH_USERDB)
		userdb_unlisten(d->userdb, l);
}

static void
on_peer_connected(struct role_self *r, struct peer *p)
{
	struct directory *d = r->state;
	uint8_t index = peer_index(p);

	if (peer_role(p) == ROLE_STORE) {
		grantor_use_store(d->grants, p);
		d->store = p;
		tell_fronts_of_change(d); /* it knows nothing of what was granted */
	} else if (peer_role(p) == ROLE_QUEUE) {
		grantor_forget_front(d->grants, grantee_of(p));
	} else if (peer_role(p) == ROLE_FRONT && index < ROLE_INSTANCES_MAX) {
		grantor_forget_front(d->grants, index);
		d->fronts[index] = p;
	}
}

static void
on_peer_lost(struct role_self *r, struct peer *p)
{
	struct directory *d = r->state;
	uint8_t index = peer_index(p);

	if (peer_role(p) == ROLE_STORE) {
		grantor_use_store(d->grants, NULL);
	} else if (peer_role(p) == ROLE_QUEUE) {
		grantor_forget_front(d->grants, grantee_of(p));
		directory_forget_unknowns(d, p);
	} else if (peer_role(p) == ROLE_FRONT && index < ROLE_INSTANCES_MAX) {
		grantor_forget_front(d->grants, index);
		directory_forget_logins(d, p);
		directory_forget_unknowns(d, p);
		d->fronts[index] = NULL;
	}
}

static void
on_message(struct role_self *r, struct peer *p, const struct message *m)
{
	struct directory *d = r->state;

	if (m->type == MESSAGE_RESOLVE)
		directory_resolve(d, p, &m->u.resolve);
	else if (m->type == MESSAGE_LOG_IN)
		directory_log_in(d, p, &m->u.log_in);
	else if (m->type == MESSAGE_MAY_SEND)
		directory_ask_may_send(d, p, &m->u.may_send);
}

static void
on_retry_closed(struct timer *timer)
{
	struct directory *d =
		(struct directory *)((uint8_t *)timer - offsetof(struct directory, retry));

	memory_free(d);
}

static void
on_end(struct role_self *r)
{
	struct directory *d = r->state;

	if (!d)
		return;
	r->state = NULL;
	verifier_free(&d->verifier);
	guesses_free(&d->guesses);
	ldap_bind_free(&d->binds);
	directory_free_logins(d);
	control_free(&d->control);
	copy_questions_free(&d->copies);
	userdb_free(&d->userdb);
	ldap_source_free(&d->ldap);
	directory_free_unknowns(d);
	explain_free_all(d);
	disk_close(&d->state_directory);
	embedded_close(&d->embedded);
	accounts_free(&d->accounts);
	memory_free(d->targets);
	grantor_free(&d->grants);
	timer_close(&d->retry, on_retry_closed);
}

const struct role_hooks directory_hooks = {
	.before_jail = before_jail,
	.start = on_start,
	.reload = on_reload,
	.listen = on_listen,
	.unlisten = on_unlisten,
	.peer_connected = on_peer_connected,
	.message = on_message,
	.peer_lost = on_peer_lost,
	.end = on_end,
};
