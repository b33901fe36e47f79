/* The file `subscriptions` of an account: the names of mailboxes, one a line; or Dovecot's second version, whose
   first line is "V\t2" and whose names have tabs between their levels.  Pure. */
#ifndef STORE_SUBSCRIPTIONS_H
#define STORE_SUBSCRIPTIONS_H

#include "base/buf.h"

#define SUBSCRIPTIONS_FILE "subscriptions"
#define SUBSCRIPTIONS_OCTETS_MAX ((size_t)4 << 20)

/* Owned: subscriptions_parse .. subscriptions_done. */
struct subscriptions {
	struct buf names; /* each with "." between its levels and LF behind it */
	bool is_second_version;
};

/* Any text is taken; lines too long for a name are skipped.  *s has its own copy. */
void subscriptions_parse(struct bytes text, struct subscriptions *s);
void subscriptions_done(struct subscriptions *s);
bool subscriptions_has(const struct subscriptions *s, struct bytes name);
/* True when it changed something. */
bool subscriptions_add(struct subscriptions *s, struct bytes name);
bool subscriptions_remove(struct subscriptions *s, struct bytes name);
/* As a file of the version that was read. */
void subscriptions_put(struct buf *out, const struct subscriptions *s);

#endif
