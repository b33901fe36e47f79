/* How a summary is written. */
#ifndef MIME_SUMMARY_INTERNAL_H
#define MIME_SUMMARY_INTERNAL_H

#include "proto/mime/summary.h"

#define SUMMARY_VERSION 2
#define PART_OCTETS 36

/* All but the parts, which follow in their order; s->parts is not looked at.  False when a text is too long or *out is
   full. */
bool put_summary_octets(struct buf *out, const struct summary *s);
void put_summary_part(struct buf *out, const struct summary_part *part);

#endif
