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
/* Reads it from that directory, when it is of that origin (ldap_link_origin).  *text, which is initialised here and the
   caller's to end with buf_done_secret whatever the result, holds it; *records is a view into it. */
enum snapshot_result snapshot_read(int directory, struct bytes origin, struct buf *text, struct bytes *records, struct fault *f);
/* The same of an open file. */
enum snapshot_result snapshot_read_descriptor(int fd, struct bytes origin, struct buf *text, struct bytes *marker, struct bytes *records,
	struct fault *f);
/* Opens one of that name, for disk_close; -1 with *f, and errno. */
int snapshot_open(int directory, const char *name, struct fault *f);
/* Writes one, and opens it as above.  -1 with *f: what was there before stays. */
int snapshot_write(int directory, const char *name, struct bytes origin, struct bytes marker, struct bytes records, struct fault *f)
	__attribute__((warn_unused_result));

#endif
