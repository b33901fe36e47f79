#include "config/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN_MAX = 60 };

static void __attribute__((format(printf, 3, 0)))
fill(struct config_error *e, const struct config_place *at, const char *format, va_list args)
{
	(void)snprintf(e->file, sizeof e->file, "%s", at->file);
	e->line = at->line;
	e->column = at->column;
	(void)vsnprintf(e->text, sizeof e->text, format, args);
}

bool
config_error_add(struct config_errors *errors, const struct config_place *at, const char *format, ...)
{
	va_list args;

	if (errors->count++ >= CONFIG_ERRORS_MAX)
		return false;
	va_start(args, format);
	fill(&errors->at[errors->count - 1], at, format, args);
	va_end(args);
	return false;
}

void
config_warning_add(struct config_errors *errors, const struct config_place *at, const char *format, ...)
{
	va_list args;

	if (errors->warning_count == CONFIG_WARNINGS_MAX)
		return;
	va_start(args, format);
	fill(&errors->warnings[errors->warning_count++], at, format, args);
	va_end(args);
}

struct config_shown
config_show(struct bytes value)
{
	struct config_shown shown = { "" };
	struct buf out;

	if (bytes_find(value, BYTES("-----BEGIN")) < value.len) {
		memcpy(shown.text, "***", sizeof "***");
		return shown;
	}
	buf_init(&out, 8 * SHOWN_MAX);
	event_put_escaped(&out, bytes_sub(value, 0, SHOWN_MAX));
	if (value.len > SHOWN_MAX)
		put_text(&out, "...");
	(void)snprintf(shown.text, sizeof shown.text, "%.*s", BYTES_ARG(buf_bytes(&out)));
	buf_done(&out);
	return shown;
}
