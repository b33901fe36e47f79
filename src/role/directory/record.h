/* Accounts, aliases and groups as a source tells them: to the replica, and to the command line.  All views
   are borrowed for the call. */
#ifndef ROLE_DIRECTORY_RECORD_H
#define ROLE_DIRECTORY_RECORD_H

#include "base/bytes.h"

/* More are not read. */
#define RECORD_ATTRIBUTES_MAX 64
#define RECORD_TARGETS_MAX 8193 /* TARGETS_MAX and one: a list that is cut is too long */
#define RECORD_FORWARDS_MAX 64
/* What is longer is cut. */
#define RECORD_ENTRY_MAX 1024

struct record_attribute {
	struct bytes name, value;
};

/* Names of attributes that mean something here, whatever a source calls them. */
#define RECORD_HOME "home" /* the account's own directory: %h */
#define RECORD_QUOTA "quota" /* what its mail may take: quota.h */

struct user_record {
	struct bytes address;
	struct bytes name; /* of the person, or empty */
	struct bytes secret_password; /* raw values with a NUL between (password_put_value), or empty: nobody can log in */
	struct bytes password_stamp; /* of an account of LDAP: what is another one when the password is, or empty */
	struct bytes edit_stamp; /* the same of the whole entry, as far as it is known to be an edit */
	bool is_enabled;
	const struct record_attribute *attributes;
	size_t attribute_count;
	struct bytes entry; /* what the source calls it (a DN), or empty */
	/* Where its mail goes in place of its mailbox, which may be among them; none: to its mailbox. */
	const struct bytes *forwards;
	size_t forward_count;
	struct bytes account_name; /* what groups of the source call it beside its address and entry, or empty */
};

/* A group as LDAP has it, before groups.h makes an alias of it. */
struct group_record {
	struct bytes address; /* or empty: it counts as a member of others only */
	struct bytes entry;
	struct bytes members; /* entries (DNs), account names and addresses: u16 octets and the text, little-endian */
};

/* Who says that an address leads elsewhere; a lower one gives way to accounts and to higher ones (claims.h). */
enum alias_rank {
	ALIAS_MADE, /* the administrator's own: counts before an account */
	ALIAS_GROUP, /* members; who may send and post as configured */
	ALIAS_FURTHER, /* a further address of the entry of an account */
	ALIAS_FORWARD, /* an account's own address, whose mail goes elsewhere */
	ALIAS_LISTED, /* the administrator's own, in a file: as one that is made, which counts before it */
	ALIAS_RANKS
};

/* address: "@domain" for whatever the domain has no other name for. */
struct alias_record {
	struct bytes address;
	const struct bytes *targets;
	size_t target_count;
	enum alias_rank rank;
	struct bytes entry; /* as in user_record */
};

#endif
