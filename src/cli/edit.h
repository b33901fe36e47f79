/* What `mermoz user`, `domain` and `alias` have in common: the embedded directory as it is, and a change that is in
   force when the command ends. */
#ifndef CLI_EDIT_H
#define CLI_EDIT_H

#include "cli/cli.h"
#include "role/directory/accounts.h"
#include "role/directory/embedded.h"

/* What there is, copied: all views last as long as the edit.  What has an `entry` is of LDAP, as the copy on disk has it:
   it is shown, never changed. */
struct edit {
	const char *command; /* "user" */
	const char *config_path;
	bool is_json;
	struct config *config;
	struct embedded *source;
	struct accounts *accounts; /* as the server sees them */
	struct arena *arena;
	struct bytes *domains; /* of the source alone */
	struct user_record *users;
	struct alias_record *aliases;
	size_t domain_count, user_count, alias_count;
	struct map *aliases_of; /* folded target -> struct edit_aliases */
	struct fault ldap; /* why what the LDAP directory holds is missing here; FAULT_NONE: it isn't */
	struct fault behind; /* why it may be older than what is in force; FAULT_NONE: it isn't */
	int64_t copied_s; /* wall; when the copy was written that it is from */
};

/* The aliases with one target, in their order. */
struct edit_aliases {
	const struct alias_record *alias;
	struct edit_aliases *next, *last; /* last: of the first one alone */
};

/* A row of a command's verbs; the list ends with name NULL. */
struct edit_verb {
	const char *name;
	int operands_least, operands_most; /* behind the verb */
	const char *operands; /* for people: "ADDRESS" */
	int (*run)(struct edit *e, int count, char **operands);
	bool is_change; /* needs a configuration without errors */
};

/* Runs the verb that argv names, with the options -c and --json taken out, with the directory open.  The exit
   code. */
int edit_run(int argc, char **argv, const struct edit_verb *verbs);
/* The change is made: tells the server that runs, if any, and waits until it is in force.  The exit code. */
int edit_publish(const struct edit *e);
/* What embedded_… said: EMBEDDED_DONE is published, all else is said on stderr.  The exit code. */
int edit_finish(const struct edit *e, enum embedded_result result, const struct fault *f);

/* The address folded, when it is one of a domain of ours; else false, and it was said why. is_alias: it may be
   "@domain". */
bool edit_take_address(const struct edit *e, const char *text, bool is_alias, struct address *out);
/* The domain of ours that is meant by a name that is none, or NULL. */
const char *edit_near_domain(const struct edit *e, struct bytes domain);
/* NULL when there is none; of aliases with one address the embedded directory's. */
const struct user_record *edit_find_user(const struct edit *e, struct bytes address);
const struct alias_record *edit_find_alias(const struct edit *e, struct bytes address);
/* The first of the aliases with that target, or NULL. */
const struct edit_aliases *edit_aliases_of(const struct edit *e, struct bytes target);
/* "ADDRESS is the entry … of the LDAP directory". CLI_FAILED. */
int edit_say_elsewhere(struct bytes address, struct bytes entry);
/* After a list: CLI_GOOD, or that what LDAP holds is missing in it.  On stderr too that it may be old. */
int edit_say_missing(const struct edit *e);
/* The same after a record that has an entry. */
void edit_say_behind(const struct edit *e);
/* ,"entry":…,"copy_age_s":… of such a record; 0: it is as the running server has it. */
void edit_put_entry(const struct edit *e, struct bytes entry, struct buf *out);
/* "there is no WHAT TEXT; did you mean …?" with the nearest account and alias. CLI_FAILED. */
int edit_say_absent(const struct edit *e, const char *what, struct bytes text);

#endif
