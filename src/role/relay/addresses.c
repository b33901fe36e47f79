#include "role/relay/addresses.h"

/* As for mail, DNS must not lead us to what listens for this machine alone. */
static void
keep(struct address_search *a, struct bytes octets)
{
	struct net_address *address = &a->found[a->count];

	net_address_of(octets, a->port, address);
	if (a->may_be_ours || !net_leads_here(address))
		a->count++;
}

static void
on_answer(void *arg, const struct message *m)
{
	struct address_look_up *l = arg;
	struct address_search *a = l->search;
	struct bytes rest = m && m->u.looked_up.answer == ANSWER_FOUND ? m->u.looked_up.records : BYTES_NONE, octets;

	l->request = 0;
	for (size_t i = 0; i < ADDRESSES_MAX / ADDRESSES_FAMILIES && take_octets(&rest, l->octets, &octets); i++)
		keep(a, octets);
	if (!a->look_ups[0].request && !a->look_ups[1].request)
		a->done(a);
}

void
addresses_find(struct address_search *a, struct peer *resolver, const struct config *config, struct bytes host, uint16_t port,
	void (*done)(struct address_search *a))
{
	static const enum ipc_record records[ADDRESSES_FAMILIES] = { RECORD_AAAA, RECORD_A };

	a->resolver = resolver;
	a->port = port;
	a->may_be_ours = config->outgoing_loopback == OUTGOING_LOOPBACK_YES;
	a->done = done;
	for (size_t i = 0; i < ADDRESSES_FAMILIES; i++) {
		struct message m = { .type = MESSAGE_LOOK_UP };
		uint64_t request = peer_request_id(resolver);

		a->look_ups[i] = (struct address_look_up){ .search = a, .request = request, .octets = records[i] == RECORD_A ? 4 : 16 };
		m.u.look_up = (struct ipc_look_up){ .request = request, .record = (uint8_t)records[i], .name = host };
		peer_request(resolver, &m, request, config->request_timeout_ms, on_answer, &a->look_ups[i]);
	}
}

void
addresses_forget(struct address_search *a)
{
	for (size_t i = 0; i < ADDRESSES_FAMILIES; i++) {
		if (a->look_ups[i].request)
			peer_forget(a->resolver, a->look_ups[i].request);
		a->look_ups[i].request = 0;
	}
}
