/* Each wrong guess costs its part of the ten minutes: `paid_us` is the time at which all of a party's are forgotten.  Who is ahead of now by
   ten minutes waits.  So a party is one number, and one whose time has come is as good as none. */
#include "role/directory/guesses.h"

#include "base/map.h"
#include "base/memory.h"

#include <sys/queue.h>

#define SPAN_US ((int64_t)600 * 1000000)
/* Of those beyond, the ones whose last guess is the oldest are forgotten. */
enum { PARTIES_MAX = 65536, PARTY_OCTETS_MAX = 16 };

struct party {
	TAILQ_ENTRY(party) link;
	int64_t paid_us;
	uint8_t octets[PARTY_OCTETS_MAX];
	size_t len;
};

struct guesses {
	struct map *parties;
	TAILQ_HEAD(, party) by_age; /* the last guess that is oldest first */
};

struct guesses *
guesses_new(void)
{
	struct guesses *g = NEW(struct guesses);

	g->parties = map_new();
	TAILQ_INIT(&g->by_age);
	return g;
}

static void
forget(struct guesses *g, struct party *p)
{
	(void)map_remove(g->parties, bytes_of(p->octets, p->len));
	TAILQ_REMOVE(&g->by_age, p, link);
	memory_free(p);
}

void
guesses_free(struct guesses **g)
{
	struct party *p;

	if (!*g)
		return;
	while ((p = TAILQ_FIRST(&(*g)->by_age)))
		forget(*g, p);
	map_free(&(*g)->parties);
	memory_free(*g);
	*g = NULL;
}

bool
guesses_may_try(const struct guesses *g, struct bytes party, uint32_t most, int64_t now_us)
{
	const struct party *p = map_get(g->parties, party);

	return !p || most == 0 || p->paid_us + SPAN_US / most <= now_us + SPAN_US;
}

static struct party *
take_party(struct guesses *g, struct bytes name)
{
	struct party *p = map_get(g->parties, name);

	if (p) {
		TAILQ_REMOVE(&g->by_age, p, link);
		return p;
	}
	if (map_count(g->parties) >= PARTIES_MAX)
		forget(g, TAILQ_FIRST(&g->by_age));
	p = NEW(struct party);
	p->len = name.len;
	for (size_t i = 0; i < name.len; i++)
		p->octets[i] = name.ptr[i];
	(void)map_put(g->parties, name, p);
	return p;
}

void
guesses_note(struct guesses *g, struct bytes party, uint32_t most, int64_t now_us)
{
	struct party *p;

	if (most == 0 || party.len == 0 || party.len > PARTY_OCTETS_MAX)
		return;
	p = take_party(g, party);
	TAILQ_INSERT_TAIL(&g->by_age, p, link);
	p->paid_us = (p->paid_us > now_us ? p->paid_us : now_us) + SPAN_US / most;
}
