/* `mermoz queue show --headers` and `--message`: the mail itself. */
#ifndef CLI_QUEUE_MESSAGE_H
#define CLI_QUEUE_MESSAGE_H

#include "config/config.h"

/* Prints the header of a mail that waits, or all of it: as it is, but what a terminal may obey as \xNN on one.  The exit code. */
int queue_message_show(const struct config *c, const char *id, bool is_header);

#endif
