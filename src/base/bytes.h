/* Views of octets that somebody else owns, and the take-functions that parsers are made of. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A borrowed view: valid as long as what it points into.  ptr may be NULL only when len is 0. */
struct bytes {
	const uint8_t *ptr;
	size_t len;
};

/* A view of a string literal, without its NUL. */
#define BYTES(literal) ((struct bytes){ (const uint8_t *)(literal ""), sizeof(literal) - 1 })
#define BYTES_INIT(literal) { (const uint8_t *)(literal ""), sizeof(literal) - 1 }
#define BYTES_NONE ((struct bytes){ NULL, 0 })

/* For printf: "%.*s". */
#define BYTES_ARG(b) (int)(b).len, (const char *)((b).ptr ? (b).ptr : (const uint8_t *)"")

/* Classes of octets, tested with bytes_is_class(); may be or-ed together. */
enum byte_class {
	CLASS_ALPHA = 1 << 0,
	CLASS_DIGIT = 1 << 1,
	CLASS_HEX = 1 << 2,
	CLASS_SPACE = 1 << 3, /* SP and HTAB */
	CLASS_ATEXT = 1 << 4, /* RFC 5322 3.2.3 */
	CLASS_QTEXT = 1 << 5, /* RFC 5321 4.1.2 qtextSMTP, without SP */
	CLASS_PRINT = 1 << 6, /* %d32-126 */
	CLASS_CONTROL = 1 << 7, /* %d0-31 / %d127 */
	CLASS_IMAP_ATOM = 1 << 8, /* RFC 3501 9 ATOM-CHAR */
	CLASS_TOKEN = 1 << 9, /* RFC 2045 5.1 token */
	CLASS_HIGH = 1 << 10, /* %d128-255 */
	CLASS_FTEXT = 1 << 11, /* RFC 5322 3.6.8: printable but ":" and SP */
};

/* A view of a NUL-terminated string of ours; NULL gives the empty view. */
struct bytes bytes_text(const char *text);
/* A view of len octets at ptr. */
struct bytes bytes_of(const void *ptr, size_t len);
bool bytes_equal(struct bytes a, struct bytes b);
/* Equal when A-Z count as a-z; other octets must be the same. */
bool bytes_equal_nocase(struct bytes a, struct bytes b);
/* Equal, in a time that depends on the lengths alone: for secrets. */
bool bytes_equal_secret(struct bytes a, struct bytes b);
/* Less than, equal to, greater than 0 as a stands before, at, after b in octet order. */
int bytes_compare(struct bytes a, struct bytes b);
bool bytes_starts(struct bytes in, struct bytes prefix);
bool bytes_starts_nocase(struct bytes in, struct bytes prefix);
bool bytes_ends_nocase(struct bytes in, struct bytes suffix);
/* The part from octet `from`, `len` octets at most; clipped to what is there. */
struct bytes bytes_sub(struct bytes in, size_t from, size_t len);
/* The octets that were taken: `rest` is a later view of the same octets as `all`. */
struct bytes bytes_between(struct bytes all, struct bytes rest);
/* Offset of the first octet c, or in.len when there is none. */
size_t bytes_find_char(struct bytes in, uint8_t c);
/* Offset of the last octet c, or in.len when there is none. */
size_t bytes_find_last_char(struct bytes in, uint8_t c);
/* Offset of the first occurrence of what, or in.len when there is none; an empty what is at 0. */
size_t bytes_find(struct bytes in, struct bytes what);
/* Without SP, HTAB, CR and LF at both ends. */
struct bytes bytes_trim(struct bytes in);
/* Do all octets belong to one of the classes?  True for the empty view. */
bool bytes_all_class(struct bytes in, unsigned int classes);
bool byte_is_class(uint8_t c, unsigned int classes);
/* a-z for A-Z, every other octet as it is. */
uint8_t byte_lower(uint8_t c);
uint8_t byte_upper(uint8_t c);
/* Is it well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms)? */
bool bytes_is_utf8(struct bytes in);
/* Takes a character of it. */
bool take_utf8(struct bytes *in, uint32_t *character);
bool bytes_is_ascii(struct bytes in);
/* Is it what take_dotted takes, and nothing behind it? */
bool bytes_is_dotted(struct bytes in, unsigned int classes);

/* The take-functions: when what they look for stands at the front of *in, they step over it
   and return true; else they change nothing and return false. */
bool take_char(struct bytes *in, uint8_t c);
bool take_text(struct bytes *in, struct bytes text);
bool take_text_nocase(struct bytes *in, struct bytes text);
/* One octet or more of the classes. */
bool take_class(struct bytes *in, unsigned int classes, struct bytes *out);
/* The same, and more of it, each time behind a dot. */
bool take_dotted(struct bytes *in, unsigned int classes, struct bytes *out);
/* Exactly `count` octets, any value; false when fewer are left. */
bool take_octets(struct bytes *in, size_t count, struct bytes *out);
/* 1*DIGIT with a value of at most `max`; false (and nothing taken) when it is larger. */
bool take_number(struct bytes *in, uint64_t max, uint64_t *out);
/* Zero or more SP and HTAB. */
void take_spaces(struct bytes *in);
/* Up to the next octet c (which is taken too, but not part of *out), or all that is left. */
struct bytes take_until(struct bytes *in, uint8_t c);

#endif
