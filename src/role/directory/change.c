#include "role/directory/change.h"

void
change_init(struct change *c)
{
	buf_init(&c->gone, IMAGE_OCTETS_MAX);
	buf_init(&c->records, IMAGE_OCTETS_MAX);
}

void
change_done(struct change *c)
{
	buf_done(&c->gone);
	buf_done_secret(&c->records);
}

void
change_reset(struct change *c)
{
	change_done(c);
	change_init(c);
}

bool
change_is_empty(const struct change *c)
{
	return c->gone.len == 0 && c->records.len == 0;
}
