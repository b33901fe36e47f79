/* A deadline for calls that block on a connection's socket: libldap has time-outs, but none for a server that stops within
   a TLS handshake, within a record or within an answer.  The thread that calls says when it begins and ends; another one
   looks at the clock, and cuts the socket when it is time, which ends the call. */
#ifndef ROLE_DIRECTORY_LDAP_WATCH_H
#define ROLE_DIRECTORY_LDAP_WATCH_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Embed it.  All of it under the mutex. */
struct ldap_watch {
	pthread_mutex_t mutex;
	int fd; /* a descriptor of ours for the connection's socket; -1: there is none */
	int64_t deadline_us; /* mono; 0: no call */
	bool has_passed; /* in this call */
	bool is_cancelled; /* for good */
};

/* Without a connection. */
void ldap_watch_init(struct ldap_watch *w);
/* When nobody calls or looks any more. */
void ldap_watch_done(struct ldap_watch *w);

/* For the thread that calls.  A call begins, and has to end before deadline_us. */
void ldap_watch_begin(struct ldap_watch *w, int64_t deadline_us);
/* The call has ended.  True: too late, the connection is of no use any more. */
bool ldap_watch_end(struct ldap_watch *w);
/* Another descriptor of the connection, the caller's to close; -1: there is none. */
int ldap_watch_share(struct ldap_watch *w);
/* Has its time passed? */
bool ldap_watch_has_passed(struct ldap_watch *w);
/* There is a new connection, over the socket fd, which stays the caller's.  False: too late. */
bool ldap_watch_connected(struct ldap_watch *w, int fd) __attribute__((warn_unused_result));
/* The connection is gone, or goes: without this the peer would not see its end. */
void ldap_watch_disconnected(struct ldap_watch *w);

/* For the others.  Cuts the socket when the deadline has passed; the microseconds until it does, 0: there is no call
   that could be late. */
int64_t ldap_watch_look(struct ldap_watch *w, int64_t now_us);
/* Cuts the socket now, and every later one: the end is near. */
void ldap_watch_cancel(struct ldap_watch *w);

#endif
