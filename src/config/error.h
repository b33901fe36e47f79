/* Where something stands in a configuration, and the list of what is wrong with it. */
#ifndef CONFIG_ERROR_H
#define CONFIG_ERROR_H

#include "config/config.h"

/* file: borrowed for as long as the reading goes on.  Lines and columns from 1; a column is a character. */
struct config_place {
	const char *file;
	uint32_t line, column;
};

/* Adds an error; always false, so that a reader can end with it. */
bool config_error_add(struct config_errors *errors, const struct config_place *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Adds a warning, while there is room. */
void config_warning_add(struct config_errors *errors, const struct config_place *at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

struct config_shown {
	char text[96];
};

/* A value as an error may show it: short, escaped; *** when it looks like a key. */
struct config_shown config_show(struct bytes value);

#endif
