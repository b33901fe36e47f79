/* The MIME header fields' values (RFC 2045 5, RFC 2183). */
#ifndef MIME_CONTENT_H
#define MIME_CONTENT_H

#include "proto/mime/summary.h"

/* "text/plain": steps over type and subtype; what follows are parameters. */
bool take_content_type(struct bytes *in, struct bytes *type, struct bytes *subtype);
/* A token with CFWS around it: Content-Disposition:, Content-Transfer-Encoding:. */
bool take_content_token(struct bytes *in, struct bytes *token);
/* The next ";" name "=" value; the value unquoted is in *value, which is emptied first.  What is no parameter is
   stepped over.  False at the end. */
bool take_parameter(struct bytes *in, struct bytes *name, struct buf *value);
/* The value of the named parameter (without regard to case), put together and without its escapes when it is
   continued or extended (RFC 2231 3, 4): false, and *value empty, when there is none. */
bool find_parameter(struct bytes parameters, struct bytes name, struct buf *value);
enum summary_encoding content_encoding(struct bytes token);

#endif
