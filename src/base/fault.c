#include "base/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int
fault_set(struct fault *f, enum fault_kind kind, const char *format, ...)
{
	va_list args;

	if (!f)
		return -1;
	f->kind = kind;
	f->offset = 0;
	va_start(args, format);
	(void)vsnprintf(f->text, sizeof f->text, format, args);
	va_end(args);
	return -1;
}

int
fault_errno(struct fault *f, int error, const char *format, ...)
{
	va_list args;
	int len;

	if (!f)
		return -1;
	f->kind = FAULT_TEMP;
	f->offset = 0;
	va_start(args, format);
	len = vsnprintf(f->text, sizeof f->text, format, args);
	va_end(args);
	if (len >= 0 && (size_t)len < sizeof f->text)
		(void)snprintf(f->text + len, sizeof f->text - (size_t)len, ": %s", strerror(error));
	return -1;
}

const char *
fault_kind_name(enum fault_kind kind)
{
	static const char *const names[] = {
		[FAULT_NONE] = "none",
		[FAULT_SYNTAX] = "syntax",
		[FAULT_LIMIT] = "limit",
		[FAULT_TEMP] = "temporary",
		[FAULT_PERM] = "permanent",
		[FAULT_DENIED] = "denied",
	};

	return names[kind];
}
