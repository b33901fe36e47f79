/* The way to a mailbox: nothing but what the administrator arranged is followed (doc/adr/0010). */
#ifndef STORE_WAY_H
#define STORE_WAY_H

#include "base/bytes.h"
#include "base/fault.h"

#include <stdbool.h>

/* An open directory on the way.  may_follow: nobody but root and the store could write to any directory from the place for
   mailboxes to here, so a link in this one is the administrator's. */
struct way {
	int directory;
	bool may_follow;
};

/* Opens the directory at path, below root (the place for mailboxes), made with all that is missing when is_made is set.
   -1, errno and *f; FAULT_DENIED: whoever may write on the way leads elsewhere, or could. */
int way_open(const char *root, const char *path, bool is_made, struct way *out, struct fault *f)
	__attribute__((warn_unused_result));
/* Opens the directory of the mailbox of that name in an account's.  The same results. */
int way_open_folder(const struct way *account, struct bytes name, struct fault *f) __attribute__((warn_unused_result));
/* Makes tmp/, new/ and cur/ where they are missing, and looks at those that are there.  The same results. */
int way_make_parts(const struct way *folder, struct fault *f) __attribute__((warn_unused_result));

#endif
