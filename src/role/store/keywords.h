/* dovecot-keywords: which keyword a letter in a file's name stands for ("0 $Forwarded": the letter a).  Pure. */
#ifndef STORE_KEYWORDS_H
#define STORE_KEYWORDS_H

#include "base/buf.h"
#include "role/store/maildir.h"
#include "view/view.h"

#define KEYWORDS_FILE_OCTETS_MAX 65536

/* Letter n stands for names[n]; a name of no octets: for nothing yet. */
struct keywords {
	uint8_t lens[MAILDIR_KEYWORDS_MAX];
	uint8_t names[MAILDIR_KEYWORDS_MAX][VIEW_KEYWORD_OCTETS_MAX];
};

/* Reads what it can; lines that it can't read are stepped over. */
void keywords_parse(struct bytes text, struct keywords *k);
void keywords_put(struct buf *out, const struct keywords *k);
struct bytes keywords_name(const struct keywords *k, uint32_t letter);
/* The letter's number, or -1: no letter stands for it. Case does not matter. */
int keywords_find(const struct keywords *k, struct bytes name);
/* As keywords_find, and takes a free letter when there is none; -1: no letter is free or the name can't be. */
int keywords_add(struct keywords *k, struct bytes name);
/* Is no letter free? */
bool keywords_are_full(const struct keywords *k);
/* flag-keyword = atom (RFC 3501 9) that fits. */
bool keywords_is_name(struct bytes name);

#endif
