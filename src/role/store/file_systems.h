/* The file systems that mail lies on: settling syncs them. */
#ifndef STORE_FILE_SYSTEMS_H
#define STORE_FILE_SYSTEMS_H

#include "role/store/engine_internal.h"

/* What is changed in that directory is synced by file_systems_sync from now on.  -1 and errno: it is not, so nothing may be changed. */
int file_systems_note(struct engine *e, int directory, const char *name) __attribute__((warn_unused_result));
/* The same for a folder and what is in it. */
int file_systems_note_folder(struct engine *e, int folder) __attribute__((warn_unused_result));
/* Makes durable what was changed before the call.  -1 and *f. */
int file_systems_sync(struct engine *e, struct fault *f) __attribute__((warn_unused_result));
void file_systems_init(struct engine *e);
void file_systems_done(struct engine *e);

/* Syncs those that a folder and what is in it lie on, at once.  -1 and errno. */
int file_systems_sync_folder(int folder) __attribute__((warn_unused_result));

#endif
