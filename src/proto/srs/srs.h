/* The Sender Rewriting Scheme: senders of forwarded mail as addresses of ours, and back (README.md).  Pure. */
#ifndef SRS_SRS_H
#define SRS_SRS_H

#include "base/buf.h"

#define SRS_DAYS 21
#define SRS_MAC_OCTETS 32
/* A path without its brackets, RFC 5321 4.5.3.1.3. */
#define SRS_ADDRESS_MAX 254

/* A keyed hash of the text.  False: it could not be computed. */
typedef bool (*srs_mac)(void *arg, struct bytes text, uint8_t out[SRS_MAC_OCTETS]);

struct srs {
	struct bytes domain; /* of ours, that rewritten senders have */
	srs_mac mac;
	void *arg;
};

/* Appends what the sender (without brackets) is written as when its mail goes on at day now_s / 86400.  False, with nothing appended: it
   can't be (it would be too long, its local part is quoted, its domain is none), and stays as it is. */
bool srs_put_sender(const struct srs *srs, struct bytes sender, int64_t now_s, struct buf *out);

enum srs_result {
	SRS_NONE, /* not an address of the scheme */
	SRS_BACK, /* the address that it stands for was appended */
	SRS_FORGED, /* we did not make it */
	SRS_EXPIRED, /* it is older than 21 days, or of the future */
};

/* What an address of ours stands for.  The domain of `address` is not looked at. */
enum srs_result srs_put_back(const struct srs *srs, struct bytes address, int64_t now_s, struct buf *out);

#endif
