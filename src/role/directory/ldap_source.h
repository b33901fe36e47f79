/* The LDAP source: reads everything once, keeps a snapshot on disk, and looks again and again whether something
   changed.

   A server that tells changes (ldap_sync.h) has told them when it is looked at; one that tells only that something changed
   (ldap_link_marker) is asked that each second, and for the changes (ldap_poll.h) when the answer is another one; a server that can't
   every `poll`.  What an entry that changed says of its own account is put in force at once (early.h), and what all entries mean now after that;
   when nothing else has changed, later: it takes long when they are many. */
#ifndef ROLE_DIRECTORY_LDAP_SOURCE_H
#define ROLE_DIRECTORY_LDAP_SOURCE_H

#include "config/config.h"
#include "role/directory/change.h"
#include "sys/loop.h"

struct ldap_source;

struct ldap_source_handlers {
	/* There are other records than before (image.h), borrowed for the call; from the source, or (is_old) from the snapshot
	   that an earlier process left. */
	void (*changed)(void *arg, const struct run *records, bool is_old);
	/* Some of them are otherwise now. */
	void (*changed_in_part)(void *arg, const struct change *change);
	/* Some users are otherwise now (early.h); what else has changed comes later with all records. */
	void (*hurried)(void *arg, struct bytes records);
};

/* The snapshot is read before this returns, and `changed` called when there is one; all else happens in the loop.
   directory: where the snapshot lies, -1 for none; stays the caller's.  Owned. */
struct ldap_source *ldap_source_new(struct loop *loop, const struct config *config, int directory,
	const struct ldap_source_handlers *handlers, void *arg);
/* Ends what the thread is at; waits at most for a connection that is being made.  Before loop_free. */
void ldap_source_free(struct ldap_source **s);

/* What `hurried` told since: it counts before what `changed` told.  Borrowed until the next look. */
struct bytes ldap_source_hurried(const struct ldap_source *s);
/* Visits all that was told, as it is now; false: nothing was yet, or it can't be read. */
bool ldap_source_visit(struct ldap_source *s, const struct image_visitor *visitor, void *arg) __attribute__((warn_unused_result));

/* Calls `sure` with arg, once and never from in here, when the source has been looked at after this call: true when
   what was told of those addresses (one at least) is how it is now, false when no server answered.  A server that can't tell changes is asked for
   them, and those that it has are read; false too when one that tells them has not told one of them yet. */
void ldap_source_confirm(struct ldap_source *s, const struct bytes *addresses, size_t count, void (*sure)(void *arg, bool is_sure), void *arg);
/* Is the copy on disk as what is in force?  When it isn't it will be written by the next look, which begins now if none is under way. */
bool ldap_source_hurry_copy(struct ldap_source *s);
/* Did a server answer the last time it was looked at? */
bool ldap_source_is_up(const struct ldap_source *s);
struct ldap_source_freshness {
	bool is_up, tells_changes; /* the last look was answered; by a server that can tell changes */
	long long confirmed_s, read_s; /* ago; -1: never by this process */
};

/* How fresh what it told is. */
struct ldap_source_freshness ldap_source_freshness(const struct ldap_source *s);
/* The claims that did not count at the last reading (claims.h); borrowed until the next. */
struct bytes ldap_source_losses(const struct ldap_source *s);
/* As ldap_link.h has them. */
void ldap_source_put_filter(const struct ldap_source *s, struct bytes address, struct buf *out);
void ldap_source_put_state(const struct ldap_source *s, struct buf *out);
/* What is the matter: how it follows, how fresh, the last error. */
void ldap_source_put_status(const struct ldap_source *s, struct buf *out);

#endif
