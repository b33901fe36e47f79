/* SORT and THREAD (RFC 5256).  Messages are found as SEARCH finds them; what their order depends on is read from each when it
   is found (order.c), so that the summary of one that came from outside is there.  Then they are put in order in turns
   (sort.c; thread.c and thread_tree.c). */
#ifndef IMAP_ORDER_H
#define IMAP_ORDER_H

#include "proto/imap/merge.h"
#include "proto/imap/search_internal.h"

/* Keys of one SORT. */
#define IMAP_SORT_KEYS_MAX 16
/* What the order of one command may take beside what is told. */
#define IMAP_ORDER_ARENA_MAX (64U << 20)
/* Comparisons of one turn. */
#define IMAP_ORDER_BUDGET 20000

enum imap_sort_kind {
	SORT_ARRIVAL,
	SORT_CC,
	SORT_DATE,
	SORT_FROM,
	SORT_SIZE,
	SORT_SUBJECT,
	SORT_TO,
};

/* What a message is ordered by.  Texts are folded as they are compared: i;unicode-casemap, RFC 5256 1. */
struct imap_order_facts {
	int64_t arrival_s;
	int64_t sent_s; /* RFC 5256 2.2 */
	uint64_t size;
	struct bytes from, to, cc; /* the mailbox of the first address */
	struct bytes subject; /* the base subject */
	bool is_reply; /* the subject had marks of a reply or of a forward */
	struct bytes ids; /* as in the summary; borrowed from it */
};

/* Reads them.  Texts (if wanted) are in the arena.  False: it is full. */
bool imap_order_read(struct imap_candidate *c, bool wants_texts, struct arena *a, struct imap_order_facts *facts);

#endif
