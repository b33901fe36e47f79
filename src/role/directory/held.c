#include "role/directory/held.h"

#include "base/event.h"
#include "role/directory/snapshot.h"

void
held_init(struct held *h, struct bytes origin)
{
	*h = (struct held){ .origin = origin };
	run_init(&h->records, -1);
}

void
held_done(struct held *h)
{
	run_done(&h->records);
}

void
held_take(struct held *h, struct run *records)
{
	h->is_there = true;
	run_replace(&h->records, records);
}

const struct run *
held_read(const struct held *h)
{
	if (snapshot_is_whole(&h->records, h->origin))
		return &h->records;
	event(NULL, EV_SNAPSHOT_FAILED, STR("reason", "it is damaged, or of another source or version"));
	return NULL;
}
