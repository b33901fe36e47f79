/* A Maildir without its view, for recovery: what records say is done to names, uidlist and keywords alone. */
#ifndef STORE_OFFLINE_H
#define STORE_OFFLINE_H

#include "role/store/listing.h"
#include "role/store/way.h"

/* A message that has a uid. */
struct offline_message {
	uint32_t uid;
	struct bytes base, extensions; /* in the mailbox's arena */
	bool has_file, is_expunged;
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
};

/* Opens the mailbox of that guid: the directory `name` in the account at path, which is taken over, made when it is missing or
   has no uidlist.  NULL and errno; EEXIST: a mailbox of another guid is there.  FAULT_DENIED in *f: way_open_folder. */
struct offline *offline_open(struct way account, const char *path, struct bytes name, const uint8_t guid[RECORD_GUID_OCTETS],
	uint32_t uid_validity, struct fault *f);
/* Writes everything down (unlinks and renames, too) and frees it.  -1 and *f. */
int offline_close(struct offline **m, struct fault *f) __attribute__((warn_unused_result));
/* Frees it and leaves the disk as it is. */
void offline_drop(struct offline **m);
/* The guid of the mailbox in that directory of the account; false: none that can be read. */
bool offline_guid(const struct way *account, struct bytes name, uint8_t guid[RECORD_GUID_OCTETS]);

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
