/* What `mermoz queue` prints of the lines that the queue answers with. */
#ifndef CLI_QUEUE_PRINT_H
#define CLI_QUEUE_PRINT_H

#include "role/control_line.h"

struct queue_print {
	const char *verb;
	bool is_json;
	bool has_started; /* something was printed */
	bool has_message, has_recipients;
	unsigned int depth; /* queue_tls.c */
};

/* What stands before all lines; nothing when it is there already. */
void queue_print_begin(struct queue_print *p, struct buf *out);
/* One line of the answer; "end" is the last one. */
void queue_print_line(struct queue_print *p, struct buf *out, const struct control_line *line);

#endif
