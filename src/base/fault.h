/* One small error: does it help to come back later, or never, or is it our own fault? */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include <stdint.h>

enum fault_kind {
	FAULT_NONE,
	FAULT_SYNTAX, /* malformed: never */
	FAULT_LIMIT, /* larger than a limit allows: never, unless made smaller */
	FAULT_TEMP, /* our own trouble, or somebody else's that will pass: later */
	FAULT_PERM, /* will not work, whenever it is tried */
	FAULT_DENIED, /* not allowed */
};

#define FAULT_TEXT_MAX 200

/* The text is for the log and the administrator, never for a peer.  offset: where in the input. */
struct fault {
	enum fault_kind kind;
	uint32_t offset;
	char text[FAULT_TEXT_MAX];
};

/* Sets *f (which may be NULL) and returns -1, so that a function can end with it.  Longer
   texts are cut. */
int fault_set(struct fault *f, enum fault_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* As fault_set with the text of an errno value behind it: "open /x: Permission denied".
   The kind is FAULT_TEMP: trouble with the system is ours. */
int fault_errno(struct fault *f, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* "syntax", "limit", …: the name for the log. */
const char *fault_kind_name(enum fault_kind kind);

#endif
