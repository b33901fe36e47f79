/* A Maildir without its view, for recovery: what records say is done to names, uidlist and keywords alone. */
#ifndef STORE_OFFLINE_H
#define STORE_OFFLINE_H

#include "role/store/listing.h"
#include "role/store/way.h"

struct offline;

/* A message that has a uid. */
struct offline_message {
	struct offline *mailbox;
	uint32_t uid;
	struct bytes base, extensions; /* in the mailbox's arena */
	bool has_file, is_expunged;
	bool is_promised; /* somebody was told that it is there */
	struct offline_message *source; /* the message with a file that it is a copy of, and could not be brought from; or NULL */
	uint64_t state; /* how the file is named */
	uint64_t wanted; /* how it is to be named */
};

struct offline {
	struct offline *next;
	const char *path; /* of the account; in the arena, as all texts */
	char name[MAILDIR_NAME_MAX + 1];
	uint8_t guid[RECORD_GUID_OCTETS];
	uint32_t uid_validity, uid_next;
	struct way account;
	int directory;
	struct offline_message **messages; /* in the order of the uids */
	size_t count, room;
	struct map *by_base; /* base -> message */
	struct listing files; /* as they were when it was opened */
	struct keywords keywords;
	struct arena *arena;
	bool has_new_uids, has_new_keywords;
	bool is_aside; /* what would have come to it comes to lost/ (aside.h) */
	bool has_sources; /* of copies */
	bool is_deleted;
	bool is_closed; /* (closed.h) */
};

/* Opens the mailbox of that guid: the directory `name` in the account at path, which is taken over, made when it is missing or
   has no uidlist.  NULL and *f.  FAULT_PERM: a mailbox of another guid is there; FAULT_DENIED: way_open_folder. */
struct offline *offline_open(struct way account, const char *path, struct bytes name, const uint8_t guid[RECORD_GUID_OCTETS],
	uint32_t uid_validity, struct fault *f);
/* In the place of one that is not to be opened: an empty one whose files lie in that Maildir, which is taken over. */
struct offline *offline_new_aside(int directory, const char *path, struct bytes name, const uint8_t guid[RECORD_GUID_OCTETS]);
/* Writes names, keywords and uids down; nothing is removed.  -1 and *f. */
int offline_write_down(struct offline *m, struct fault *f) __attribute__((warn_unused_result));
/* Removes the files that are expunged.  -1 and *f. */
int offline_remove_expunged(struct offline *m, struct fault *f) __attribute__((warn_unused_result));
void offline_expunge_all(struct offline *m);
/* Is all of it expunged? */
bool offline_is_empty(const struct offline *m);
/* Frees it and leaves the disk as it is. */
void offline_drop(struct offline **m);
/* The guid of the mailbox in that directory of the account.  -1 and *f; FAULT_PERM: there is none, or none for us. */
int offline_guid(const struct way *account, struct bytes name, uint8_t guid[RECORD_GUID_OCTETS], struct fault *f)
	__attribute__((warn_unused_result));

/* Where in `messages` those with that uid and higher ones begin. */
size_t offline_from(const struct offline *m, uint32_t uid);
/* The message of that uid, of that base; NULL: there is none. */
struct offline_message *offline_find(const struct offline *m, uint32_t uid);
struct offline_message *offline_find_base(const struct offline *m, struct bytes base);
/* The message of that uid and base, added when it is new; one that has the base keeps the uid it has. */
struct offline_message *offline_add(struct offline *m, uint32_t uid, struct bytes base);
/* Letters for names separated by SP. */
uint64_t offline_letters(struct offline *m, struct bytes names);
/* The file's content, written anew into the file that is there or into a new one named by `wanted`.  -1 and
   errno. */
int offline_write(struct offline *m, struct offline_message *x, struct bytes body, int64_t date_s)
	__attribute__((warn_unused_result));
/* As offline_write: a link or (durable with its name) a copy of the file that another mailbox has (source_dir, source), or the file that waits
   in tmp/, which a link that can't be made leaves there. */
int offline_link(struct offline *m, struct offline_message *x, int source_dir, const char *source)
	__attribute__((warn_unused_result));
int offline_copy(struct offline *m, struct offline_message *x, int source_dir, const char *source)
	__attribute__((warn_unused_result));
int offline_fetch_tmp(struct offline *m, struct offline_message *x) __attribute__((warn_unused_result));
/* "cur/…" as it is named now, with a NUL. */
void offline_put_path(struct buf *out, const struct offline_message *x, uint64_t state);

#endif
