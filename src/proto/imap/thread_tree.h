/* Who answers whom: the trees of THREAD (RFC 5256 3), made in turns.

   Nodes [0, count) are the messages; those behind are dummies: ids that are referred to and that no message has, and what
   holds threads of one subject together.  Only parents are kept while the tree is made: what the RFC says of children
   comes out of them, and of going through the messages in the order of their dates at the end, so that no step costs more than
   a message costs, whatever is linked to what.

   T1  parent never leads back to where it began: who links looks first, a thousand steps far; farther is a loop.
   T2  When the tree is done, only a root is a dummy, and each dummy has two children at least.
   T3  Siblings are in the order of their sent dates, a dummy stands where its first child does. */
#ifndef IMAP_THREAD_TREE_H
#define IMAP_THREAD_TREE_H

#include "proto/imap/merge.h"

#define THREAD_NONE UINT32_MAX

enum imap_thread_algorithm { THREAD_ORDEREDSUBJECT, THREAD_REFERENCES };

struct imap_thread_message {
	uint32_t told; /* number or uid; no two have the same */
	bool is_reply;
	int64_t sent_s;
	struct bytes subject; /* the base subject, folded */
	size_t ids_at; /* the first of its ids: its own (0: none), then those it refers to */
	size_t id_count; /* 1 at least */
};

/* The result: all of it in the arena. */
struct imap_threads {
	const struct imap_thread_message *messages;
	uint32_t count;
	uint32_t first; /* the first root; THREAD_NONE: there is none */
	uint32_t *parent, *first_child, *next; /* by node: THREAD_NONE ends */
};

struct imap_tree {
	struct imap_threads threads; /* when it is done */
	enum imap_thread_algorithm algorithm;
	const uint64_t *ids;
	size_t id_count;
	struct arena *arena;
	int phase;
	struct imap_merge merge;
	uint32_t *by_number, *by_date, *subjects; /* subjects: by message, those of one subject have the same */
	uint32_t *id_nodes; /* by id */
	uint32_t *table; /* by subject: a node */
	uint32_t *last_child, *seen; /* by node */
	uint32_t nodes, nodes_max;
};

enum imap_tree_state { TREE_MORE, TREE_DONE, TREE_FULL };

/* messages and ids must outlive the tree. */
void imap_tree_start(struct imap_tree *t, enum imap_thread_algorithm algorithm,
	const struct imap_thread_message *messages, uint32_t count, const uint64_t *ids, size_t id_count,
	struct arena *a);
/* The next slice of the work: `budget` comparisons, or one pass over all.  TREE_FULL: the arena is. */
enum imap_tree_state imap_tree_step(struct imap_tree *t, size_t budget);

#endif
