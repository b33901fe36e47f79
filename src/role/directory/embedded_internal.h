#ifndef ROLE_DIRECTORY_EMBEDDED_INTERNAL_H
#define ROLE_DIRECTORY_EMBEDDED_INTERNAL_H

#include "role/directory/embedded.h"

#include <sqlite3.h>

struct embedded {
	sqlite3 *db;
};

/* *f with SQLite's own words; -1. */
int embedded_fault(struct embedded *e, const char *what, struct fault *f);
/* NULL with *f when the statement can't be made. */
sqlite3_stmt *embedded_prepare(struct embedded *e, const char *sql, struct fault *f);
int embedded_run(struct embedded *e, const char *sql, struct fault *f)
	__attribute__((warn_unused_result));
/* A column as octets, borrowed until the next step. */
struct bytes embedded_column(sqlite3_stmt *s, int column);

#endif
