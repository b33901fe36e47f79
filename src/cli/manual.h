/* What people read about the configuration, made from directives.def. */
#ifndef CLI_MANUAL_H
#define CLI_MANUAL_H

#include "base/buf.h"

/* Every directive, for a terminal. */
void manual_put_list(struct buf *out);
/* doc/mermoz.conf.5 */
void manual_put_page(struct buf *out);
/* doc/limits.md */
void manual_put_limits(struct buf *out);

/* Text of a manual page: "-" and "\" mean something to roff; so do "." and "'" at the start of a line. */
void manual_put_roff(struct buf *out, struct bytes text);
/* mermoz(1): every command with its help. */
void manual_put_commands(struct buf *out);

#endif
