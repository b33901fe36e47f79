/* Accounts and aliases as a source tells them: to the replica, and to the command line.  All views
   are borrowed for the call. */
#ifndef ROLE_DIRECTORY_RECORD_H
#define ROLE_DIRECTORY_RECORD_H

#include "base/bytes.h"

/* More are not read. */
#define RECORD_ATTRIBUTES_MAX 64
#define RECORD_TARGETS_MAX 1024

struct record_attribute {
	struct bytes name, value;
};

struct user_record {
	struct bytes address;
	struct bytes name; /* of the person, or empty */
	struct bytes secret_password; /* raw values with a NUL between (password_put_value), or empty: nobody can log in */
	bool is_enabled;
	const struct record_attribute *attributes;
	size_t attribute_count;
};

/* address: "@domain" for whatever the domain has no other name for. */
struct alias_record {
	struct bytes address;
	const struct bytes *targets;
	size_t target_count;
};

#endif
