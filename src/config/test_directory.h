/* A directory for the files of a test, which makes and removes it. */
#ifndef CONFIG_TEST_DIRECTORY_H
#define CONFIG_TEST_DIRECTORY_H

#include "config/test_support.h"

#include <stdio.h>

static char dir[64];

static inline void
write_file(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	(void)fputs(text, file);
	(void)fclose(file);
}

#endif
