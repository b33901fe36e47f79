/* Who guessed wrong too often to be listened to now.  The time is the caller's. */
#ifndef DIRECTORY_GUESSES_H
#define DIRECTORY_GUESSES_H

#include "base/bytes.h"

struct guesses;

/* Nobody guessed yet. */
struct guesses *guesses_new(void);
/* Sets *g to NULL. */
void guesses_free(struct guesses **g);
/* May that party try a password, when it has `most` wrong ones in ten minutes?  Whoever is no party (empty) may, and all may when most
   is 0.  Monotonic time. */
bool guesses_may_try(const struct guesses *g, struct bytes party, uint32_t most, int64_t now_us);
/* It tried a wrong one. */
void guesses_note(struct guesses *g, struct bytes party, uint32_t most, int64_t now_us);

#endif
