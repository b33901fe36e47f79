/* For tests of the engine: an engine over a directory of its own, and answers waited for. */
#ifndef STORE_TEST_SUPPORT_H
#define STORE_TEST_SUPPORT_H

#include "role/store/engine.h"
#include "view/view.h"

#include <pthread.h>

#define TESTING_REQUESTS_OCTETS_MAX ((uint64_t)1 << 20)

struct testing {
	char root[64]; /* everything lies below */
	char mail[80]; /* the Maildir */
	struct engine *engine;
	struct engine_account *account;
	struct engine_outlet *outlet;
	struct loop *loop; /* NULL: none */
	uint64_t journal_octets; /* of the next engine that is opened; 0: 16 MiB */
	uint32_t mailboxes_max; /* the same */
	pthread_mutex_t lock;
	pthread_cond_t came;
	struct message answer; /* to the last request */
	uint8_t octets[65536]; /* what it points to */
	bool has_answer;
	uint32_t changes, gone; /* CHANGED that came */
	int new_fds[2]; /* of the last CHANGED that had some; -1 */
	uint64_t request;
	uint64_t delivered_ok, delivered_failed;
};

/* An empty directory, an engine on it. */
void testing_start(struct testing *t);
/* Stops the engine and starts it again, on what is there. */
void testing_stop(struct testing *t);
void testing_resume(struct testing *t);
/* Stops it and removes the directory. */
void testing_end(struct testing *t);
/* The same for cmocka: *state is a struct testing. */
int testing_set_up(void **state);
/* With a journal that is checkpointed when it holds so much. */
int testing_set_up_journal(void **state, uint64_t octets);
int testing_tear_down(void **state);

/* Submits and waits for the answer, which is valid until the next; its descriptors are the caller's. */
const struct message *testing_ask(struct testing *t, struct engine_session *s, struct engine_body *body,
	struct message *m);
/* The uid, 0 when it was refused. */
uint32_t testing_deliver(struct testing *t, const char *body);
uint32_t testing_append(struct testing *t, struct engine_session *s, const char *name, uint32_t flags,
	const char *keywords, const char *body);
struct engine_session *testing_session(struct testing *t);

/* A selected mailbox. */
struct testing_view {
	struct view view;
	void *mapping, *summaries;
	size_t octets, summary_octets;
	uint64_t mailbox;
	uint32_t recent_from;
};
enum ipc_outcome testing_select(struct testing *t, struct engine_session *s, const char *name,
	struct testing_view *v);
void testing_unmap(struct testing_view *v);
/* Maps what came with a CHANGED, if something did. */
void testing_refresh(struct testing *t, struct testing_view *v);
/* Record of the uid; NULL: none, or expunged. */
const struct view_record *testing_record(const struct testing_view *v, uint32_t uid);
/* The octets of a message in out (NUL-terminated); false: it is not there. */
bool testing_body(struct testing *t, struct engine_session *s, uint32_t uid, char *out, size_t size);

enum ipc_outcome testing_flags(struct testing *t, struct engine_session *s, enum ipc_flags_mode mode,
	uint32_t flags, const char *keywords, uint32_t first, uint32_t last);
enum ipc_outcome testing_expunge(struct testing *t, struct engine_session *s, bool is_forced, uint32_t first,
	uint32_t last);
enum ipc_outcome testing_copy(struct testing *t, struct engine_session *s, bool is_move, const char *name,
	uint32_t first, uint32_t last);
enum ipc_outcome testing_change(struct testing *t, struct engine_session *s,
	enum ipc_mailbox_operation operation, const char *name, const char *new_name);
/* The attributes of a folder + 1, 0: not listed. */
unsigned int testing_list(struct testing *t, struct engine_session *s, const char *name);

/* How many files there are in that directory of the Maildir ("new", ".Sent/cur"). */
int testing_count(const struct testing *t, const char *directory);
/* The name of the one file there that begins with the prefix; aborts when there is none. */
void testing_find(const struct testing *t, const char *directory, const char *prefix, char *out, size_t size);
void testing_write(const struct testing *t, const char *path, const char *content);
void testing_read(const struct testing *t, const char *path, char *out, size_t size);
void testing_remove(const struct testing *t, const char *path);
void testing_rename(const struct testing *t, const char *from, const char *to);
void testing_make(const struct testing *t, const char *path);

#endif
