/* An LDAP server read over libldap: everything here blocks and belongs on a thread of its own, but for ldap_link_watch and
   ldap_link_cancel, with which others see to it that nothing blocks for longer than `timeout`: connecting to a server
   (address, TLS, bind), a marker, a page of accounts.  What can't be cut short is the system's look for the address of a server's name. */
#ifndef ROLE_DIRECTORY_LDAP_LINK_H
#define ROLE_DIRECTORY_LDAP_LINK_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/fault.h"
#include "config/config.h"

struct ldap_link;

/* Copies what it needs of the configuration; connects nowhere yet.  Owned. */
struct ldap_link *ldap_link_new(const struct config *config);
void ldap_link_free(struct ldap_link **link);
/* Ends what takes too long, from any thread, while the link's own is at something.  The microseconds after which to call
   it again. */
int64_t ldap_link_watch(struct ldap_link *link, int64_t now_us);
/* Ends what the link's thread is at, and whatever it begins later. */
void ldap_link_cancel(struct ldap_link *link);
/* Another descriptor of its connection, the caller's to close, not to read from; -1: there is none. */
int ldap_link_share(struct ldap_link *link);
/* What became of the questions to one server: a connection, a marker, a page, a look for an address are one each. */
struct ldap_link_server {
	const char *url; /* borrowed for the link's life */
	uint64_t answers, errors;
	int64_t mean_us; /* of the last answers; 0: there was none */
};

/* For the link's thread, or while it is at nothing. */
struct ldap_link_server ldap_link_server(const struct ldap_link *link, size_t index);
/* The server that is asked first; 0 is the preferred one. */
size_t ldap_link_current(const struct ldap_link *link);
/* From now on another one is asked first. */
void ldap_link_turn_to(struct ldap_link *link, size_t index);
/* The one behind that which was asked last. */
void ldap_link_turn_to_another(struct ldap_link *link);
/* Connects to that server, reads its marker and hangs up.  -1 with *f: it can't be used. */
int ldap_link_probe(struct ldap_link *link, size_t index, struct buf *marker, struct fault *f) __attribute__((warn_unused_result));
size_t ldap_link_server_count(const struct ldap_link *link);
/* Where it reads: the servers, base and filter, as one text; borrowed for the link's life. */
struct bytes ldap_link_origin(const struct ldap_link *link);
/* Appends what changes whenever anything in the directory does: contextCSN of OpenLDAP with syncprov (RFC 4533), or
   highestCommittedUSN of Active Directory; nothing when the server has neither.  When the server that was asked last does not
   answer, the others are.  -1 with *f (FAULT_TEMP): none does; also when the marker is longer than fits. */
int ldap_link_marker(struct ldap_link *link, struct buf *marker, struct fault *f) __attribute__((warn_unused_result));
/* Has it an account or a group with one of the addresses (ldap_filter.h), or with one that it may mean?  -1 with *f (FAULT_TEMP). */
int ldap_link_find(struct ldap_link *link, const struct bytes *addresses, size_t count, bool *is_found, struct fault *f)
	__attribute__((warn_unused_result));
/* Appends the filter that asks for that address, and the attributes that say whether an account is disabled; both from any thread. */
void ldap_link_put_filter(const struct ldap_link *link, struct bytes address, struct buf *out);
void ldap_link_put_state(const struct ldap_link *link, struct buf *out);
/* Did what failed last take too long? */
bool ldap_link_was_slow(const struct ldap_link *link);

#endif
