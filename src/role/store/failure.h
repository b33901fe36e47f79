#ifndef STORE_FAILURE_H
#define STORE_FAILURE_H

#include "role/store/engine_internal.h"

/* Says in the log what failed and what the answer is: IPC_NO_SPACE or IPC_LATER. */
enum ipc_outcome failure_report(const char *what, const char *where, int error);
/* The same for a fault; one that is FAULT_DENIED is a mailbox that is not to be opened as it is. */
enum ipc_outcome failure_report_fault(const char *where, const struct fault *f);
/* The one when *f is FAULT_DENIED, else the other. */
enum ipc_outcome failure_of(const struct fault *f, const char *what, const char *where, int error);
/* Is there room for so many octets above the reserve, on the file system of fd?  Looks once a second. */
bool space_is_left(struct engine *e, int fd, uint64_t octets);

/* Is it about one name alone: of a file that is no file (ENXIO: a socket), or not ours to read or write? */
bool failure_is_refusal(int error);
/* May it be otherwise after the next start?  Else somebody mounted something there, or put it in the way, or the name gets too long. */
bool failure_is_passing(int error);

#endif
