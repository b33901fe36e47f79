/* The doubt whether accounts that an LDAP server lacks all of a sudden were deleted: a restore may be under way, and
   then their mail must not be refused nor their sessions end.

   A reading that lacks ten accounts and more than a tenth of those that we hold begins the doubt.  While it lasts, what a
   reading lacks is kept beside what it has.  It ends when nothing is lacking any more, or when the server has shown the
   same accounts for a quiet time: then the others count as deleted. */
#ifndef ROLE_DIRECTORY_DOUBT_H
#define ROLE_DIRECTORY_DOUBT_H

#include "role/directory/image.h"

/* A reading, beside what we hold. */
struct doubt_count {
	size_t held, found; /* accounts */
	size_t missing; /* accounts that we hold and it lacks */
	size_t missing_aliases;
};

/* All zero: there is none. */
struct doubt {
	int64_t since_us; /* mono; 0: there is none */
	int64_t same_us; /* since when the server shows the same */
	struct doubt_count count; /* at the last reading */
};

/* Does it lack so many that they may not have been deleted? */
bool doubt_is_due(size_t held, size_t missing);
/* Begins or goes on with the quiet time anew: the server showed nobody, or (when there is a doubt) did not answer. */
void doubt_begin(struct doubt *d, int64_t now_us);
void doubt_disturb(struct doubt *d, int64_t now_us);
/* Has the quiet time passed, so that one more reading decides? */
bool doubt_is_ripe(const struct doubt *d, int64_t now_us, int64_t quiet_us);
/* Takes a reading into account.  True: what it lacks is to be kept. */
bool doubt_judge(struct doubt *d, const struct doubt_count *count, int64_t now_us, int64_t quiet_us);
/* Counts what the records of a reading lack of those that are held (image.h).  False: some can't be read, and the count says nothing. */
bool doubt_compare(const struct run *held, const struct run *looked, struct doubt_count *count) __attribute__((warn_unused_result));
/* Appends the reading with what is held and it lacks, accounts and aliases; of an alias that leads to such an account, as it is
   held.  False: some can't be read, and what was appended is not all of it. */
bool doubt_keep(const struct run *held, const struct run *looked, struct run *out) __attribute__((warn_unused_result));

#endif
