/* Who reads the copy of LDAP on disk (snapshot.h: `mermoz user list`) asks before that it be written down as what is in force, which it may lag behind.
   Question and answer, as control_line.h has lines:

     copy as=now
     ok | error WHY */
#ifndef ROLE_DIRECTORY_COPY_H
#define ROLE_DIRECTORY_COPY_H

#include "role/control.h"
#include "role/directory/ldap_source.h"

struct copy_questions;

/* Owned. */
struct copy_questions *copy_questions_new(struct loop *loop);
/* Answers whoever still waits.  Before loop_free, and before the source goes. */
void copy_questions_free(struct copy_questions **q);
bool copy_question_is(struct bytes line);
/* Answers within seconds.  source: NULL when there is no LDAP; the same each time. */
void copy_questions_add(struct copy_questions *q, struct ldap_source *source, struct control_question *question);

#endif
