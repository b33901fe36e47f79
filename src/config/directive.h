/* The table of directives.def. */
#ifndef CONFIG_DIRECTIVE_H
#define CONFIG_DIRECTIVE_H

#include "base/bytes.h"
#include "ipc/ipc.h"

enum directive_kind {
	KIND_HOSTNAME,
	KIND_DOMAINS,
	KIND_DELIMITER,
	KIND_ADDRESS,
	KIND_PATH,
	KIND_USER,
	KIND_TEMPLATE,
	KIND_LISTEN,
	KIND_RESOLVER,
	KIND_CERTIFICATE,
	KIND_LDAP_SERVER,
	KIND_LDAP_BIND,
	KIND_LDAP_FILTER,
	KIND_LDAP_NAME,
	KIND_DN,
	KIND_SOURCE,
	KIND_TLS_RULE,
	KIND_LOGIN,
	KIND_CHOICE,
	KIND_NUMBER,
	KIND_SIZE,
	KIND_SECONDS,
	KIND_MILLISECONDS,
	KIND_ROUTE,
	KIND_SENDER_ROUTE,
	KIND_NETWORKS,
	KIND_RELAYED,
	KIND_ALIASES,
	KIND_SRS,
	KIND_DKIM,
	KIND_TRUSTED_USERS,
	KIND_COUNT
};

struct directive {
	const char *block, *name;
	enum directive_kind kind;
	size_t offset, width; /* of the member of struct config */
	const char *initial;
	uint64_t least, most;
	const char *syntax;
	bool is_reloadable;
	unsigned int roles; /* bit `1 << role` */
	const char *rfc, *sentence;
};

enum directive_id {
#define DIRECTIVE(block, name, kind, member, ...) DIRECTIVE_##member,
#include "config/directives.def"
#undef DIRECTIVE
	DIRECTIVE_COUNT
};

extern const struct directive directives[DIRECTIVE_COUNT];

/* The directive that begins with `word` in the block; with two-word names, the one whose second word
   is `which`.  NULL: none.  *needs_which is set when there are only two-word ones of that first word. */
const struct directive *directive_find(struct bytes block, struct bytes word, struct bytes which, bool *needs_which);
/* Is there a block of that name ("log", "directory embedded")? */
bool directive_is_block(struct bytes block);
/* Does a block's name begin with that word? */
bool directive_begins_block(struct bytes word);
/* Is d known to the role? */
bool directive_is_for(const struct directive *d, enum role role);
/* The first of a name's words, and the rest (empty for one word). */
struct bytes directive_first_word(const char *name);
struct bytes directive_second_word(const char *name);

#endif
