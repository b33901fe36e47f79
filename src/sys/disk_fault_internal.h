/* What the two files of the fault disk share. */
#ifndef SYS_DISK_FAULT_INTERNAL_H
#define SYS_DISK_FAULT_INTERNAL_H

#include "sys/disk_fault.h"

#include "base/map.h"

#include <pthread.h>

enum { FAULT_BLOCK = 512, FAULT_FDS_MAX = 4096, FAULT_FD_FIRST = 1 << 20 };
#define FAULT_FILE_MAX ((size_t)256 << 20) /* address space set aside for each file */

/* A write that is not synced: a block, or (is_size) a new length. */
struct fault_write {
	struct fault_write *next;
	bool is_size;
	uint64_t at; /* of the block, or the length */
	uint8_t octets[FAULT_BLOCK];
};

/* A change of a directory that is not synced: the name points to the node, or (NULL) is gone. */
struct fault_naming {
	struct fault_naming *next;
	char *name;
	struct fault_node *node;
	struct fault_naming *partner; /* of a rename: both happen or neither */
	uint64_t order;
	int choice; /* 0: not made yet, 1: happened, -1: did not */
};

struct fault_node {
	struct fault_node *next; /* of all nodes of the disk */
	uint64_t number, device;
	mode_t mode;
	struct timespec changed;
	/* a file */
	uint8_t *live, *synced; /* FAULT_FILE_MAX each, mapped */
	uint64_t size, synced_size;
	bool is_mapped; /* was ever mapped for writing */
	struct fault_write *first_write, *last_write;
	/* a directory: names to nodes */
	struct map *names, *synced_names;
	struct fault_naming *first_naming, *last_naming;
};

struct disk_fault {
	pthread_mutex_t lock;
	uint64_t chance;
	struct fault_node *nodes, *root;
	struct fault_node *fds[FAULT_FDS_MAX];
	uint64_t calls, syncs, ticks, next_number;
	uint64_t fail_from, fail_to, cut_at; /* in calls; 0: never */
	int fail_error;
	bool is_cut;
	bool is_cutting; /* the power goes in the call at hand */
	uint64_t room;
	bool is_ordered; /* disk_fault_order_names */
	uint64_t order; /* of the last naming */
	uint64_t order_kept[2]; /* of devices with even and odd numbers: the last that a crash leaves */
};

extern struct disk_fault *fault_one;

/* disk_fault.c */
void fault_lock(void);
/* The end of every call: unlocks, and sets errno when the result is -1. */
int fault_done(int result, int error);
/* Counts a call that changes or syncs.  0: go on; else the error it fails with. */
int fault_count_call(void);
struct fault_node *fault_node_of(int fd);
int fault_new_fd(struct fault_node *node);
void fault_touch(struct fault_node *node);

/* disk_fault_files.c, disk_fault_names.c: their calls into the table. */
void fault_put_file_ops(struct disk_ops *ops);
void fault_put_name_ops(struct disk_ops *ops);
void fault_set_size(struct fault_node *node, uint64_t size);
void fault_put_stat(const struct fault_node *node, struct stat *st);
struct fault_node *fault_find(int dir, const char *path, int *error);

/* disk_fault_crash.c; with the lock held. */

/* A number below `below`. */
uint64_t fault_chance(struct disk_fault *d, uint64_t below);
/* On the same device as its parent; NULL: the root. */
struct fault_node *fault_node_new(struct disk_fault *d, mode_t mode, const struct fault_node *parent);
void fault_node_free(struct fault_node *node);
/* Remembers that blocks [at, at + count) were written, or the length changed. */
void fault_note_write(struct fault_node *node, uint64_t at, uint64_t count);
void fault_note_size(struct fault_node *node);
struct fault_naming *fault_note_name(struct fault_node *dir, const char *name, struct fault_node *node);
/* Everything of the node is safe. */
void fault_sync_node(struct fault_node *node);
/* A part of what was not synced is lost for good, the rest is safe; reading shows all of it. */
void fault_lose_part(struct disk_fault *d, struct fault_node *node);
/* Chooses order_kept. */
void fault_choose_order(struct disk_fault *d);
/* What is read becomes a choice of what a crash may leave; that is safe then. */
void fault_crash_node(struct disk_fault *d, struct fault_node *node);

#endif
