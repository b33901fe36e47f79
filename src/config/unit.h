/* Sizes and times as people write them: 50M, 5m. */
#ifndef CONFIG_UNIT_H
#define CONFIG_UNIT_H

#include "base/buf.h"

/* 1*DIGIT [ "K" / "M" / "G" ] in either case, powers of 1024.  False: no size, or more than 64 bits. */
bool unit_parse_size(struct bytes text, uint64_t *octets) __attribute__((warn_unused_result));
/* 1*DIGIT [ "ms" / "s" / "m" / "h" / "d" ], seconds when there is no unit.  False: no time, or more than 64 bits. */
bool unit_parse_time(struct bytes text, uint64_t *ms) __attribute__((warn_unused_result));
/* With the largest unit that leaves no rest. */
void unit_put_size(struct buf *out, uint64_t octets);
void unit_put_time(struct buf *out, uint64_t ms);

#endif
