/* The copy of an LDAP directory on disk, in the directory role's own folder. */
#ifndef ROLE_DIRECTORY_SNAPSHOT_H
#define ROLE_DIRECTORY_SNAPSHOT_H

#include "config/config.h"
#include "role/directory/image.h"

#define SNAPSHOT_NAME "ldap.snapshot"

enum snapshot_result {
	SNAPSHOT_READ,
	SNAPSHOT_ABSENT, /* there is no such file */
	SNAPSHOT_UNUSABLE, /* *f says why: it can't be read, is damaged, or of another source or version */
};

/* A descriptor of the folder that it lies in, for disk_close; -1 with *f. */
int snapshot_directory(const struct config *c, struct fault *f);
/* Finds the records of that file in that directory, when it is a snapshot of that origin (ldap_link_origin); its marker is appended.  *records
   is initialised here and the caller's to end with run_done, whatever the result. */
enum snapshot_result snapshot_read(int directory, const char *name, struct bytes origin, struct buf *marker, struct run *records, struct fault *f);
/* Are they still as they were found?  True of any that lie in no file. */
bool snapshot_is_whole(const struct run *records, struct bytes origin);
/* Writes one, and puts its records in place of these, which lie elsewhere.  -1 with *f: they stay there, and what was in the directory before too. */
int snapshot_write(int directory, const char *name, struct bytes origin, struct bytes marker, struct run *records, struct fault *f)
	__attribute__((warn_unused_result));

#endif
