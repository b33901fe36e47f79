/* What waits to go out to a client: put at the end, sent from the front. */
#ifndef FRONT_OUTPUT_H
#define FRONT_OUTPUT_H

#include "base/buf.h"

/* Owned: output_init .. output_done. */
struct output {
	struct buf octets;
	size_t sent; /* of them */
};

/* max: octets that may wait at a time. */
void output_init(struct output *o, size_t max);
void output_done(struct output *o);
/* Appends.  Who puts more than `max` lets the connection break: output_has_failed. */
void output_put(struct output *o, struct bytes octets);
/* Something was put that there was no room for: what goes out from now on is not what was meant. */
bool output_has_failed(const struct output *o);
/* What was not sent yet; borrowed until the next change. */
struct bytes output_waiting(const struct output *o);
/* So many octets of what waits were sent.  An output without any takes no memory. */
void output_sent(struct output *o, size_t count);

#endif
