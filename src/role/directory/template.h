/* Where a mailbox lies: the template of `mailboxes maildir`, filled in for one account. */
#ifndef ROLE_DIRECTORY_TEMPLATE_H
#define ROLE_DIRECTORY_TEMPLATE_H

#include "base/buf.h"
#include "base/fault.h"
#include "role/directory/address.h"
#include "role/directory/record.h"

/* Appends the path: %d is the domain, %u the local part, %{name} an attribute, %% a "%".  -1 with *f:
   the template is malformed, an attribute is missing, or a value is not fit to be part of a file name:
   empty, longer than 255 octets, beginning with ".", or holding "/" or a control octet.  Then *out
   holds nothing to use. */
int template_put_path(struct buf *out, struct bytes template, const struct address *address,
	const struct record_attribute *attributes, size_t attribute_count, struct fault *f)
	__attribute__((warn_unused_result));

/* The part of a path that the template made which is one account's alone: what stands behind the component with the
   last variable is cut off.  Borrowed from path. */
struct bytes template_home(struct bytes template, struct bytes path);

#endif
