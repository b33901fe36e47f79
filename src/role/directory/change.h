/* A few entries that changed, put in force without making anew what all of them mean: how what counts becomes otherwise.

   What counts of a source is one record (image.h) for each address; that is what a change speaks of. */
#ifndef ROLE_DIRECTORY_CHANGE_H
#define ROLE_DIRECTORY_CHANGE_H

#include "role/directory/image.h"

/* Embed it. */
struct change {
	struct buf gone; /* addresses and account names that meant something, as image_put_member has them */
	struct buf records; /* what they, and others, mean now: users and aliases */
};

/* Nothing has changed. */
void change_init(struct change *c);
/* Wipes it. */
void change_done(struct change *c);
/* Forgets it. */
void change_reset(struct change *c);
bool change_is_empty(const struct change *c);

#endif
