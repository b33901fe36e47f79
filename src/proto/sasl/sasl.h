/* The server's side of a SASL exchange, without knowledge of who is a user: the mechanism yields
   what has to be checked, the session asks the directory.  Over libgsasl. */
#ifndef SASL_SASL_H
#define SASL_SASL_H

#include "base/buf.h"
#include "base/fault.h"

/* Longer ones are malformed: no directory has them. */
#define SASL_NAME_OCTETS_MAX 320
#define SASL_PASSWORD_OCTETS_MAX 1024

struct sasl;

enum sasl_status {
	SASL_CONTINUE, /* send the challenge, give the answer to the next step */
	SASL_CHECK, /* credentials are complete: ask whether they are right */
	SASL_MALFORMED,
};

/* As the client sent them, not prepared (RFC 4013). */
struct sasl_credentials {
	struct bytes name; /* authentication identity, UTF-8, not empty */
	struct bytes authorize_as; /* UTF-8, may be empty */
	struct bytes secret_password; /* without NUL, not empty */
};

/* Names of the mechanisms that are offered, in order, separated by SP: "PLAIN LOGIN". */
const char *sasl_mechanisms(void);
/* An exchange of that mechanism (without regard to case), or NULL when there is none such. Owned. */
struct sasl *sasl_new(struct bytes mechanism);
/* Wipes and frees; sets *s to NULL. */
void sasl_free(struct sasl **s);
/* The canonical name: "PLAIN". */
const char *sasl_name(const struct sasl *s);
/* One step.  in: the client's octets as base64 (RFC 4954, RFC 3501), without line end; "=" is the empty initial
   response.  *has_in false: none was sent with the command.  challenge: appended, as base64. */
enum sasl_status sasl_step(struct sasl *s, bool has_in, struct bytes in, struct buf *challenge);
/* After SASL_CHECK; borrowed until sasl_free. */
struct sasl_credentials sasl_credentials(const struct sasl *s);

#endif
