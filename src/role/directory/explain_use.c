#include "role/directory/explain_use.h"

#include "role/directory/directory_internal.h"

enum { TEXT_OCTETS_MAX = 128 };

void
explain_uses_init(struct explain_uses *u, struct directory *d, const struct trace *told, void (*done)(void *arg), void *arg)
{
	*u = (struct explain_uses){ .directory = d, .told = told, .done = done, .arg = arg, .waiting = 1 };
}

static void
put_quota(struct buf *out, const struct quota *quota)
{
	if (quota->octets)
		put_format(out, "%llu octet(s)", (unsigned long long)quota->octets);
	if (quota->messages)
		put_format(out, "%s%llu message(s)", out->len ? ", " : "", (unsigned long long)quota->messages);
	if (out->len == 0)
		put_text(out, "none");
}

/* As the store answers MAY_DELIVER of a message whose size is not known. */
static void
note_room(struct explain_uses *u, const struct quota *quota, const struct ipc_use *use)
{
	if (quota->octets == 0 && quota->messages == 0)
		return;
	if (!use || use->outcome != IPC_OK)
		u->untold++;
	else
		u->full += (quota->octets && use->octets >= quota->octets) || (quota->messages && use->messages >= quota->messages);
}

static void
tell(struct explain_uses *u, const struct account *account, const struct ipc_use *use)
{
	struct bytes home = accounts_home(u->directory->accounts, account);
	char space[TEXT_OCTETS_MAX];
	struct buf quota;

	buf_init_fixed(&quota, space, sizeof space);
	put_quota(&quota, &account->quota);
	note_room(u, &account->quota, use);
	if (use && use->outcome == IPC_OK)
		trace(u->told, TRACE_USE, TEXT("account", account_address(account)), INT("octets", use->octets), INT("messages", use->messages),
			TEXT("quota", buf_bytes(&quota)), TEXT("home", home), INT("quota_octets", account->quota.octets),
			INT("quota_messages", account->quota.messages));
	else
		trace(u->told, TRACE_NO_USE, TEXT("account", account_address(account)), TEXT("quota", buf_bytes(&quota)), TEXT("home", home),
			INT("quota_octets", account->quota.octets), INT("quota_messages", account->quota.messages));
}

void
explain_uses_end(struct explain_uses *u)
{
	if (--u->waiting == 0)
		u->done(u->arg);
}

static void
answered(void *arg, const struct message *m)
{
	struct explain_use *use = arg;
	struct explain_uses *u = use->uses;
	const struct account *account = accounts_by_number(u->directory->accounts, use->account);

	use->request = 0;
	if (account)
		tell(u, account, m ? &m->u.use : NULL);
	explain_uses_end(u);
}

void
explain_uses_ask(struct explain_uses *u, const struct account *account)
{
	struct peer *store = u->directory->store;
	struct message m = { .type = MESSAGE_ASK_USE };
	struct explain_use *use;

	if (u->count == EXPLAIN_USES_MAX || account->path_len == 0)
		return;
	if (!store) {
		tell(u, account, NULL);
		return;
	}
	use = &u->at[u->count++];
	*use = (struct explain_use){ u, peer_request_id(store), account->number };
	u->waiting++;
	m.u.ask_use.request = use->request;
	m.u.ask_use.path = account_path(account);
	peer_request(store, &m, use->request, u->directory->self->config->request_timeout_ms, answered, use);
}

void
explain_uses_forget(struct explain_uses *u)
{
	for (size_t i = 0; i < u->count; i++)
		if (u->at[i].request)
			peer_forget(u->directory->store, u->at[i].request);
}
