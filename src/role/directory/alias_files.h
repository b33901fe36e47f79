/* Aliases of files (the directive "aliases"), as the configuration brings them. */
#ifndef ROLE_DIRECTORY_ALIAS_FILES_H
#define ROLE_DIRECTORY_ALIAS_FILES_H

#include "role/directory/accounts.h"

/* Puts all of them, in a load that has begun; before those of the embedded directory, which count before them. */
void alias_files_put(struct accounts *a, const struct config *config);

#endif
