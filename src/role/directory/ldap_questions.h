/* Those who want to know whether what we have of an address is how it is. */
#ifndef ROLE_DIRECTORY_LDAP_QUESTIONS_H
#define ROLE_DIRECTORY_LDAP_QUESTIONS_H

#include "role/directory/ldap_link.h"
#include "role/directory/ldap_poll.h"

/* A list, NULL when it is empty. */
struct ldap_question;

/* Adds one for these addresses, one at least: ldap_source_confirm. */
void ldap_questions_add(struct ldap_question **list, const struct bytes *addresses, size_t count, void (*sure)(void *arg, bool is_sure), void *arg);
/* Tells them all, is_sure to those of whose addresses none is undecided, and empties the list. */
void ldap_questions_answer(struct ldap_question **list, bool is_sure);
/* Empties it. */
void ldap_questions_forget(struct ldap_question **list);
/* Has the server one of the addresses?  Each is looked up once.  -1 with *f. */
int ldap_questions_find(const struct ldap_question *list, struct ldap_link *link, bool *is_found, struct fault *f)
	__attribute__((warn_unused_result));
/* Those that the server has are undecided: they were not told yet.  -1 with *f. */
int ldap_questions_undecide(struct ldap_question *list, struct ldap_link *link, struct fault *f) __attribute__((warn_unused_result));
/* Takes what the server has of the addresses (ldap_poll_take).  -1 with *f. */
int ldap_questions_take(const struct ldap_question *list, struct ldap_poll *poll, struct fault *f) __attribute__((warn_unused_result));

#endif
