/* Open mailboxes.  Everything here is for jobs of the account's strand. */
#ifndef STORE_MAILBOX_H
#define STORE_MAILBOX_H

#include "role/store/request.h"

/* The account's directory, made when it is missing and is_made is set.  -1 and *outcome. */
int account_open(struct engine_account *a, bool is_made, enum ipc_outcome *outcome)
	__attribute__((warn_unused_result));
/* Closes a mailbox that nothing pins, and the account's directory when it was the last one. */
void account_close_mailbox(struct mailbox *m);
/* Closes the account's directory when no mailbox of it is open and no request needs it. */
void account_rest(struct engine_account *a);
/* Closes all that nothing pins. */
void account_close_idle(struct engine_account *a);

/* The mailbox of that name, opened when it is not; pinned in *out (which held nothing before).  INBOX is made when
   it is missing.  -1 and *outcome: IPC_ABSENT, or trouble that was reported. */
int mailbox_open(struct engine_account *a, struct bytes name, struct mailbox **out,
	enum ipc_outcome *outcome) __attribute__((warn_unused_result));
/* Makes the index of an open mailbox anew when another program wrote over it, cut it short or replaced it (a copy that was
   brought back): its sessions hear that it is gone.  -1 and *outcome: not now. */
int mailbox_make_sound(struct mailbox *m, enum ipc_outcome *outcome) __attribute__((warn_unused_result));
/* Makes the directories of a folder that is not there.  -1, errno and *f. */
int mailbox_make(struct engine_account *a, struct bytes name, struct fault *f) __attribute__((warn_unused_result));
struct mailbox *mailbox_pin(struct mailbox *m);
/* Lets go of *m, which becomes NULL; it may have been. */
void mailbox_unpin(struct mailbox **m);
/* The same, and closes a mailbox that nobody else has pinned. */
void mailbox_close(struct mailbox **m);
/* Takes the mailbox out of its account: it is deleted.  Whoever has it pinned keeps a
   mailbox that is gone. */
void mailbox_forget(struct mailbox *m);

/* The mailbox has another name from now on: its directory was renamed. */
void mailbox_rename(struct mailbox *m, struct bytes name);

/* The index of the message with that uid; false: there is none (any more). */
bool mailbox_find(const struct mailbox *m, uint32_t uid, uint32_t *index);
/* The first record at or behind *index that is not expunged and whose uid is at most `last`; false: none. */
bool mailbox_next(const struct mailbox *m, uint32_t *index, uint32_t last);
/* Where the records of uids from `uid` on begin. */
uint32_t mailbox_from(const struct mailbox *m, uint32_t uid);

/* A session of that outlet selects, deselects it. */
void mailbox_add_watcher(struct mailbox *m, struct engine_outlet *o, uint64_t epoch);
void mailbox_remove_watcher(struct mailbox *m, struct engine_outlet *o, uint64_t epoch);
/* Fronts are told, once for all changes of the jobs that wait now. */
void mailbox_changed(struct mailbox *m);

/* The modseq for a change that is made now. */
uint64_t mailbox_next_modseq(const struct mailbox *m);
/* Letters of the keywords (bits of the view), and back. */
uint64_t mailbox_letters(const struct mailbox *m, uint64_t keywords);
uint64_t mailbox_keywords_of_letters(struct mailbox *m, uint64_t letters);
/* The view's bits for keywords separated by SP; new ones are added and written down.  False: some did not
   fit (*bits has those that did). */
bool mailbox_take_keywords(struct mailbox *m, struct bytes names, uint64_t *bits);
/* Could all of them be taken? */
bool mailbox_has_room_for(const struct mailbox *m, struct bytes names);
/* The names of the bits, separated by SP. */
void mailbox_put_keywords(struct buf *out, const struct mailbox *m, uint64_t bits);

#endif
