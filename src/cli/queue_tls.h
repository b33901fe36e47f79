/* What `mermoz queue tls-reports` and `report-tls` ask and print. */
#ifndef CLI_QUEUE_TLS_H
#define CLI_QUEUE_TLS_H

#include "cli/queue_print.h"

/* The question from that line of the answer on, with its LF and a NUL. */
void queue_tls_put_question(struct buf *out, const char *verb, uint64_t cursor);
/* Is it one of those verbs? */
bool queue_tls_is(const char *verb);
/* One line of the answer; "end" is the last one. */
void queue_tls_print_line(struct queue_print *p, struct buf *out, const struct control_line *line);

#endif
