#include "role/store/keywords.h"

#include <string.h>

bool
keywords_is_name(struct bytes name)
{
	return name.len > 0 && name.len <= VIEW_KEYWORD_OCTETS_MAX
		&& bytes_all_class(name, CLASS_IMAP_ATOM);
}

static void
set_name(struct keywords *k, size_t letter, struct bytes name)
{
	memcpy(k->names[letter], name.ptr, name.len);
	k->lens[letter] = (uint8_t)name.len;
}

void
keywords_parse(struct bytes text, struct keywords *k)
{
	*k = (struct keywords){ 0 };
	while (text.len) {
		struct bytes line = take_until(&text, '\n');
		uint64_t letter;

		if (take_number(&line, MAILDIR_KEYWORDS_MAX - 1, &letter) && take_char(&line, ' ')
			&& keywords_is_name(line) && keywords_find(k, line) < 0)
			set_name(k, letter, line);
	}
}

void
keywords_put(struct buf *out, const struct keywords *k)
{
	for (uint32_t i = 0; i < MAILDIR_KEYWORDS_MAX; i++) {
		if (k->lens[i] == 0)
			continue;
		put_number(out, i);
		put_char(out, ' ');
		put_bytes(out, keywords_name(k, i));
		put_char(out, '\n');
	}
}

struct bytes
keywords_name(const struct keywords *k, uint32_t letter)
{
	return bytes_of(k->names[letter], k->lens[letter]);
}

int
keywords_find(const struct keywords *k, struct bytes name)
{
	for (uint32_t i = 0; i < MAILDIR_KEYWORDS_MAX; i++)
		if (k->lens[i] && bytes_equal_nocase(keywords_name(k, i), name))
			return (int)i;
	return -1;
}

bool
keywords_are_full(const struct keywords *k)
{
	for (uint32_t i = 0; i < MAILDIR_KEYWORDS_MAX; i++)
		if (k->lens[i] == 0)
			return false;
	return true;
}

int
keywords_add(struct keywords *k, struct bytes name)
{
	int letter = keywords_find(k, name);

	if (letter >= 0 || !keywords_is_name(name))
		return letter;
	for (uint32_t i = 0; i < MAILDIR_KEYWORDS_MAX; i++) {
		if (k->lens[i] == 0) {
			set_name(k, i, name);
			return (int)i;
		}
	}
	return -1;
}
