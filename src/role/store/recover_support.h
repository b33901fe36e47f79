/* For tests of recovery: an engine over a disk in memory, and records as a crash leaves them in its journal. */
#ifndef STORE_RECOVER_SUPPORT_H
#define STORE_RECOVER_SUPPORT_H

#include "role/store/recover.h"
#include "sys/disk_fault.h"

struct world {
	struct disk_fault *disk; /* NULL: the system's is used */
	struct engine *engine;
	struct recovery *recovery;
};

enum { OCTETS = 5000, SEEDS = 10 };

/* With mailboxes in /mail and a state in /state. */
struct world *make_world(uint64_t seed);
void end_world(struct world *w);
/* After a power cut. */
void start_world_again(struct world *w);
/* For cmocka: *state is a world. */
int set_up(void **state);
int tear_down(void **state);

/* Records of one account, one after the other. */
struct records {
	const char *account;
	struct buf out;
	uint8_t space[16384];
};

/* Of /mail/1. */
void begin_records(struct records *x);
/* What follows is about the folder whose guid begins with that number. */
void put_mailbox(struct records *x, const char *name, uint8_t number);
/* body: BYTES_NONE: it is in tmp/. */
void put_append(struct records *x, uint32_t uid, const char *base, struct bytes body);
/* Message 1 of INBOX (mailbox 1), to that uid. */
void put_copy(struct records *x, uint32_t uid, const char *base);
void put_expunge(struct records *x, uint32_t uid);
/* Message 1 of INBOX (mailbox 1) to the folder A (mailbox 2). */
void put_move(struct records *x);
void put_delete(struct records *x, const char *name, uint8_t number);
void recover(struct world *w, const struct records *x);
void end_recovery(struct world *w);
/* Of these records alone; false: it fails. */
bool recovers(struct world *w, const struct records *x);

/* A of /mail/1, as the mailbox of that number. */
void make_folder(struct world *w, uint8_t number);
/* INBOX has message 1; the folder A lies on another disk. */
void make_two_disks(struct world *w);

/* Of OCTETS octets. */
struct bytes body(void);
/* A file of that body. */
void put_file(const char *path);
/* How many names that directory has; 0 when it is not there. */
int messages_of(const char *path);
/* Of that file; -1 when it is not there. */
off_t size_of(const char *path);
/* Of that dovecot-uidlist. */
uint32_t uid_validity_of(const char *path);
uint32_t uid_next_of(const char *path);

#endif
