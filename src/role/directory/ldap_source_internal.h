#ifndef ROLE_DIRECTORY_LDAP_SOURCE_INTERNAL_H
#define ROLE_DIRECTORY_LDAP_SOURCE_INTERNAL_H

#include "role/directory/ldap_arrival.h"
#include "role/directory/ldap_link.h"
#include "role/directory/ldap_poll.h"
#include "role/directory/ldap_probe.h"
#include "role/directory/ldap_questions.h"
#include "role/directory/ldap_source.h"
#include "role/directory/ldap_sync.h"
#include "role/directory/settle.h"
#include "sys/pool.h"

#define LDAP_SOURCE_NOBODY SIZE_MAX

/* The thread owns link, sync, poll and settler, and while is_looking all of the look; the loop everything else. */
struct ldap_source {
	struct loop *loop;
	struct pool *pool;
	struct strand strand;
	struct wake wake;
	struct timer timer, watchdog;
	int open_handles; /* wake and timers */
	struct ldap_arrival *arrival;
	struct ldap_probe *probe; /* NULL: there is one server only */
	struct ldap_link_server servers[CONFIG_LDAP_SERVERS_MAX]; /* as they were after the last look */
	size_t current, turn_to; /* the server in use, and the one to be tried first by the next look, or LDAP_SOURCE_NOBODY */
	struct ldap_link *link;
	struct ldap_sync *sync;
	struct ldap_poll *poll; /* when the server can't be followed by sync */
	int directory;
	const struct ldap_source_handlers *handlers;
	void *arg;
	uint32_t poll_s, quiet_s;
	bool is_looking, has_to_look_again;
	bool was_synced; /* by the last look */
	bool follows_by_sync; /* by the last one that was answered */
	struct ldap_sync_counts told_by_sync; /* after it */
	struct ldap_poll_counts polled;
	struct ldap_question *asked; /* to be answered by the next look */
	struct ldap_question *answering; /* by the one under way, which reads them */
	/* what is known */
	struct buf marker;
	struct buf losses; /* claims that did not count at the last reading */
	struct buf hurried; /* of users that are otherwise than there */
	struct held held; /* the records that are in force, not changed while is_looking */
	bool must_read_anew; /* it lacks something that is in force, or can't be read any more */
	struct settler settler;
	struct doubt told; /* as it was after the last look */
	bool is_failing;
	int64_t read_us, polled_us, confirmed_us; /* mono; 0: never */
	int64_t began_us, looked_us; /* mono; when the last look began and ended */
	int64_t read_again_us; /* mono; after a reading that failed */
	int64_t find_again_us; /* mono; after a reading for the sake of an address that told nothing new */
	uint64_t looks, readings, changes, hurries, failures;
	char error[200];
	/* the look */
	struct job job;
	struct buf look_marker, look_hurried;
	struct run look_records;
	struct change look_change;
	size_t look_turns_to;
	bool must_read, must_poll, may_read, may_find, has_read, has_failed_reading, has_changed; /* has_changed: what was read is not as it was before */
	bool has_found; /* an address that is asked for is there */
	bool is_synced, is_current; /* by ldap_sync; and what the marker knows of was all taken */
	struct run saved; /* when has_saved: what was held as the look began, as it lies on disk now */
	bool has_saved, has_failed_saving;
	bool has_lost; /* what is held can't be read any more */
	int64_t unsaved_us; /* mono; since when what is held is otherwise than on disk, or when it was tried in vain to write it; 0: it is not */
	int64_t save_us; /* what writing it took last; UNSAVED_MOST_US when it failed */
	int result;
	struct fault fault;
};

/* ldap_look.c: a look, on the thread; its end wakes the loop. */
void ldap_look(struct job *job);
/* Writes down what was put off; when the thread has ended. */
void ldap_look_finish(struct ldap_source *s);
int64_t ldap_source_quiet_us(const struct ldap_source *s);

#endif
