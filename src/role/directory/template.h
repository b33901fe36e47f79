/* Where a mailbox lies: the template of `mailboxes maildir`, filled in for one account. */
#ifndef ROLE_DIRECTORY_TEMPLATE_H
#define ROLE_DIRECTORY_TEMPLATE_H

#include "base/buf.h"
#include "base/fault.h"
#include "config/address.h"
#include "role/directory/record.h"

struct template {
	struct bytes text;
	struct bytes homes; /* below which directory %h lies */
};

/* Appends the path: %d is the domain, %u the local part, %{name} an attribute, %% a "%", %h the home: the attribute RECORD_HOME,
   which may begin with `homes` or counts from there.  -1 with *f: the template is malformed, an attribute is missing, or a
   value is not fit to be part of a file name: empty, longer than 255 octets, beginning with ".", or holding "/" or a control
   octet; of a home that is each part of it, and it lies elsewhere when it is `homes` itself.  Then *out holds nothing to use. */
int template_put_path(struct buf *out, const struct template *template, const struct address *address,
	const struct record_attribute *attributes, size_t attribute_count, struct fault *f)
	__attribute__((warn_unused_result));
/* The same for an account that no source describes: each attribute, and its home, is its local part. */
int template_put_made_path(struct buf *out, const struct template *template, const struct address *address, struct fault *f)
	__attribute__((warn_unused_result));

/* The part of a path that the template made which is one account's alone: what stands behind the component with the
   last variable is cut off, or behind %h.  Borrowed from path. */
struct bytes template_home(struct bytes template, struct bytes path);

#endif
