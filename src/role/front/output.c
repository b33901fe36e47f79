#include "role/front/output.h"

void
output_init(struct output *o, size_t max)
{
	*o = (struct output){ 0 };
	buf_init(&o->octets, max);
}

void
output_done(struct output *o)
{
	buf_done(&o->octets);
	o->sent = 0;
}

/* A client that never takes all that waits must not have what it took kept.  Dropped when it is as much as what would
   be moved for it: each octet is moved once at most. */
static void
drop_sent(struct output *o)
{
	if (o->sent == 0 || o->sent < o->octets.len - o->sent)
		return;
	buf_drop(&o->octets, o->sent);
	o->sent = 0;
}

void
output_put(struct output *o, struct bytes octets)
{
	drop_sent(o);
	put_bytes(&o->octets, octets);
}

bool
output_has_failed(const struct output *o)
{
	return o->octets.has_failed;
}

struct bytes
output_waiting(const struct output *o)
{
	return bytes_sub(buf_bytes(&o->octets), o->sent, o->octets.len);
}

void
output_sent(struct output *o, size_t count)
{
	size_t max = o->octets.max;

	o->sent += count;
	if (o->sent < o->octets.len)
		return;
	output_done(o);
	output_init(o, max);
}
