/* The commands: for each a parser of its arguments and a handler (command.c has the table). */
#ifndef IMAP_COMMANDS_H
#define IMAP_COMMANDS_H

#include "proto/imap/session_internal.h"

#define IMAP_PARSER(name) bool imap_parse_##name(struct imap_command *c, struct bytes *in)
#define IMAP_HANDLER(name) enum imap_turn imap_run_##name(struct imap_session *s, struct imap_command *c)

/* basic.c */
IMAP_PARSER(nothing);
IMAP_PARSER(id);
IMAP_PARSER(enable);
IMAP_HANDLER(capability);
IMAP_HANDLER(noop);
IMAP_HANDLER(logout);
IMAP_HANDLER(id);
IMAP_HANDLER(enable);
IMAP_HANDLER(starttls);
IMAP_HANDLER(namespace);
IMAP_HANDLER(check);

/* login.c */
IMAP_PARSER(login);
IMAP_PARSER(authenticate);
IMAP_HANDLER(login);
IMAP_HANDLER(authenticate);

/* idle.c */
IMAP_HANDLER(idle);

/* select.c */
IMAP_HANDLER(select);
IMAP_HANDLER(examine);
IMAP_HANDLER(close);
IMAP_HANDLER(unselect);

/* folders.c */
struct imap_name_args {
	struct bytes name;
	struct bytes new_name;
};
IMAP_PARSER(name);
IMAP_PARSER(two_names);
IMAP_HANDLER(create);
IMAP_HANDLER(delete);
IMAP_HANDLER(rename);
IMAP_HANDLER(subscribe);
IMAP_HANDLER(unsubscribe);
IMAP_PARSER(status);
IMAP_HANDLER(status);

/* quota.c */
IMAP_PARSER(get_quota);
IMAP_PARSER(set_quota);
IMAP_HANDLER(get_quota);
IMAP_HANDLER(get_quota_root);
IMAP_HANDLER(set_quota);

/* list.c */
IMAP_PARSER(list);
IMAP_PARSER(lsub);
IMAP_HANDLER(list);
IMAP_HANDLER(lsub);

/* append.c */
IMAP_PARSER(append);
IMAP_HANDLER(append);

/* change.c */
IMAP_PARSER(store);
IMAP_PARSER(expunge);
IMAP_PARSER(copy);
IMAP_HANDLER(store);
IMAP_HANDLER(expunge);
IMAP_HANDLER(copy);
IMAP_HANDLER(move);

/* fetch.c */
IMAP_PARSER(fetch);
IMAP_HANDLER(fetch);

/* search.c */
IMAP_PARSER(search);
IMAP_HANDLER(search);

/* sort.c */
IMAP_PARSER(sort);
IMAP_HANDLER(sort);

/* thread.c */
IMAP_PARSER(thread);
IMAP_HANDLER(thread);

#endif
