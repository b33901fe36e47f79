/* What the engine's files share.  Who may touch what is said beside the members: "strand" is a job of the
   account's strand. */
#ifndef STORE_ENGINE_INTERNAL_H
#define STORE_ENGINE_INTERNAL_H

#include "base/arena.h"
#include "base/map.h"
#include "base/memory.h"
#include "journal/journal.h"
#include "role/store/engine.h"
#include "role/store/files.h"
#include "role/store/keywords.h"
#include "role/store/maildir.h"
#include "role/store/record.h"
#include "role/store/uidlist.h"
#include "role/store/way.h"
#include "sys/disk.h"
#include "sys/pool.h"
#include "view/writer.h"

#include <pthread.h>
#include <stdatomic.h>

/* Larger bodies are synced as files; smaller ones stand in the journal. */
#define ENGINE_BODY_JOURNALED_MAX (256 * 1024)
/* A journal record that grows beyond this is continued in another one. */
#define ENGINE_RECORD_OCTETS ((size_t)1 << 20)
#define ENGINE_RECORD_OCTETS_MAX (ENGINE_RECORD_OCTETS + ENGINE_BODY_JOURNALED_MAX + 65536)

struct file_system;
struct recovery;
struct watchers;

/* What mail takes: RFC822.SIZE, as views count it. */
struct usage {
	uint64_t octets, messages;
};

struct engine {
	struct pool *pool;
	struct journal *journal;
	struct recovery *recovery; /* while the journal is replayed */
	struct watchers *watch; /* NULL: no loop */
	struct loop *loop; /* NULL: none */
	struct timer settle_timer;
	int state_directory, journal_directory;
	char *mailboxes; /* the place for mailboxes */
	uint64_t epoch; /* grows with each stop without warning: views of earlier epochs are checked */
	char *hostname;
	int64_t process;
	uint32_t mailboxes_max;
	uint64_t reserve_octets, requests_octets_max;
	uint64_t scan_octets; /* of records that one look into a mailbox may log (scan.c) */
	_Atomic uint64_t next_file; /* the Q of file names */
	_Atomic uint64_t next_mailbox;
	_Atomic bool is_closing;
	_Atomic int64_t space_checked_s;
	_Atomic bool is_full;
	/* The loop's thread. */
	struct map *accounts; /* by path */
	struct engine_outlet *outlets;
	/* Under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t settled;
	struct engine_account *unsettled; /* whose file names lag behind */
	uint32_t settling;
	struct file_system *file_systems; /* that were written to (file_systems.h) */
	size_t file_system_count;
	uint64_t requests; /* under way */
	struct mailbox *idle_first, *idle_last; /* open, not pinned (unpinned.h) */
	uint32_t idle_count;
	/* Of their sync. */
	pthread_mutex_t sync_lock;
	bool has_sync_failed; /* once: the kernel tells of it no more (J7); under that lock */
};

struct engine_outlet {
	struct engine_outlet *next;
	pthread_mutex_t lock;
	_Atomic uint64_t requests_octets; /* held for requests that are under way */
	uint64_t epoch; /* under the lock */
	void (*send)(void *arg, const struct message *m);
	void *arg;
};

struct request;

/* Never freed while the engine lives: its strand must be the only one for its path. */
struct engine_account {
	struct engine *engine;
	struct strand strand;
	char *path;
	/* The loop's thread. */
	bool is_welcomed;
	/* Strand. */
	struct map *mailboxes; /* open ones, by name */
	struct way way; /* to its directory; -1: not open */
	uint32_t last_uid_validity;
	bool has_deleted; /* folders, since what was copied out of them was synced */
	uint32_t started; /* requests that have begun and are not freed */
	struct request *exclusive; /* runs alone: nothing else begins until it is freed */
	struct request *parked, *parked_last;
	struct usage usage, taken; /* of its mailboxes, when is_usage_known (usage.c); by requests under way */
	bool is_usage_known;
	int64_t count_again_us; /* a folder could not be counted; 0: all were */
	struct job settle_job, close_job, outside_job;
	_Atomic bool is_close_queued, is_outside_queued;
	_Atomic uint64_t quota_octets, quota_messages; /* 0: none; set by the loop's thread */
	/* Under the engine's lock. */
	struct engine_account *next_unsettled;
	bool is_unsettled; /* in the list, or its job waits to begin */
};

struct engine_session {
	struct engine_account *account;
	struct engine_outlet *outlet;
	uint64_t outlet_epoch;
	_Atomic uint32_t holds;
	bool is_used; /* something was submitted; the loop's thread */
	/* Strand. */
	struct mailbox *selected;
	bool is_read_only, has_ended;
	struct job end_job;
};

struct engine_body {
	_Atomic uint32_t holds;
	int fd;
	uint64_t octet_count; /* wherever they stand */
	struct bytes octets;
};

/* One record of a request in the journal. */
struct request_part {
	struct journal_entry entry;
	struct request *request;
	struct request_part *next;
	const struct mailbox *mailbox; /* that the last entry is about */
	struct buf text;
	struct bytes body[2]; /* pieces behind the text: borrowed until the request is done */
	uint8_t head[16]; /* RECORD_PART when there are several */
	bool is_sent, is_taken; /* by the journal */
};

/* A new message on its way into a mailbox. */
struct arrival {
	uint32_t uid;
	uint32_t flags;
	uint64_t keyword_bits; /* of the view */
	struct bytes base;
	struct bytes prefix, octets; /* octets: none when the file was synced */
	int64_t date_s;
	uint64_t size;
	struct bytes summary;
	bool is_synced; /* not in the journal */
};

/* One request from its arrival to its answer.  Freed on the strand. */
struct request {
	struct job job;
	struct request *next; /* parked, or waiting */
	struct engine *engine;
	struct engine_account *account;
	struct engine_session *session; /* held */
	struct engine_body *body; /* held */
	struct engine_outlet *outlet; /* NULL: nobody waits for the answer */
	uint64_t octets; /* that it holds of the outlet's */
	uint64_t outlet_epoch;
	struct message m; /* a copy; its octets stand behind this struct */
	void (*work)(struct request *r); /* what to do next */
	void (*finish)(struct request *r, enum ipc_outcome outcome); /* after the commit */
	struct arena *arena;
	struct mailbox *mailbox, *target; /* pinned */
	struct request_part *parts, *last_part;
	_Atomic size_t parts_pending;
	_Atomic enum ipc_outcome committed;
	struct arrival arrival;
	void *extra; /* of the kind of request, in the arena */
	struct usage taken; /* of the account's quota, until it is done */
	void (*after_scan)(struct request *r);
	enum ipc_outcome outcome;
	bool is_started, is_exclusive;
};

/* A front that has sessions in the mailbox. */
struct mailbox_watcher {
	struct engine_outlet *outlet;
	uint64_t outlet_epoch;
	uint32_t sessions;
};

/* An open mailbox; strand. */
struct mailbox {
	struct engine_account *account;
	char name[MAILDIR_NAME_MAX + 1];
	uint64_t number;
	int directory, uidlist, view_file, summary_file;
	struct file_identity uidlist_is, view_is, summary_is; /* of what is open */
	dev_t device; /* of the directory */
	ino_t inode;
	uint8_t guid[RECORD_GUID_OCTETS];
	uint32_t uid_validity;
	uint64_t uidlist_octets;
	uint64_t uidlist_reserved;
	struct view_writer view;
	size_t view_mapped;
	uint64_t summary_end, summary_octets; /* written, length of the file */
	struct keywords keywords;
	uint64_t letters_of[VIEW_KEYWORDS_MAX]; /* keyword of the view -> letter bit, 0: none */
	uint32_t uid_next; /* for the next one that is prepared */
	uint32_t appending; /* records that are prepared, not published */
	struct usage counted; /* in the account's, when that is known */
	uint32_t recent_from;
	uint32_t pins; /* requests and sessions */
	uint32_t lag_first, lag_end; /* records whose file names may lag behind */
	int watch_new, watch_cur; /* -1: not watched */
	int64_t new_mtime_ns, cur_mtime_ns; /* when it was scanned; matters while it is not watched */
	struct mailbox_watcher *watchers;
	size_t watcher_count;
	struct request *scan_waiters; /* for the scan that is under way */
	bool is_scanning;
	bool is_logged; /* the journal or the disk knows that it exists */
	bool needs_scan; /* other programs may have changed it */
	bool has_grown; /* fronts need new descriptors */
	bool has_changed; /* fronts are to be told */
	bool is_gone;
	_Atomic bool is_way_synced; /* the names that lead to tmp/ are on the disk; beside the strand, too */
	struct job notify_job;
	bool is_notify_queued;
	/* Under the engine's lock. */
	struct mailbox *idle_before, *idle_behind;
};

/* engine.c */
int engine_write_epoch(struct engine *e, const char *how, struct fault *f)
	__attribute__((warn_unused_result));
void engine_free(struct engine *e);

#endif
