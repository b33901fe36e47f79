/* What an entry of an LDAP directory says of an account. */
#ifndef ROLE_DIRECTORY_LDAP_ENTRY_H
#define ROLE_DIRECTORY_LDAP_ENTRY_H

#include "base/arena.h"
#include "base/buf.h"
#include "config/config.h"

#include <ldap.h>

#define LDAP_MEMBER_ATTRIBUTES_MAX 8

/* Attributes that are asked for: ours and those of the maildir template. */
#define LDAP_WANTED_MAX 32

/* Longer values are left out. */
#define LDAP_VALUE_MAX 1024

/* So many values that are left out are told of, each once. */
#define LDAP_TOLD_MAX 256

struct ldap_told {
	uint64_t values[LDAP_TOLD_MAX];
	size_t count;
};

/* Names of attributes; NULL: the schema has none. */
struct ldap_mapping {
	const char *address, *aliases, *forward, *delivery_mode, *password, *name, *account_name, *home;
	const char *stamp; /* another one when the password is */
	const char *edited; /* when the entry was; wanted with remember_login only */
	const char *state, *enabled, *disabled; /* state is the schema's; the others are directives' */
	enum config_ldap_schema schema;
	bool has_catch_all; /* "@domain" is an address */
	struct ldap_told *told; /* NULL: nothing is told */
	const char *attributes[LDAP_WANTED_MAX]; /* of the template */
	size_t attribute_count;
	const char *quota, *quota_octets, *quota_messages; /* the last two when an entry has not the first */
	const char *members[LDAP_MEMBER_ATTRIBUTES_MAX]; /* NULL behind the last */
	const char *group_wanted[LDAP_MEMBER_ATTRIBUTES_MAX + 4]; /* what is asked for of groups */
	const char *wanted[LDAP_WANTED_MAX + 16]; /* all of them, NULL behind the last */
};

/* The schema's names with the directives' in their place; texts are put into the arena. */
void ldap_mapping_init(struct ldap_mapping *m, const struct config *config, struct arena *arena);
/* Appends the names of the attributes that say whether an account is disabled. */
void ldap_mapping_put_state(const struct ldap_mapping *m, struct buf *out);
/* Appends the values that stand under that description (image_put_member), as members that `attribute` names. */
void ldap_entry_put_members(struct buf *members, const struct ldap_mapping *m, LDAP *ld, LDAPMessage *entry, const char *attribute,
	const char *description);
/* Appends the entry as a group, with its further addresses; *members: those of it that it does not name itself, to which the others are added. */
void ldap_entry_put_group(struct buf *records, const struct ldap_mapping *m, LDAP *ld, LDAPMessage *entry, struct buf *members);
/* Appends the entry's account and its aliases (image.h); nothing when it has no address. */
void ldap_entry_put(struct buf *records, const struct ldap_mapping *m, LDAP *ld, LDAPMessage *entry);

#endif
