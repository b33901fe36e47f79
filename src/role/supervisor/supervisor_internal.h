/* What the files of the supervisor share. */
#ifndef ROLE_SUPERVISOR_SUPERVISOR_INTERNAL_H
#define ROLE_SUPERVISOR_SUPERVISOR_INTERNAL_H

#include "config/config.h"
#include "ipc/peer.h"
#include "role/role.h"
#include "sys/loop.h"
#include "sys/net.h"

#include <sys/queue.h>
#include <sys/types.h>

/* From the first signal to the last role's end; the fronts get the first part of it. */
#define DRAIN_MS 10000
#define DRAIN_FRONTS_MS 7000

/* One process of a role, running or to be started again. */
struct child {
	struct supervisor *s;
	enum role role;
	uint8_t index;
	pid_t pid; /* 0: not running */
	bool is_ready;
	bool is_told_to_drain;
	bool is_killed; /* by us */
	uint64_t generation; /* of the configuration that it has */
	struct peer *control;
	struct timer timer; /* running: to be killed; else: to be started */
	uint64_t back_off_ms; /* before the next start */
	int64_t started_us;
};

struct listening {
	LIST_ENTRY(listening) link;
	enum ipc_service service;
	char *address; /* owned */
	int fd;
	/* Of a socket file; before: what to go back to while a configuration is prepared. */
	struct net_unix_access access, access_before;
	dev_t device; /* and which file it is */
	ino_t inode;
	bool is_new, is_wanted; /* while a configuration is prepared */
};

struct ticket_keys {
	uint8_t secret_current[IPC_TICKET_KEY_OCTETS], secret_previous[IPC_TICKET_KEY_OCTETS];
	bool has_current, has_previous;
};

/* A reload that waits for the answers of roles. */
struct reload {
	struct config *config; /* the new one */
	uint64_t generation;
	size_t waiting;
	bool has_failed;
	struct fault why;
};

struct supervisor {
	struct loop *loop;
	const char *config_path;
	struct config *config; /* in force */
	uint64_t generation, last_generation;
	int lock_fd;
	size_t child_count;
	struct child *children; /* owned */
	LIST_HEAD(, listening) listening;
	int activated_count; /* sockets from systemd */
	uint64_t activated_taken; /* bits */
	struct reload *reload; /* NULL: none under way */
	bool must_reload_again;
	bool has_started, is_draining;
	bool has_ended_badly; /* a role, while draining, and by itself */
	struct timer end_of_drain;
	struct ticket_keys ticket_keys;
	struct timer ticket_rotation;
	struct timer watch; /* of files of aliases */
	struct config_look look;
};

/* watch.c: from now on looks at files of aliases. */
void watch_begin(struct supervisor *s);

/* directories.c: makes what is missing of the directories of the configuration, with their owners
   when we are root.  -1 with *f. */
int directories_make(const struct config *c, struct fault *f) __attribute__((warn_unused_result));
/* Takes the run directory for us: its descriptor; -1 with *f, a sentence for people. */
int directories_lock(const struct config *c, struct fault *f) __attribute__((warn_unused_result));

/* listening.c: opens what the configuration wants and is not open yet, so that listening_commit
   can't fail.  -1 with *f, and nothing has changed. */
int listening_prepare(struct supervisor *s, const struct config *c, struct fault *f)
	__attribute__((warn_unused_result));
/* Tells the roles of what is new, closes what is not wanted any more. */
void listening_commit(struct supervisor *s);
void listening_roll_back(struct supervisor *s);
/* Hands a role that has just started its sockets. */
void listening_give(struct supervisor *s, struct child *c);
void listening_close_all(struct supervisor *s);

/* tickets.c: a new current key; what was current is the previous one. */
void ticket_keys_turn(struct ticket_keys *keys);
/* Makes the first key, and others later. */
void tickets_begin(struct supervisor *s);
/* Hands a front that has just started the keys in force. */
void tickets_give(struct child *c);
void tickets_end(struct supervisor *s);

/* child.c: one child for each row and instance of roles.c, not started yet. */
void children_make(struct supervisor *s);
void children_free(struct supervisor *s);
/* Starts the process, wires it to all that run. */
void child_start(struct child *c);
/* Takes in who has ended. */
void children_reap(struct supervisor *s);
/* To every running child of a role that serves it. */
void child_tell(struct child *c, const struct message *m);
void child_kill(struct child *c, const char *why);
/* The slice of the role in a memory file; -1 when there is no room, which is logged. */
int child_slice(const struct child *c, const struct config *config);

/* reload.c: reads the configuration anew and asks the roles to take it: all or nothing. */
void reload_begin(struct supervisor *s);
/* Forgets a reload that is under way. */
void reload_abandon(struct supervisor *s);

/* supervisor.c: a child is ready; one has ended while draining. */
void supervisor_child_ready(struct supervisor *s);
void supervisor_drain_further(struct supervisor *s);
/* Events go where this configuration says. */
void supervisor_set_sink(const struct config *c);
void supervisor_tell_warnings(const struct config_errors *errors);

#endif
