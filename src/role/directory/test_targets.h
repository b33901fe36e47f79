/* Where addresses lead, as rows: for the tests of this folder alone. */
#ifndef ROLE_DIRECTORY_TEST_TARGETS_H
#define ROLE_DIRECTORY_TEST_TARGETS_H

#include "role/directory/accounts.h"

struct row {
	const char *address;
	enum ipc_outcome want;
	const char *targets; /* ACCOUNT[=address] or !foreign, separated by SP; NULL: any */
};

/* Each address leads where its row says. */
void check_targets(struct accounts *a, const struct row *rows, size_t count);

#endif
