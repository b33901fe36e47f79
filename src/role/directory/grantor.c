#include "role/directory/grantor.h"

#include "base/map.h"
#include "base/memory.h"
#include "role/role.h"

_Static_assert(ROLE_INSTANCES_MAX <= 64, "a bit for each front");

/* The fronts that may deliver to an account. */
struct delivery {
	uint64_t fronts;
};

struct grantor {
	struct peer *store; /* NULL: away */
	struct map *deliveries; /* account number -> struct delivery */
};

uint8_t
grantee_of(const struct peer *p)
{
	return peer_role(p) == ROLE_QUEUE ? IPC_GRANTEE_QUEUE : peer_index(p);
}

struct grantor *
grantor_new(void)
{
	struct grantor *g = NEW(struct grantor);

	g->deliveries = map_new();
	return g;
}

static void
forget_all(struct grantor *g)
{
	struct bytes key;
	void *value;

	for (size_t i = 0; map_next(g->deliveries, &i, &key, &value);)
		memory_free(value);
	map_free(&g->deliveries);
	g->deliveries = map_new();
}

void
grantor_free(struct grantor **at)
{
	struct grantor *g = *at;

	if (!g)
		return;
	forget_all(g);
	map_free(&g->deliveries);
	memory_free(g);
	*at = NULL;
}

void
grantor_use_store(struct grantor *g, struct peer *store)
{
	forget_all(g);
	g->store = store;
}

void
grantor_forget_front(struct grantor *g, uint8_t front)
{
	struct bytes key;
	void *value;

	for (size_t i = 0; map_next(g->deliveries, &i, &key, &value);)
		((struct delivery *)value)->fronts &= ~(UINT64_C(1) << front);
}

static bool
tell_delivery(struct grantor *g, uint8_t front, const struct account *account)
{
	struct message m = { .type = MESSAGE_GRANT_DELIVERY };

	m.u.grant_delivery = (struct ipc_grant_delivery){
		.front = front,
		.account = account->number,
		.address = account_address(account),
		.path = account_path(account),
		.quota_octets = account->quota.octets,
		.quota_messages = account->quota.messages,
	};
	return g->store && account->path_len > 0 && peer_send_now(g->store, &m) == 0;
}

bool
grantor_give_delivery(struct grantor *g, uint8_t front, const struct account *account)
{
	struct delivery *delivery = map_get_number(g->deliveries, account->number);
	uint64_t bit = UINT64_C(1) << front;

	if (front >= ROLE_INSTANCES_MAX)
		return false;
	if (delivery && delivery->fronts & bit)
		return true;
	if (!tell_delivery(g, front, account))
		return false;
	if (!delivery) {
		delivery = NEW(struct delivery);
		map_put_number(g->deliveries, account->number, delivery);
	}
	delivery->fronts |= bit;
	return true;
}

bool
grantor_give_session(struct grantor *g, uint8_t front, uint64_t session, const struct account *account)
{
	struct message m = { .type = MESSAGE_GRANT_SESSION };

	m.u.grant_session = (struct ipc_grant_session){
		.front = front,
		.session = session,
		.account = account->number,
		.address = account_address(account),
		.path = account_path(account),
		.quota_octets = account->quota.octets,
		.quota_messages = account->quota.messages,
	};
	return g->store && account->path_len > 0 && peer_send_now(g->store, &m) == 0;
}

void
grantor_tell_quota(struct grantor *g, const struct account *account)
{
	struct message m = { .type = MESSAGE_SET_QUOTA };

	m.u.set_quota = (struct ipc_set_quota){
		.path = account_path(account),
		.quota_octets = account->quota.octets,
		.quota_messages = account->quota.messages,
	};
	/* A store that can't be told has lost its channel, and hears of it with the next grant. */
	if (g->store && account->path_len > 0)
		(void)!peer_send(g->store, &m);
}

void
grantor_revoke(struct grantor *g, const struct account *account, bool is_gone)
{
	struct delivery *delivery = map_remove_number(g->deliveries, account->number);
	struct message m = { .type = MESSAGE_REVOKE, .u.revoke.account = account->number };
	uint64_t fronts = delivery && !is_gone ? delivery->fronts : 0;

	memory_free(delivery);
	/* A store that can't be told has lost its channel, and forgets every grant with it. */
	if (!g->store || peer_send(g->store, &m) != 0)
		return;
	/* Mail that was accepted for it a moment ago is delivered all the same. */
	for (uint8_t front = 0; front < ROLE_INSTANCES_MAX; front++)
		if (fronts >> front & 1 && !grantor_give_delivery(g, front, account))
			return;
}
