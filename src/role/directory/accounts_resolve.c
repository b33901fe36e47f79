/* Where an address leads.

   A walk starts at the address asked for and goes into aliases depth first.  Each alias is gone
   into once in a walk (`walk` is the walk that did), so that lists may overlap; meeting one that is still
   open is a loop, unless the address is an account too: so an alias keeps a copy for its own name.
   A walk stops at TARGETS_MAX targets and at ALIAS_DEPTH_MAX.

   What it meets it tells the trace, if somebody watches (accounts_watch). */
#include "config/domain.h"
#include "role/directory/accounts.h"
#include "role/directory/accounts_internal.h"

struct walk {
	struct accounts *a;
	struct targets *out;
	bool is_too_large, has_loop, has_absent;
	bool is_unusable; /* a mailbox without a path */
	bool is_for_sending; /* who may send as the address is asked, not where its mail goes */
	bool is_for_posting; /* who the members of the groups on the way are is asked */
	bool has_group, has_nobody; /* a group; one whose members are not there */
	struct bytes asked; /* as it was written */
	const struct alias *first; /* that it is, or NULL */
	bool is_first_whole; /* with the detail of what was asked */
	struct bytes named; /* the name that was found last; for the trace */
	struct map *foreign; /* the addresses elsewhere that were met; NULL: none */
};

static void expand(struct walk *w, struct bytes address, unsigned int depth);

static void
clear(struct targets *out)
{
	out->count = out->octets = out->absent_count = 0;
}

static struct bytes
source_of(bool is_of_ldap)
{
	return is_of_ldap ? BYTES("LDAP") : BYTES("embedded");
}

/* u8 kind, u64 account, u16 length, address: as in messages.def. */
static size_t
target_octets(struct bytes address)
{
	return 1 + 8 + 2 + address.len;
}

static void
add_target(struct walk *w, const struct account *account, struct bytes address, bool is_onward)
{
	struct targets *out = w->out;

	if (out->count == TARGETS_MAX || out->octets + target_octets(address) > TARGETS_OCTETS_MAX) {
		trace(w->a->trace, TRACE_TOO_MANY, TEXT("address", address));
		w->is_too_large = true;
		return;
	}
	out->octets += target_octets(address);
	out->at[out->count++] = (struct target){ account, address, is_onward };
}

static void
add_account(struct walk *w, struct account *account, struct bytes address, unsigned int depth)
{
	struct bytes own = account_address(account);

	if (account->walk == w->a->walk) {
		trace(w->a->trace, TRACE_HAS_IT, TEXT("address", own), INT("depth", depth));
		return;
	}
	account->walk = w->a->walk;
	trace(w->a->trace, account->path_len ? TRACE_ACCOUNT : TRACE_NO_PATH, TEXT("address", own), INT("depth", depth),
		TEXT("source", account->is_made ? BYTES("made") : source_of(account->is_of_ldap)), TEXT("mailbox", account_path(account)),
		INT("enabled", account->is_enabled));
	if (account->path_len == 0)
		w->is_unusable = true;
	else
		add_target(w, account, address, false);
}

static void
add_foreign(struct walk *w, struct bytes address, bool is_onward)
{
	if (!w->foreign)
		w->foreign = map_new();
	if (!map_put(w->foreign, address, w))
		add_target(w, NULL, address, is_onward);
}

static struct name *
find_exact(const struct accounts *a, struct bytes local, struct bytes domain)
{
	struct address address;

	return address_make(local, domain, &address) ? names_get(a->names, address_bytes(&address)) : NULL;
}

/* The name of the address, else without its detail (the shortest detail first), else what the
   domain has for all others.  found_len: how much of the local part counts. */
static struct name *
find_name(const struct accounts *a, const struct address *address, size_t *found_len)
{
	struct bytes local = address_local(address), domain = address_domain(address);
	struct name *name = names_get(a->names, address_bytes(address));

	*found_len = local.len;
	for (size_t at = local.len; !name && at-- > 1;)
		if (bytes_find_char(a->delimiters, local.ptr[at]) < a->delimiters.len) {
			name = find_exact(a, bytes_sub(local, 0, at), domain);
			*found_len = at;
		}
	if (name)
		return name;
	*found_len = 0;
	return find_exact(a, BYTES_NONE, domain);
}

/* What counts of the address, in *space when that is less than all of it; for who watches alone. */
static void
trace_found(struct walk *w, const struct address *asked, size_t found_len, unsigned int depth, struct address *space)
{
	struct bytes local = address_local(asked);

	w->named = address_bytes(asked);
	if (!w->a->trace || found_len == local.len || !address_make(bytes_sub(local, 0, found_len), address_domain(asked), space))
		return;
	w->named = address_bytes(space);
	trace(w->a->trace, found_len ? TRACE_DETAIL : TRACE_CATCH_ALL, TEXT("asked", address_bytes(asked)), TEXT("address", w->named),
		INT("depth", depth));
}

/* The case of a local part is its host's (RFC 5321 2.4). */
static struct bytes
as_written(const struct walk *w, struct bytes address, unsigned int depth)
{
	return depth == 0 && w->asked.len ? w->asked : address;
}

/* Whose mailbox it is says another server.  is_known: the directory has the address, with its detail if it has one. */
static void
send_on(struct walk *w, struct bytes address, bool is_known, unsigned int depth)
{
	struct bytes written = as_written(w, address, depth), local = bytes_sub(written, 0, bytes_find_last_char(written, '@'));
	bool is_sound = is_known ? bytes_is_dotted(local, CLASS_ATEXT | CLASS_HIGH) : onward_is_plain(local);

	trace(w->a->trace, is_sound ? TRACE_ONWARD : TRACE_NOT_PLAIN, TEXT("address", written), INT("depth", depth));
	if (is_sound)
		add_foreign(w, written, true);
	else
		w->has_absent = true;
}

/* Who may send or post as an address is asked of the accounts here. */
static const struct config_relayed *
find_relayed(const struct walk *w, struct bytes domain)
{
	return w->is_for_sending || w->is_for_posting ? NULL : onward_relayed(w->a->onward, domain);
}

static bool
is_routed(const struct walk *w, struct bytes address)
{
	return !w->is_for_sending && !w->is_for_posting && onward_has_address(w->a->onward, address);
}

static bool
goes_on(const struct walk *w, struct bytes address)
{
	return !w->is_for_sending && !w->is_for_posting && accounts_send_on(w->a, address);
}

static void
expand_alias(struct walk *w, struct alias *alias, unsigned int depth)
{
	struct bytes rest = bytes_of(alias->octets, alias->len), target;
	uint16_t len;

	w->has_group |= alias->rank == ALIAS_GROUP;
	/* Whose members are not there now is not for ever without any. */
	w->has_nobody |= alias->len == 0;
	alias->walk = w->a->walk;
	alias->is_open = true;
	while (!w->is_too_large && take_u16(&rest, &len) && take_octets(&rest, len, &target))
		expand(w, target, depth + 1);
	alias->is_open = false;
}

/* Mail that would be sent on to nobody stays in the mailbox: so none of it is lost, whoever is absent. */
static void
expand_forward(struct walk *w, struct name *name, struct bytes address, unsigned int depth)
{
	bool had_absent = w->has_absent;
	size_t count = w->out->count, absent_count = w->out->absent_count;

	w->has_absent = false;
	expand_alias(w, name->alias, depth);
	if (w->has_absent && w->out->count == count) {
		trace(w->a->trace, TRACE_KEPT, TEXT("address", account_address(name->account)), INT("depth", depth));
		add_account(w, name->account, address, depth);
		w->out->absent_count = absent_count;
	}
	w->has_absent |= had_absent;
}

/* Who has his mail sent on gives nobody his name, and a group only when so configured. */
static bool
is_followed(const struct walk *w, const struct alias *alias)
{
	if (!alias)
		return false;
	if (alias->rank == ALIAS_GROUP)
		return !w->is_for_sending || w->a->may_send_as_group;
	return alias->rank != ALIAS_FORWARD || !(w->is_for_sending || w->is_for_posting);
}

static void
trace_alias(const struct walk *w, const struct alias *alias, unsigned int depth)
{
	static const enum trace_step steps[ALIAS_RANKS] = { [ALIAS_MADE] = TRACE_ALIAS, [ALIAS_LISTED] = TRACE_ALIAS, [ALIAS_GROUP] = TRACE_GROUP,
		[ALIAS_FURTHER] = TRACE_FURTHER, [ALIAS_FORWARD] = TRACE_FORWARD };

	trace(w->a->trace, steps[alias->rank], TEXT("address", w->named), INT("depth", depth),
		TEXT("source", alias->rank == ALIAS_LISTED ? BYTES("file") : source_of(alias->is_of_ldap)), INT("targets", alias->target_count));
}

static void
expand_name(struct walk *w, struct name *name, struct bytes address, bool is_whole, unsigned int depth)
{
	struct alias *alias = is_followed(w, name->alias) ? name->alias : NULL;
	bool is_first;

	if (depth == 0) {
		w->first = alias;
		w->is_first_whole = is_whole;
	}
	if (alias && alias->walk != w->a->walk) {
		trace_alias(w, alias, depth);
		if (alias->rank == ALIAS_FORWARD && name->account)
			expand_forward(w, name, address, depth);
		else
			expand_alias(w, alias, depth);
		return;
	}
	if (alias && !alias->is_open) {
		trace(w->a->trace, TRACE_GONE_INTO, TEXT("address", w->named), INT("depth", depth));
		return;
	}
	/* An alias that names itself lists an address that others have: what was asked for, not what it is called. */
	is_first = alias && alias == w->first;
	if (goes_on(w, as_written(w, address, is_first ? 0 : depth))) {
		send_on(w, address, is_first ? w->is_first_whole : is_whole, is_first ? 0 : depth);
		return;
	}
	if (name->account) {
		add_account(w, name->account, address, depth);
		return;
	}
	trace(w->a->trace, alias ? TRACE_LOOP : TRACE_ABSENT, TEXT("address", address), INT("depth", depth));
	w->has_loop |= alias != NULL;
	w->has_absent |= alias == NULL;
}

static void
note_absent(struct walk *w, struct bytes address, unsigned int depth)
{
	trace(w->a->trace, TRACE_ABSENT, TEXT("address", address), INT("depth", depth));
	w->has_absent = true;
	if (w->out->absent_count < ABSENT_TARGETS_MAX)
		w->out->absent[w->out->absent_count++] = address;
}

/* A target at the host's name.  What goes on is called as the directory has it: nothing else lasts. */
static void
expand_at_host(struct walk *w, const struct address *moved, struct bytes address, unsigned int depth)
{
	size_t found_len;
	struct name *name = find_name(w->a, moved, &found_len);
	struct address found;

	if (!name) {
		note_absent(w, address, depth);
		return;
	}
	trace_found(w, moved, found_len, depth, &found);
	expand_name(w, name, name_address(name), found_len == moved->local_len, depth);
}

static void
expand(struct walk *w, struct bytes address, unsigned int depth)
{
	struct address folded, found;
	const struct config_relayed *relayed;
	struct name *name;
	size_t found_len;

	if (depth > ALIAS_DEPTH_MAX) {
		trace(w->a->trace, TRACE_TOO_DEEP, TEXT("address", address), INT("depth", depth));
		w->is_too_large = true;
		return;
	}
	if (!address_fold(address, &folded)) {
		trace(w->a->trace, TRACE_MALFORMED, TEXT("address", address), INT("depth", depth));
		w->has_absent = true;
		return;
	}
	if (accounts_move_from_host(w->a, &folded)) {
		expand_at_host(w, &folded, address, depth);
		return;
	}
	relayed = find_relayed(w, address_domain(&folded));
	if (!relayed && !accounts_has_domain(w->a, address_domain(&folded))) {
		bool is_sound = address_is_sound(address);

		trace(w->a->trace, is_sound ? TRACE_ELSEWHERE : TRACE_MALFORMED, TEXT("address", address), INT("depth", depth));
		w->has_absent |= !is_sound;
		if (is_sound)
			add_foreign(w, address, false);
		return;
	}
	if (is_routed(w, as_written(w, address, depth))) {
		send_on(w, address, false, depth);
		return;
	}
	name = find_name(w->a, &folded, &found_len);
	if (name) {
		trace_found(w, &folded, found_len, depth, &found);
		expand_name(w, name, address, found_len == folded.local_len, depth);
	} else if (relayed && relayed->takes_any) {
		send_on(w, address, false, depth);
	} else {
		note_absent(w, address, depth);
	}
}

/* An alias's trouble is told once, not for each mail. */
static void
report_trouble(const struct walk *w)
{
	size_t found_len;
	struct name *name = find_name(w->a, &w->out->asked, &found_len);

	if (!(w->is_too_large || w->has_loop || w->has_absent || w->has_nobody) || !name || !name->alias
		|| name->alias->is_reported)
		return;
	name->alias->is_reported = true;
	if (w->is_too_large || w->has_loop)
		event(NULL, EV_ALIAS_LOOP, TEXT("alias", address_bytes(&w->out->asked)),
			STR("reason", w->is_too_large ? "too many or too deep" : "leads to itself"));
	else
		event(NULL, EV_ALIAS_DANGLING, TEXT("alias", address_bytes(&w->out->asked)));
}

/* Reports come from mailer-daemon, and people answer them. */
static bool
is_postmaster(const struct accounts *a, const struct address *address)
{
	struct bytes local = address_local(address);

	if (!take_text(&local, BYTES("postmaster")) && !take_text(&local, BYTES("mailer-daemon")))
		return false;
	return local.len == 0 || bytes_find_char(a->delimiters, local.ptr[0]) < a->delimiters.len;
}

/* asked: the same, as it was written; empty: it is another one.  A postmaster who leads to nobody now is none. */
static enum ipc_outcome
walk_from(struct accounts *a, struct bytes address, struct bytes asked, bool is_for_sending, struct targets *out)
{
	struct walk w = { .a = a, .out = out, .is_for_sending = is_for_sending, .asked = asked };

	a->walk++;
	clear(out);
	expand(&w, address, 0);
	map_free(&w.foreign);
	if (!is_for_sending && !a->trace)
		report_trouble(&w);
	if (w.is_too_large || w.is_unusable)
		return IPC_LATER;
	if (out->count)
		return IPC_OK;
	return (w.has_loop || w.has_nobody) && !is_postmaster(a, &out->asked) ? IPC_LATER : IPC_ABSENT;
}

static enum ipc_outcome
walk_to_postmaster(struct accounts *a, struct bytes address, bool is_for_sending, struct targets *out)
{
	trace(a->trace, TRACE_POSTMASTER, TEXT("address", address));
	return walk_from(a, address, BYTES_NONE, is_for_sending, out);
}

/* The account itself, whatever an alias of its name leads to ("postmaster: root" where nobody is root).  IPC_ABSENT: there is none. */
static enum ipc_outcome
take_account(struct accounts *a, const struct address *address, bool is_for_sending, struct targets *out)
{
	struct walk w = { .a = a, .out = out, .is_for_sending = is_for_sending };
	size_t found_len;
	const struct name *name = find_name(a, address, &found_len);

	clear(out);
	if (!name || !name->account)
		return IPC_ABSENT;
	a->walk++;
	add_account(&w, name->account, account_address(name->account), 0);
	return out->count ? IPC_OK : IPC_LATER;
}

/* To who only asks why it is told, and no account is made. */
static enum ipc_outcome
make_postmaster(struct accounts *a, const struct address *address, struct targets *out)
{
	uint8_t space[ACCOUNT_PATH_MAX];
	struct buf path;

	if (!a->trace) {
		accounts_make(a, address_bytes(address));
		return take_account(a, address, false, out);
	}
	buf_init_fixed(&path, space, sizeof space);
	if (template_put_made_path(&path, &a->template, address, NULL) != 0) {
		trace(a->trace, TRACE_NO_PATH, TEXT("address", address_bytes(address)), STR("source", "made"));
		return IPC_LATER;
	}
	trace(a->trace, TRACE_MADE, TEXT("address", address_bytes(address)), TEXT("mailbox", buf_bytes(&path)));
	return IPC_OK;
}

/* RFC 5321 4.5.1: mail to postmaster is taken at each domain, even where nobody made such a name or it leads to nobody: it goes to
   the account of that name, else to the one that is configured, else to that of the first domain, which is made when need be. */
static enum ipc_outcome
resolve_postmaster(struct accounts *a, bool is_for_sending, struct targets *out)
{
	enum ipc_outcome outcome = take_account(a, &out->asked, is_for_sending, out);
	struct address *first = &out->asked; /* what is found may be a view of it */

	if (outcome == IPC_ABSENT && a->postmaster.len)
		outcome = walk_to_postmaster(a, a->postmaster, is_for_sending, out);
	if (outcome != IPC_ABSENT)
		return outcome;
	if (!address_fold(BYTES("postmaster"), first) || !accounts_add_first_domain(a, first))
		return IPC_LATER;
	outcome = walk_to_postmaster(a, address_bytes(first), is_for_sending, out);
	if (outcome == IPC_ABSENT)
		outcome = take_account(a, first, is_for_sending, out);
	return outcome == IPC_ABSENT && !is_for_sending ? make_postmaster(a, first, out) : outcome;
}

/* RFC 5321 4.5.1: "postmaster" needs no domain.  Nobody else sends as an address that is the host's. */
static bool
fold_asked(const struct accounts *a, struct bytes address, bool is_for_sending, struct address *asked)
{
	if (!address_fold(address, asked) || asked->local_len == 0)
		return false;
	if (asked->local_len == asked->len)
		return is_postmaster(a, asked) && accounts_add_first_domain(a, asked);
	if (!is_for_sending || is_postmaster(a, asked))
		(void)accounts_move_from_host(a, asked);
	return true;
}

/* Is mail for that domain ours to take? */
static bool
is_taken(const struct accounts *a, struct bytes domain, bool is_for_sending)
{
	bool is_relayed = !is_for_sending && onward_relayed(a->onward, domain);

	if (!is_relayed && !accounts_has_domain(a, domain))
		return false;
	trace(a->trace, is_relayed ? TRACE_RELAYED : TRACE_OURS, TEXT("domain", domain));
	return true;
}

static enum ipc_outcome
resolve(struct accounts *a, struct bytes address, bool is_for_sending, struct targets *out)
{
	enum ipc_outcome outcome;

	clear(out);
	if (!a->is_loaded) {
		trace(a->trace, TRACE_NOT_LOADED);
		return IPC_LATER;
	}
	if (!fold_asked(a, address, is_for_sending, &out->asked)) {
		trace(a->trace, TRACE_MALFORMED, TEXT("address", address));
		return IPC_ABSENT;
	}
	if (!bytes_equal(address, address_bytes(&out->asked)))
		trace(a->trace, TRACE_COMPARED_AS, TEXT("address", address_bytes(&out->asked)));
	if (!is_taken(a, address_domain(&out->asked), is_for_sending)) {
		trace(a->trace, TRACE_NOT_OURS, TEXT("domain", address_domain(&out->asked)));
		return IPC_FOREIGN;
	}
	outcome = walk_from(a, address_bytes(&out->asked), address_equal(address, address_bytes(&out->asked)) ? address : BYTES_NONE, is_for_sending, out);
	if (outcome == IPC_ABSENT && is_postmaster(a, &out->asked))
		return resolve_postmaster(a, is_for_sending, out);
	return outcome;
}

bool
accounts_send_on(const struct accounts *a, struct bytes address)
{
	struct address folded;

	return address_fold(address, &folded) && onward_has_domain(a->onward, address, address_domain(&folded));
}

enum ipc_outcome
accounts_resolve(struct accounts *a, struct bytes address, struct targets *out)
{
	return resolve(a, address, false, out);
}

static bool
may_post(const struct accounts *a, const struct account *account, const struct address *asked)
{
	struct address own;

	switch (a->group_posting) {
	case GROUP_POSTING_ANYONE:
		return true;
	case GROUP_POSTING_DOMAIN:
		return account && address_fold(account_address(account), &own)
			&& bytes_equal(address_domain(&own), address_domain(asked));
	case GROUP_POSTING_MEMBERS:
		return account && account->walk == a->walk;
	}
	return false;
}

static void
trace_posting(const struct accounts *a)
{
	static const char *const who[] = { [GROUP_POSTING_ANYONE] = "anyone",
		[GROUP_POSTING_DOMAIN] = "those who logged in with an account of its domain", [GROUP_POSTING_MEMBERS] = "its members who logged in" };

	trace(a->trace, TRACE_POSTING, STR("who", who[a->group_posting]));
}

/* The steps were told when it was resolved. */
static void
walk_for_posting(struct walk *w)
{
	const struct trace *told = w->a->trace;

	w->a->trace = NULL;
	w->a->walk++;
	clear(w->out);
	expand(w, address_bytes(&w->out->asked), 0);
	map_free(&w->foreign);
	w->a->trace = told;
}

/* Of an account that is gone, or of another process of ours: whoever has it is about to hear that it has to log in again. */
static bool
is_stale(const struct accounts *a, uint64_t number)
{
	return number != 0 && !accounts_by_number(a, number);
}

enum ipc_outcome
accounts_may_post(struct accounts *a, uint64_t number, struct bytes address)
{
	struct walk w = { .a = a, .out = a->met, .is_for_posting = true };

	if (a->group_posting == GROUP_POSTING_ANYONE || !fold_asked(a, address, false, &a->met->asked) || is_postmaster(a, &a->met->asked))
		return IPC_OK;
	walk_for_posting(&w);
	if (!w.has_group)
		return IPC_OK;
	trace_posting(a);
	if (w.is_too_large || is_stale(a, number))
		return IPC_LATER;
	return may_post(a, accounts_by_number(a, number), &a->met->asked) ? IPC_OK : IPC_DENIED;
}

enum ipc_outcome
accounts_may_send(struct accounts *a, uint64_t number, struct bytes address)
{
	const struct account *account = accounts_by_number(a, number);
	enum ipc_outcome outcome = resolve(a, address, true, a->met);

	if (outcome == IPC_LATER || is_stale(a, number))
		return IPC_LATER;
	if (outcome != IPC_OK || !account)
		return IPC_DENIED;
	trace(a->trace, account->is_enabled ? TRACE_SENDING : TRACE_MAY_NOT_LOG_IN, TEXT("account", account_address(account)));
	if (!account->is_enabled)
		return IPC_DENIED;
	for (size_t i = 0; i < a->met->count; i++)
		if (a->met->at[i].account == account)
			return IPC_OK;
	trace(a->trace, TRACE_NOT_AMONG, TEXT("account", account_address(account)));
	return IPC_DENIED;
}

const struct targets *
accounts_met(const struct accounts *a)
{
	return a->met;
}
