/* The files mermoz.view and mermoz.summary of a mailbox: caches that may be deleted at any time.  On the
   strand. */
#ifndef STORE_INDEX_H
#define STORE_INDEX_H

#include "role/store/mailbox.h"

#define INDEX_VIEW "mermoz.view"
#define INDEX_SUMMARY "mermoz.summary"

/* What the view says of the rest of the mailbox, in store_private of its head. */
struct index_state {
	uint64_t epoch; /* of the engine, when it was closed */
	uint64_t is_closed; /* nothing was changed since */
	uint64_t uidlist_inode, uidlist_octets;
	int64_t new_mtime_ns, cur_mtime_ns; /* 0: unknown */
	uint64_t summary_end;
	uint64_t recent_from;
	uint8_t guid[RECORD_GUID_OCTETS];
};

/* Maps the files and finds them in order with uidlist and epoch: 0, and m->needs_scan says whether the
   directories were touched since.  -1: to be made anew. */
int index_open(struct mailbox *m) __attribute__((warn_unused_result));
/* Are view and summaries still the files of those names, whole, and what was written here?  No: another program brought back a
   copy of them, or cut them short. */
bool index_is_sound(const struct mailbox *m) __attribute__((warn_unused_result));
/* Opens the file of summaries as it is now.  -1 and errno. */
int index_open_summaries(struct mailbox *m) __attribute__((warn_unused_result));
/* What the view of a mailbox that is not open says, when nothing has to be looked for to believe it. */
bool index_peek(const struct engine_account *a, struct bytes name, uint64_t *octets, uint64_t *messages)
	__attribute__((warn_unused_result));
/* A new, empty view with room for so many records, of the next generation; the one before, if any, is superseded
   and unmapped.  -1 and errno: all is as it was. */
int index_create(struct mailbox *m, uint32_t capacity) __attribute__((warn_unused_result));
/* The file's summaries up to that end are the new view's; what stands behind them is forgotten. */
void index_take_summaries(struct mailbox *m, uint64_t end);
/* Writes down that nothing is to be done here (is_clean), unmaps and closes. */
void index_close(struct mailbox *m, bool is_clean);
/* Room for so many more records than are published and on their way.  -1 and errno. */
int index_reserve(struct mailbox *m, uint32_t records) __attribute__((warn_unused_result));
/* Writes the summary of the message of that number; *at is where.  False: it is lost, the front makes it again. */
bool index_put_summary(struct mailbox *m, const uint8_t object_id[16], struct bytes summary, uint64_t *at);
/* Is the summary that an old record speaks of whole, and that message's? */
bool index_has_summary(const struct mailbox *m, const uint8_t object_id[16], uint64_t at, uint32_t len);
/* A generation without what is expunged, when that is worth it. */
void index_compact(struct mailbox *m);
/* Read-only descriptors of view and summaries for fronts; -1 and errno. */
int index_descriptors(const struct mailbox *m, int fds[2]) __attribute__((warn_unused_result));
/* A view that is there but not in order, for what can be saved of it: mapped read-only into *v, or false. */
bool index_map_old(const struct mailbox *m, struct view *v, void **mapping, size_t *octets);

#endif
