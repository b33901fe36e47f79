/* Whether the file system of the state directory has room for what the server takes beforehand: for `mermoz check`. */
#ifndef CLI_ROOM_H
#define CLI_ROOM_H

#include "base/fault.h"
#include "config/config.h"

/* Both journals, the reserve without which nothing is accepted, and the largest message.  0: there is room, or it can't be told; -1: *f says what is missing. */
int room_check(const struct config *c, struct fault *f) __attribute__((warn_unused_result));

#endif
