/* The embedded source: domains, accounts and aliases in an SQLite file.  The role reads it; the command
   line edits it.  All blocking. */
#ifndef ROLE_DIRECTORY_EMBEDDED_H
#define ROLE_DIRECTORY_EMBEDDED_H

#include "base/fault.h"
#include "role/directory/record.h"

struct embedded;

enum embedded_result {
	EMBEDDED_DONE,
	EMBEDDED_EXISTS, /* there is one of that address */
	EMBEDDED_ABSENT, /* there is none */
	EMBEDDED_FAILED, /* *f says why */
};

/* Makes an empty file (mode 0600) at path unless there is one; -1 with *f. */
int embedded_make_file(const char *path, struct fault *f) __attribute__((warn_unused_result));
/* Opens the file at path, making it (mode 0600) with its tables when it is not there.  -1 with *f: it
   can't be opened, is no database of ours, or was made by a newer version.  Owned. */
int embedded_open(const char *path, struct embedded **out, struct fault *f)
	__attribute__((warn_unused_result));
void embedded_close(struct embedded **e);

/* Has another file taken the place of the one that is open (a copy brought back, say), or is there none? */
bool embedded_has_moved(struct embedded *e);

/* What a visit calls; any may be NULL.  The records are borrowed for the call. */
struct embedded_visitor {
	void (*domain)(void *arg, struct bytes name);
	void (*user)(void *arg, const struct user_record *record);
	void (*alias)(void *arg, const struct alias_record *record);
};

/* Everything there is at one moment, in the order of addresses; -1 with *f, with some of it visited. */
int embedded_visit(struct embedded *e, const struct embedded_visitor *visitor, void *arg,
	struct fault *f) __attribute__((warn_unused_result));

/* The edits; each is durable when it is done.  Addresses and domains are folded (address_fold). */
enum embedded_result embedded_add_domain(struct embedded *e, struct bytes name, struct fault *f);
enum embedded_result embedded_remove_domain(struct embedded *e, struct bytes name, struct fault *f);
enum embedded_result embedded_add_user(struct embedded *e, const struct user_record *record,
	struct fault *f);
enum embedded_result embedded_remove_user(struct embedded *e, struct bytes address, struct fault *f);
enum embedded_result embedded_set_password(struct embedded *e, struct bytes address,
	struct bytes secret_password, struct fault *f);
enum embedded_result embedded_set_enabled(struct embedded *e, struct bytes address, bool is_enabled,
	struct fault *f);
/* The account has these attributes beside those of other names; one without a value it has no more. */
enum embedded_result embedded_set_attributes(struct embedded *e, struct bytes address, const struct record_attribute *attributes,
	size_t count, struct fault *f);
/* Adds targets to the alias, which is made when it isn't there.  EMBEDDED_EXISTS: it had one of
   them already, and nothing was changed. */
enum embedded_result embedded_add_alias(struct embedded *e, const struct alias_record *record,
	struct fault *f);
/* Removes those targets, and the alias with its last one; without targets the whole alias.
   EMBEDDED_ABSENT: no such alias, or one of them is not in it; then nothing was changed. */
enum embedded_result embedded_remove_alias(struct embedded *e, const struct alias_record *record,
	struct fault *f);

#endif
