/* Plays a session in tests and fuzzers: is its driver, its directory and its store. One account, in memory. */
#ifndef IMAP_PLAYER_H
#define IMAP_PLAYER_H

#include "proto/imap/session.h"
#include "proto/imap/test_client.h"
#include "proto/imap/test_view.h"

#define PLAYER_FOLDERS_MAX 32
#define PLAYER_VIEWS_MAX 256

struct player_folder {
	char name[256];
	bool is_there, is_subscribed;
	struct test_view *view;
	uint32_t recent_from;
};

struct player {
	struct imap_session *session;
	struct imap_settings settings;
	struct imap_quota quota; /* none, unless it has a limit */
	struct player_folder folders[PLAYER_FOLDERS_MAX];
	struct player_folder *selected;
	struct test_view *old[PLAYER_VIEWS_MAX]; /* replaced: bodies of them may be lent out */
	size_t old_count;
	/* Called after each piece of output, which the client may be slow to take.  May be NULL. */
	void (*between)(struct player *p);
	uint64_t random; /* for `between` */
	struct buf out; /* what the client got */
	struct test_client *client; /* NULL, or: hears it */
	struct buf asks; /* one line for each question */
	struct buf message; /* of APPEND */
	struct imap_body bodies[IMAP_BODIES_MAX];
	struct buf summaries[IMAP_BODIES_MAX];
	/* How the next question of this kind is answered instead. */
	bool has_outcome;
	enum imap_ask_kind outcome_of;
	enum imap_outcome outcome;
	size_t bodies_max; /* of one answer; 0: all that are asked for */
	bool holds_answers; /* the question stays open until player_answer */
	struct imap_ask held;
	bool is_held, is_closed, is_tls_wanted, is_appending;
	uint64_t append_octets;
	uint32_t steps;
};

/* An account with INBOX alone, or (has_folders) with the five special folders too. */
void player_init(struct player *p, bool has_folders);
void player_done(struct player *p);
/* A session anew, with the settings as they are now. */
void player_restart(struct player *p);
/* Sends the octets as they are and steps until the session wants more, is blocked or closed. */
void player_send(struct player *p, struct bytes octets);
void player_send_text(struct player *p, const char *text);
/* Steps without input: after a change. */
void player_run(struct player *p);
/* The client, if there is one, hears what was put out so far. */
void player_hear(struct player *p);
/* Answers the question that is held. */
void player_answer(struct player *p);
struct player_folder *player_folder(struct player *p, struct bytes name);
/* Another session changes a folder. */
uint32_t player_deliver(struct player *p, const char *folder, struct bytes octets, uint32_t flags);
void player_set_flags(struct player *p, const char *folder, uint32_t uid, uint32_t flags);
void player_expunge(struct player *p, const char *folder, uint32_t uid);
/* The store makes a new generation of the folder's view. */
void player_compact(struct player *p, const char *folder);
/* A log-in and SELECT INBOX; what was put out by them is forgotten. */
void player_log_in(struct player *p);
void player_select(struct player *p, const char *folder);

#endif
