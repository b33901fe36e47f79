#ifndef ROLE_DIRECTORY_ACCOUNTS_INTERNAL_H
#define ROLE_DIRECTORY_ACCOUNTS_INTERNAL_H

#include "base/map.h"
#include "role/directory/accounts.h"
#include "role/directory/names.h"
#include "role/directory/onward.h"
#include "role/directory/template.h"

struct alias {
	uint32_t generation;
	uint32_t walk; /* the walk that went into it last */
	uint32_t len;
	uint16_t target_count;
	uint8_t rank; /* enum alias_rank */
	bool is_open; /* that walk is inside it */
	bool is_reported; /* the administrator heard of its trouble */
	bool is_of_ldap;
	uint8_t octets[]; /* targets: u16 length, address as the source wrote it */
};

/* Numbers of accounts are base + index, so that they need no map: `by_index` holds the
   account, or NULL when it is gone; an index is never used again. */
struct accounts {
	const struct accounts_handlers *handlers;
	void *arg;
	struct arena *arena; /* the copies below */
	struct config_texts config_domains; /* one at least, unless they are malformed */
	struct bytes hostname, delimiters, postmaster;
	struct template template;
	struct quota quota; /* of accounts that say nothing else */
	enum config_group_posting group_posting;
	bool may_send_as_group; /* its members */
	struct bytes default_scheme; /* of a password that names none */
	const struct onward *onward;
	struct names *names;
	struct map *domains; /* folded domain -> itself */
	struct map *new_domains; /* during a load */
	bool has_login_names;
	struct map *login_names; /* account name, lower case -> index + 1; NULL: none */
	struct map *new_login_names; /* during a load */
	bool has_taken_login_names; /* several accounts have one */
	struct buf withdrawn; /* during a change: names, as image_put_member has them */
	bool is_unsettled; /* the change can't be told without a load */
	struct account **by_index;
	size_t index_count, index_size;
	uint64_t number_base;
	uint32_t generation;
	uint32_t walk;
	size_t account_count, alias_count, bind_count;
	bool is_loaded;
	const struct trace *trace; /* NULL: nobody watches */
	struct targets *met; /* of a walk that asks who is met, not where mail goes */
};

/* An account that no source knows, for mail that must have somewhere to go. */
void accounts_make(struct accounts *a, struct bytes folded);
/* Of a name without "@".  False: there is no domain, or the address would be too long. */
bool accounts_add_first_domain(const struct accounts *a, struct address *address);
/* The host's own name, and what every host calls itself, is the first domain, unless a directive or the directory says that it is something else:
   programs of this machine write so.  False: the address is of another domain, and as it was. */
bool accounts_move_from_host(const struct accounts *a, struct address *address);
/* Wipes and frees; NULL is fine. */
void accounts_free_account(struct account *account);

#endif
