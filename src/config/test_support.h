/* For the tests of this folder alone. */
#ifndef CONFIG_TEST_SUPPORT_H
#define CONFIG_TEST_SUPPORT_H

#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(rows) (sizeof(rows) / sizeof(rows)[0])

/* What that text makes, which is good.  Owned. */
static inline struct config *
read_good(const char *text)
{
	struct config *c = NULL;
	struct fault f;

	if (config_read_slice(bytes_text(text), &c, &f) != 0)
		fail_msg("%s: %s", text, f.text);
	return c;
}

/* A text that is refused, and a part of what is said then. */
struct refused_row {
	const char *text, *want;
};

/* secret: what is never said; NULL: nothing is. */
static inline void
check_refused(const struct refused_row *rows, size_t count, const char *secret)
{
	for (size_t i = 0; i < count; i++) {
		struct config *c = NULL;
		struct fault f;

		if (config_read_slice(bytes_text(rows[i].text), &c, &f) != -1)
			fail_msg("%s was taken", rows[i].text);
		if (!strstr(f.text, rows[i].want) || (secret && strstr(f.text, secret)))
			fail_msg("%s: %s", rows[i].text, f.text);
	}
}

#define CHECK_REFUSED(rows) check_refused(rows, COUNT(rows), NULL)
#define CHECK_REFUSED_WITHOUT(rows, secret) check_refused(rows, COUNT(rows), secret)

/* Does that stand in what the role is told; in what people are shown? */
static inline bool
is_told(const struct config *c, enum role role, const char *text)
{
	struct buf out;
	bool is_there;

	buf_init(&out, 1 << 20);
	config_put_slice(c, role, &out);
	is_there = bytes_find(buf_bytes(&out), bytes_text(text)) < out.len;
	buf_done(&out);
	return is_there;
}

static inline bool
is_shown(const struct config *c, const char *text)
{
	struct buf out;
	bool is_there;

	buf_init(&out, 1 << 20);
	config_put_text(c, true, &out);
	is_there = bytes_find(buf_bytes(&out), bytes_text(text)) < out.len;
	buf_done(&out);
	return is_there;
}

#endif
