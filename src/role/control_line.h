/* Lines of the control socket that carry values: a question, and the steps of an answer.

   line  = word *( HTAB word "=" value ) LF
   word  = 1*( %x61-7A / DIGIT / "_" )
   value = *( plain / "\" 2HEXDIG )    ; plain: no control octet, no "\", and of high octets sound UTF-8 only

   A long answer is "lines" LF, its lines, and an empty one.  Pure. */
#ifndef ROLE_CONTROL_LINE_H
#define ROLE_CONTROL_LINE_H

#include "base/event.h"

/* A line with more is none. */
#define CONTROL_FIELDS_MAX 12

/* The fields of a line that is put. */
#define FIELDS(...) ((const struct event_field[]){ __VA_ARGS__, { FIELD_END, NULL, BYTES_NONE, 0 } })
#define NO_FIELDS ((const struct event_field[]){ { FIELD_END, NULL, BYTES_NONE, 0 } })

struct control_line {
	struct bytes word;
	size_t count;
	struct {
		struct bytes name, value;
	} fields[CONTROL_FIELDS_MAX];
};

/* Appends a line; fields end with FIELD_END.  What doesn't fit as a whole is not there at all, and the buffer has failed. */
void control_line_put(struct buf *out, const char *word, const struct event_field *fields);
/* Takes a line with its LF from the front of *in.  The values are put into `space`, a fixed buffer, and the views last as long as it and `in` do.  False (and nothing
   taken): there is no whole line, or it is none, or its values need more room. */
bool control_line_take(struct bytes *in, struct buf *space, struct control_line *line) __attribute__((warn_unused_result));
/* The value, or the empty view. */
struct bytes control_line_get(const struct control_line *line, const char *name);
/* The value as a number; 0 when it is none. */
uint64_t control_line_number(const struct control_line *line, const char *name);
/* Does it begin with that word? */
bool control_line_is(const struct control_line *line, const char *word);
/* Takes an answer, a line without its LF or the lines of a long one, from the front of *in.  False: it is not whole yet. */
bool control_take_answer(struct bytes *in, struct bytes *answer) __attribute__((warn_unused_result));

#endif
