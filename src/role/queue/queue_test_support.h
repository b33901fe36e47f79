/* The role with others that are only peers here, and say what the test likes. */
#ifndef QUEUE_QUEUE_TEST_SUPPORT_H
#define QUEUE_QUEUE_TEST_SUPPORT_H

#include "role/queue/queue.h"
#include "role/queue/queue_internal.h"

#include <pthread.h>

enum { HERE, THERE };

extern struct role_self self;
extern struct config config;
extern char folder[64];
extern struct peer *pairs[ROLE_COUNT][2]; /* the role's end, the other's */
extern char events[65536];
extern int answers[IPC_OUTCOMES]; /* to `enqueue` */
extern size_t sends, longest_host, last_recipients_octets; /* that the relay got */
extern bool is_done; /* the role wants to end */
extern int failure; /* of new files below messages/, or 0 */
extern pthread_mutex_t gate; /* they wait for it */
extern int64_t wrong_by_s; /* the clock */
extern bool relay_defers, relay_is_full; /* else it says nothing */
extern enum ipc_destination relay_found; /* when it defers */
extern enum ipc_outcome relay_outcome; /* the same; and what it says */
extern struct bytes relay_reply;
extern struct bytes relay_results; /* all of them, as in SENT; empty: that reply, for one */
extern struct ipc_targets targets; /* what it says of where reports on TLS go */
extern enum ipc_outcome post_outcome; /* and of those over HTTPS */
extern size_t finds, posts, posted_octets; /* that it was asked for; of the last report */
extern struct ipc_enqueue wishes; /* of what is enqueued: sender, flags, release_s, deliver_by_s, priority */
extern uint64_t list_mailboxes, list_elsewhere; /* what an address here leads to: 2 and 1, or what the test says */
extern size_t list_delivered, list_runs; /* to a longer list; how often a body was the last one's */
extern size_t delivered[3], told_full; /* by the store: to each account; how often the second was full */

/* Of each test. */
int set_up(void **state);
int tear_down(void **state);
/* The role ends and begins anew, alone but for the front. */
void restart(void);
/* The other is there from now on, or again. */
void connect_to(enum role other);
/* recipients: with spaces between, each one's parameters behind a comma.  fd: -1, or the body. */
void enqueue(int number, const char *recipients, int fd);
/* Some turns of the loop. */
void run_a_little(void);
/* The clock goes on by so much, and reports on TLS are looked at. */
void pass_time(int64_t seconds);
void run_until_event(const char *what);
void run_until_count(const char *what, size_t count);
void run_until_answered(size_t count);
/* In the events. */
size_t count_of(const char *what);
/* The role looks at the clock each second. */
void wait_for_a_look(void);

#endif
