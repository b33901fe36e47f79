/* The grammar of /etc/aliases (aliases(5) of sendmail and Postfix), and nothing of what its words mean.  Pure.

     file   = *( entry / comment / blank line )
     entry  = name ":" target *( "," target )
     name, target = 1*( character / DQUOTE *( character / "\" character ) DQUOTE )

   A line that begins with white space goes on with the entry before it.  "#" as the first character of a line, white space apart,
   makes it a comment, between the lines of an entry too.  A list (what :include: names) is targets alone, a line end being as good as
   a comma. */
#ifndef CONFIG_ALIASES_H
#define CONFIG_ALIASES_H

#include "base/arena.h"
#include "base/buf.h"

#define ALIASES_TARGETS_MAX 8192
#define ALIASES_WORD_MAX 1024

/* Without quotes and backslashes; lines and columns from 1, a column is a character. */
struct aliases_word {
	struct bytes text;
	uint32_t line, column;
	bool is_bare; /* no quote in it: a backslash at its start is one */
};

struct aliases_entry {
	struct aliases_word name; /* of a list: empty */
	struct aliases_word *targets;
	size_t target_count;
};

/* A reading.  The first four are the caller's to set (aliases_begin). */
struct aliases {
	struct bytes rest;
	struct arena *arena; /* entries live there */
	/* Hears what is wrong, with a sentence that says what to do. */
	void (*trouble)(void *arg, uint32_t line, uint32_t column, const char *sentence);
	void *arg;
	uint32_t line, column;
	bool is_list;
};

/* text: borrowed while it is read. */
void aliases_begin(struct aliases *a, struct bytes text, struct arena *arena,
	void (*trouble)(void *arg, uint32_t line, uint32_t column, const char *sentence), void *arg);
/* The next entry that can be read; of what can't, trouble heard.  False: there is none any more. */
bool aliases_next(struct aliases *a, struct aliases_entry *out);
/* All of a list as the targets of one entry, as far as it can be read. */
void aliases_read_list(struct aliases *a, struct aliases_entry *out);
/* An entry as aliases_next reads it back, on a line of its own. */
void aliases_put_name(struct buf *out, struct bytes name);
void aliases_put_target(struct buf *out, struct bytes target, bool is_first);
void aliases_put_end(struct buf *out);

#endif
