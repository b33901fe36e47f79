#ifndef ROLE_DIRECTORY_LDAP_LINK_INTERNAL_H
#define ROLE_DIRECTORY_LDAP_LINK_INTERNAL_H

#include "role/directory/ldap_entry.h"
#include "role/directory/ldap_link.h"
#include "role/directory/ldap_wire.h"

struct ldap_link {
	struct arena *arena; /* the texts */
	char *servers[CONFIG_LDAP_SERVERS_MAX];
	size_t server_count;
	struct {
		uint64_t answers, errors;
		int64_t mean_us;
	} counts[CONFIG_LDAP_SERVERS_MAX];
	size_t current; /* the server that is connected to, or was, or is to be tried first */
	char *base, *users, *groups, *bind_dn;
	char *secret_password;
	struct timeval timeout;
	struct ldap_mapping mapping;
	struct bytes delimiters; /* before the detail of an address */
	struct bytes origin;
	struct ldap_wire_settings settings;
	struct ldap_wire wire;
	int64_t begun_us; /* mono; the question that is under way */
	uint64_t connections; /* that were begun: the number of the present one */
	bool is_slow; /* the last call took too long */
	bool has_no_context; /* of this server: it has no contextCSN that we may read */
};

/* Names for one filter: no more are added to so many octets, and all of an address are no more than the rest. */
#define LDAP_LINK_NAMES_FULL 16384
#define LDAP_LINK_NAMES_MAX 131072

/* Appends "(attribute=…)" for each name by which mail to that address may find an entry. */
void ldap_link_put_names(const struct ldap_link *link, struct bytes address, struct buf *out);
/* What follows has to be done before the time-out. */
void ldap_link_begin(struct ldap_link *link);
/* Ends what began; an answer that came while its time passed is none: the connection may be cut. */
int ldap_link_end(struct ldap_link *link, int result, const char *at, struct fault *f);
/* -1 with what libldap and the server have to say, for the administrator. */
int ldap_link_failed(struct ldap_link *link, const char *at, int code, struct fault *f);
/* Does the server of the connection offer that control (RFC 4512 5.1)?  -1 with *f. */
int ldap_link_has_control(struct ldap_link *link, const char *oid, bool *has_it, struct fault *f) __attribute__((warn_unused_result));
/* Appends the entry as a group, with all of its members.  -1 with *f: some could not be asked for. */
int ldap_link_put_group(struct ldap_link *link, LDAPMessage *entry, struct buf *records, struct fault *f) __attribute__((warn_unused_result));
/* -1 (FAULT_PERM): there is nobody.  A mistake, ours or theirs: nobody's mail is refused for it. */
int ldap_link_tell_empty(const struct ldap_link *link, struct fault *f);

#endif
