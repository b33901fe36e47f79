/* A certificate and its key, looked at with OpenSSL: for `mermoz check`. */
#ifndef CLI_CERTIFICATE_H
#define CLI_CERTIFICATE_H

#include "base/bytes.h"
#include "base/fault.h"

/* Can the chain be read, does the key belong to its first certificate, is that in force at now_s?
   -1: *f says why not. */
int certificate_check(struct bytes chain_pem, struct bytes secret_key_pem, int64_t now_s, struct fault *f)
	__attribute__((warn_unused_result));

#endif
