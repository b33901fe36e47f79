/* What RFC 4533 puts into controls and intermediate responses (pure).  All views are into what was parsed. */
#ifndef ROLE_DIRECTORY_SYNC_VALUE_H
#define ROLE_DIRECTORY_SYNC_VALUE_H

#include "base/buf.h"

#define SYNC_UUID_OCTETS 16

enum sync_change { SYNC_PRESENT, SYNC_ADD, SYNC_MODIFY, SYNC_DELETE };

/* 2.3: of an entry. */
struct sync_state {
	enum sync_change change;
	struct bytes uuid; /* SYNC_UUID_OCTETS */
	struct bytes cookie; /* or empty, as everywhere here */
};

enum sync_info_kind { SYNC_NEW_COOKIE, SYNC_REFRESH_DELETE, SYNC_REFRESH_PRESENT, SYNC_ID_SET };

/* 2.5: of the search. */
struct sync_info {
	enum sync_info_kind kind;
	struct bytes cookie;
	bool is_done; /* of the refresh kinds: the refresh stage has ended */
	bool has_deletes; /* of the set: its entries were deleted; else they are there, unchanged */
	struct bytes uuids; /* of the set: for sync_take_uuid */
};

/* False: it is none. */
bool sync_parse_state(struct bytes in, struct sync_state *out) __attribute__((warn_unused_result));
bool sync_parse_info(struct bytes in, struct sync_info *out) __attribute__((warn_unused_result));
/* The next of a set.  False: at its end, or it is none. */
bool sync_take_uuid(struct bytes *uuids, struct bytes *uuid) __attribute__((warn_unused_result));
/* 2.2: the request to refresh and persist; cookie: or empty. */
void sync_put_request(struct buf *out, struct bytes cookie);

#endif
