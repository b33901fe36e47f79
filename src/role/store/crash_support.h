/* For tests of what must survive a crash: an engine over a disk that fails and loses power (disk_fault.h), and answers waited for. */
#ifndef STORE_CRASH_SUPPORT_H
#define STORE_CRASH_SUPPORT_H

#include "role/store/engine_internal.h"
#include "sys/disk_fault.h"

struct crashing {
	struct disk_fault *disk;
	struct engine *engine;
	struct engine_outlet *outlet;
	uint64_t journal_octets; /* of the next engine that is opened */
	pthread_mutex_t lock;
	pthread_cond_t came;
	enum ipc_outcome outcome; /* of the last answer */
	uint32_t uid; /* of the last delivery, or the first of the last copies */
	bool has_answer;
};

/* An empty disk whose crashes are chosen by the seed; no engine yet. */
void crashing_begin(struct crashing *w, uint64_t seed);
void crashing_end(struct crashing *w);
/* Makes /state and /mail, durably: they are there before a server is. */
void crashing_make_folders(void);
/* False: it does not start. */
bool crashing_open(struct crashing *w);
/* Waits for the answer to what was submitted after has_answer was set to false. */
void crashing_wait(struct crashing *w);
enum ipc_outcome crashing_ask(struct crashing *w, struct engine_session *s, struct message *m);
/* As another program: not synced. */
void crashing_put(int directory, const char *path, struct bytes octets);

#endif
