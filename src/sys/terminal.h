/* What a person types: secrets from a terminal, unseen, or from a pipe. */
#ifndef SYS_TERMINAL_H
#define SYS_TERMINAL_H

#include "base/buf.h"
#include "base/fault.h"

/* Is standard input a terminal? */
bool terminal_is_input(void);
/* Is standard output one? */
bool terminal_is_output(void);
/* Appends one line of standard input without its end (LF or CRLF; the end of the input ends it too).  On a
   terminal `prompt` is shown on standard error and what is typed is not.  -1 with *f: nothing came, more
   than *out holds, or a signal (which is then raised). */
int terminal_read_secret(const char *prompt, struct buf *out, struct fault *f)
	__attribute__((warn_unused_result));

#endif
