/* The changes of envelopes as the journal and the file `envelopes` keep them.  Pure. */
#ifndef QUEUE_SPOOL_RECORD_H
#define QUEUE_SPOOL_RECORD_H

#include "role/queue/message.h"

#define SPOOL_ENTRY_MAX (1 + MAIL_ID_LEN + sizeof(uint32_t) + QUEUE_IMAGE_MAX)
#define SPOOL_ENTRY_HEAD 8

enum spool_record_kind { SPOOL_PUT = 1, SPOOL_REMOVE = 2 };

struct spool_record {
	uint8_t kind;
	struct mail_id id;
	struct bytes image; /* of a PUT: queued_take */
	struct bytes body; /* behind it; empty: it has none (no message is empty) */
};

/* u8 kind, 26 octets id; of a PUT (m is not NULL) u32 length and image.  A body may follow. */
void spool_put_record(struct buf *out, enum spool_record_kind kind, const struct mail_id *id, const struct queued *m);
/* False: it is none.  *r borrows from in. */
bool spool_take_record(struct bytes in, struct spool_record *r);
/* A record without a body as `envelopes` has it: u32 length and u32 CRC-32C before it. */
void spool_put_entry(struct buf *out, struct bytes record);

#endif
