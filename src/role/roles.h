/* The one table of roles: how many there are, whom they run as, what they may touch, whom they talk to.
   The supervisor starts and wires from it, every role jails itself from it. */
#ifndef ROLE_ROLES_H
#define ROLE_ROLES_H

#include "config/config.h"
#include "sys/sandbox.h"

#define ROLES_PATH_MAX 1024
/* Of the journals of store and queue. */
#define ROLES_STORE_SEGMENT_OCTETS (8 << 20)
#define ROLES_QUEUE_SEGMENT_OCTETS (2 << 20)
/* With less than that on a disk no mail is taken that would go there. */
#define ROLES_RESERVE_OCTETS ((uint64_t)32 << 20)

/* Places that a role may touch; roles_path makes the path of the configuration. */
enum roles_place {
	PLACE_NONE,
	PLACE_STATE, /* the role's own directory below state_directory */
	PLACE_EMBEDDED, /* the directory of directory_embedded_file */
	PLACE_MAILBOXES, /* the part of the maildir template before the first %, or `homes` */
};

#define ROLES_PLACES_MAX 4
/* Those, and what is only read. */
#define ROLES_PATHS_MAX 12

struct roles_row {
	bool is_one_a_core; /* `fronts` of them; else one */
	enum roles_place places[ROLES_PLACES_MAX]; /* read and write; ends with PLACE_NONE */
	bool may_resolve; /* connect out, when its configuration names a server */
	bool may_connect; /* connect out, to addresses that it is given or finds out itself */
	uint32_t talks_to; /* bits: 1 << enum role; both sides say so */
	uint32_t services; /* bits: 1 << enum ipc_service, whose sockets it gets */
	uint64_t descriptors; /* it needs at most, beside client connections */
};

/* The row of a role that the supervisor starts; NULL for the others. */
const struct roles_row *roles_row(enum role role);
/* How many of it there are: 1 to ROLE_INSTANCES_MAX, 0 for what isn't started. */
uint8_t roles_count(const struct config *c, enum role role);
/* The user of the system that it runs as under root. */
struct bytes roles_user(const struct config *c, enum role role);
bool roles_may_talk(enum role a, enum role b);
bool roles_serves(enum role role, enum ipc_service service);
/* The path of a place, from the whole configuration or the role's slice; -1: there is none or it is too
   long. */
int roles_path(const struct config *c, enum role role, enum roles_place place,
	char out[ROLES_PATH_MAX]) __attribute__((warn_unused_result));

/* A profile and the texts that it points into. */
struct roles_jail {
	struct sandbox_profile profile;
	char user[65];
	char paths[ROLES_PATHS_MAX][ROLES_PATH_MAX];
};

/* The jail of a role.  user: empty for staying who we are. */
void roles_jail(const struct config *c, enum role role, struct bytes user, struct roles_jail *out);

#endif
