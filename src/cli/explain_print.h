/* The lines of an explanation as JSON. */
#ifndef CLI_EXPLAIN_PRINT_H
#define CLI_EXPLAIN_PRINT_H

#include "config/config.h"
#include "role/control_line.h"

/* ,"name":value for each field, as text, number or truth. */
void explain_print_fields(struct buf *out, const struct control_line *line);
/* {"step":"word", …}, behind a comma unless it is the first.  where: of the directive that it is of, or NULL. */
void explain_print_step(struct buf *out, const struct control_line *line, const struct config_where *where, bool is_first);

#endif
