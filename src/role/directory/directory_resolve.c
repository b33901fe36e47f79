/* RESOLVE: where an address leads.  One that we don't know is only unknown when LDAP was looked at after it was asked
   for; until then, and when no server answers, it is "later". */
#include "base/map.h"
#include "base/memory.h"
#include "role/directory/directory_internal.h"
#include "sys/time.h"

#include <string.h>

enum { UNKNOWNS_MAX = 4096, ABSENT_US = 2000000 };

/* An address that waits. */
struct unknown {
	struct directory *directory;
	struct unknown *next;
	struct peer *front; /* NULL: gone, nobody waits */
	uint64_t request, account;
	size_t len;
	uint8_t address[];
};

static enum ipc_outcome
put_targets(struct directory *d, uint8_t front, const struct targets *targets, struct buf *out)
{
	for (size_t i = 0; i < targets->count; i++) {
		const struct target *t = &targets->at[i];

		if (t->account && !grantor_give_delivery(d->grants, front, t->account))
			return IPC_LATER;
		put_u8(out, t->account ? TARGET_MAILBOX : TARGET_FOREIGN);
		put_u64(out, t->account ? t->account->number : 0);
		put_u16(out, (uint16_t)t->address.len);
		put_bytes(out, t->address);
	}
	return out->has_failed ? IPC_LATER : IPC_OK;
}

static void
answer(struct directory *d, struct peer *front, uint64_t request, enum ipc_outcome outcome,
	const struct targets *targets)
{
	struct message m = { .type = MESSAGE_RESOLVED };
	struct buf out;

	buf_init(&out, TARGETS_OCTETS_MAX);
	if (outcome == IPC_OK)
		outcome = put_targets(d, grantee_of(front), targets, &out);
	m.u.resolved.request = request;
	m.u.resolved.outcome = (uint8_t)outcome;
	m.u.resolved.targets = outcome == IPC_OK ? buf_bytes(&out) : BYTES_NONE;
	/* A front that can't be told is gone; nobody waits. */
	if (peer_send(front, &m) != 0)
		buf_reset(&out);
	buf_done(&out);
}

static enum ipc_outcome
resolve(struct directory *d, struct bytes address, uint64_t account, struct targets *targets)
{
	enum ipc_outcome outcome = accounts_resolve(d->accounts, address, targets);

	return outcome == IPC_OK ? accounts_may_post(d->accounts, account, address) : outcome;
}

static void
forget(struct unknown *u)
{
	struct unknown **at = &u->directory->unknowns;

	while (*at != u)
		at = &(*at)->next;
	*at = u->next;
	memory_free(u);
}

bool
directory_is_sure(const struct directory *d)
{
	return accounts_are_loaded(d->accounts) && (!d->ldap || ldap_source_is_up(d->ldap));
}

static struct absent *
absent_place(struct directory *d, uint64_t hash)
{
	return &d->absent[hash % ABSENT_MAX];
}

static void
remember_absent(struct directory *d, struct bytes address)
{
	uint64_t hash = map_hash(address);

	*absent_place(d, hash) = (struct absent){ hash, time_now().mono_us + ABSENT_US };
}

/* Was it looked for in vain a moment ago? */
static bool
is_absent(struct directory *d, struct bytes address)
{
	uint64_t hash = map_hash(address);
	const struct absent *place = absent_place(d, hash);

	return directory_is_sure(d) && place->hash == hash && time_now().mono_us < place->until_us;
}

static void
on_sure(void *arg, bool is_sure)
{
	struct unknown *u = arg;
	struct directory *d = u->directory;
	struct targets targets;
	enum ipc_outcome outcome;

	if (u->front) {
		outcome = resolve(d, bytes_of(u->address, u->len), u->account, &targets);
		if (outcome == IPC_ABSENT && !is_sure)
			outcome = IPC_LATER;
		if (outcome == IPC_ABSENT)
			remember_absent(d, bytes_of(u->address, u->len));
		answer(d, u->front, u->request, outcome, &targets);
	}
	forget(u);
}

/* False: too many wait. */
static bool
wait_for_ldap(struct directory *d, struct peer *front, const struct ipc_resolve *m)
{
	struct unknown *u;
	size_t count = 0;

	for (u = d->unknowns; u; u = u->next)
		if (++count == UNKNOWNS_MAX)
			return false;
	u = memory_new(sizeof *u + m->address.len);
	u->directory = d;
	u->front = front;
	u->request = m->request;
	u->account = m->account;
	u->len = m->address.len;
	if (u->len)
		memcpy(u->address, m->address.ptr, u->len);
	u->next = d->unknowns;
	d->unknowns = u;
	ldap_source_confirm(d->ldap, m->address, on_sure, u);
	return true;
}

void
directory_resolve(struct directory *d, struct peer *front, const struct ipc_resolve *m)
{
	struct targets targets;
	enum ipc_outcome outcome = resolve(d, m->address, m->account, &targets);

	if (outcome != IPC_ABSENT || !d->ldap || is_absent(d, m->address))
		answer(d, front, m->request, outcome, &targets);
	else if (!wait_for_ldap(d, front, m))
		answer(d, front, m->request, IPC_LATER, &targets);
}

void
directory_forget_unknowns(struct directory *d, const struct peer *front)
{
	for (struct unknown *u = d->unknowns; u; u = u->next)
		if (u->front == front)
			u->front = NULL;
}

void
directory_free_unknowns(struct directory *d)
{
	while (d->unknowns)
		forget(d->unknowns);
}
