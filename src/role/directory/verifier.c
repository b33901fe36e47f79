/* A stored form that costs microseconds is compared at once: a thread would cost more than the answer (two wake-ups,
   about 20 µs here, against 2), and there is nothing to remember.  The others go to the pool.

   Each of these attempts has a digest: a keyed hash (HMAC-SHA-256, the key random and of this process) of the name,
   the stored form and the password.  A digest that was right is remembered, so that the five
   connections of a client cost one argon2; it can't match any more once the account's stored form is
   another.  Equal attempts that come while the first one runs follow it.

   The loop's thread owns everything but the attempts that are with the pool; those come back through
   `finished`. */
#include "role/directory/verifier.h"

#include "base/map.h"
#include "base/memory.h"
#include "role/directory/password.h"
#include "sys/pool.h"
#include "sys/random.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdatomic.h>
#include <string.h>

enum { DIGEST_OCTETS = 32, REMEMBERED = 8192, NAME_MAX_OCTETS = 320 };

struct attempt {
	struct job job;
	struct strand strand;
	struct verifier *verifier;
	struct attempt *next; /* in the free or the finished list */
	struct attempt *followers; /* attempts with the same digest */
	uint8_t digest[DIGEST_OCTETS];
	uint64_t party; /* 0: none, or not taken */
	bool is_working; /* with the pool */
	bool is_decoy;
	bool is_right;
	size_t stored_len, secret_len;
	uint8_t secret_stored[PASSWORD_STORED_MAX];
	uint8_t secret_password[PASSWORD_OCTETS_MAX];
	void (*done)(void *arg, bool is_right);
	void *arg;
};

struct shelf {
	atomic_flag is_taken;
	struct password_scratch scratch;
};

struct verifier {
	struct pool *pool;
	struct wake wake;
	_Atomic(struct attempt *) finished;
	atomic_bool is_ending; /* nobody waits any more */
	struct attempt *free;
	size_t working;
	size_t thread_count;
	struct shelf *shelves; /* one a thread */
	uint8_t secret_key[DIGEST_OCTETS];
	uint8_t remembered[REMEMBERED][DIGEST_OCTETS]; /* by the digest's first octets; zero: none */
	struct attempt attempts[VERIFIER_WAITING_MAX];
};

static void woken(struct wake *wake);

struct verifier *
verifier_new(struct loop *loop, size_t threads)
{
	struct verifier *v = NEW(struct verifier);

	/* OpenSSL's configuration file can't be read from the jail, and says nothing to us. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	random_fill(v->secret_key, sizeof v->secret_key);
	v->thread_count = threads;
	v->shelves = memory_new_array(threads, sizeof *v->shelves);
	for (size_t i = 0; i < VERIFIER_WAITING_MAX; i++) {
		v->attempts[i].verifier = v;
		v->attempts[i].next = v->free;
		v->free = &v->attempts[i];
	}
	wake_init(&v->wake, loop, woken);
	v->pool = pool_new(threads);
	return v;
}

static void
empty_shelves(struct verifier *v)
{
	for (size_t i = 0; i < v->thread_count; i++)
		password_scratch_done(&v->shelves[i].scratch);
}

static struct verifier *
of_wake(struct wake *wake)
{
	return (struct verifier *)((uint8_t *)wake - offsetof(struct verifier, wake));
}

static void
on_wake_closed(struct wake *wake)
{
	struct verifier *v = of_wake(wake);

	memory_wipe(v, sizeof *v);
	memory_free(v);
}

void
verifier_free(struct verifier **at)
{
	struct verifier *v = *at;

	if (!v)
		return;
	*at = NULL;
	atomic_store(&v->is_ending, true);
	pool_free(&v->pool);
	empty_shelves(v);
	memory_free(v->shelves);
	wake_close(&v->wake, on_wake_closed);
}

/* There are as many shelves as threads: one is free. */
static struct shelf *
take_shelf(struct verifier *v)
{
	for (size_t i = 0;; i = (i + 1) % v->thread_count)
		if (!atomic_flag_test_and_set(&v->shelves[i].is_taken))
			return &v->shelves[i];
}

static void
compute(struct attempt *t)
{
	struct shelf *shelf = take_shelf(t->verifier);

	t->is_right = password_is_right(bytes_of(t->secret_stored, t->stored_len),
			      bytes_of(t->secret_password, t->secret_len), &shelf->scratch)
		&& !t->is_decoy;
	atomic_flag_clear(&shelf->is_taken);
}

static void
run(struct job *job)
{
	struct attempt *t = (struct attempt *)job;
	struct verifier *v = t->verifier;

	t->is_right = false;
	if (!atomic_load(&v->is_ending))
		compute(t);
	memory_wipe(t->secret_password, t->secret_len);
	memory_wipe(t->secret_stored, t->stored_len);
	t->next = atomic_load(&v->finished);
	while (!atomic_compare_exchange_weak(&v->finished, &t->next, t))
		;
	wake_send(&v->wake);
}

static uint8_t *
place_of(struct verifier *v, const uint8_t digest[DIGEST_OCTETS])
{
	return v->remembered[(digest[0] | digest[1] << 8) % REMEMBERED];
}

static void
put_part(struct buf *b, struct bytes part)
{
	put_u32(b, (uint32_t)part.len);
	put_bytes(b, part);
}

static bool
make_digest(const struct verifier *v, const struct verifier_question *q, uint8_t digest[DIGEST_OCTETS])
{
	uint8_t space[1 + 3 * sizeof(uint32_t) + NAME_MAX_OCTETS + PASSWORD_STORED_MAX + PASSWORD_OCTETS_MAX];
	struct buf b;
	bool is_made;

	buf_init_fixed(&b, space, sizeof space);
	put_u8(&b, q->is_decoy);
	put_part(&b, q->name);
	put_part(&b, q->stored);
	put_part(&b, q->secret_password);
	is_made = !b.has_failed
		&& HMAC(EVP_sha256(), v->secret_key, sizeof v->secret_key, space, b.len, digest, NULL);
	memory_wipe(space, sizeof space);
	return is_made;
}

static bool
has_its_share(const struct verifier *v, uint64_t party)
{
	size_t count = 0;

	for (size_t i = 0; party && i < VERIFIER_WAITING_MAX; i++)
		count += v->attempts[i].party == party;
	return count >= VERIFIER_WAITING_PARTY_MAX;
}

static struct attempt *
take_attempt(struct verifier *v)
{
	struct attempt *t = v->free;

	if (t) {
		v->free = t->next;
		t->next = t->followers = NULL;
	}
	return t;
}

static void
give_back(struct verifier *v, struct attempt *t)
{
	t->party = 0;
	t->next = v->free;
	v->free = t;
}

static struct attempt *
find_working(struct verifier *v, const uint8_t digest[DIGEST_OCTETS])
{
	for (size_t i = 0; v->working && i < VERIFIER_WAITING_MAX; i++)
		if (v->attempts[i].is_working
			&& memcmp(v->attempts[i].digest, digest, DIGEST_OCTETS) == 0)
			return &v->attempts[i];
	return NULL;
}

static void
start(struct verifier *v, struct attempt *t, const struct verifier_question *q)
{
	t->is_working = true;
	t->is_decoy = q->is_decoy;
	t->stored_len = q->stored.len;
	memcpy(t->secret_stored, q->stored.ptr, q->stored.len);
	t->secret_len = q->secret_password.len;
	if (q->secret_password.len)
		memcpy(t->secret_password, q->secret_password.ptr, q->secret_password.len);
	t->job.run = run;
	v->working++;
	pool_add(v->pool, &t->strand, &t->job);
}

/* Through the pool, unless it was right before. */
static enum verifier_result
try_dear(struct verifier *v, const struct verifier_question *q, void (*done)(void *arg, bool is_right), void *arg)
{
	uint8_t digest[DIGEST_OCTETS];
	uint64_t party = q->party.len ? map_hash(q->party) | 1 : 0;
	struct attempt *t, *first;

	if (!make_digest(v, q, digest))
		return VERIFIER_BUSY;
	if (memcmp(place_of(v, digest), digest, sizeof digest) == 0)
		return VERIFIER_RIGHT;
	t = has_its_share(v, party) ? NULL : take_attempt(v);
	if (!t)
		return VERIFIER_BUSY;
	t->party = party;
	t->done = done;
	t->arg = arg;
	memcpy(t->digest, digest, sizeof digest);
	first = find_working(v, digest);
	if (first) {
		t->followers = first->followers;
		first->followers = t;
		return VERIFIER_PENDING;
	}
	start(v, t, q);
	return VERIFIER_PENDING;
}

/* What is too long is never right; cut, it takes as long as others. */
static struct verifier_question
cut(const struct verifier_question *q)
{
	struct verifier_question fit = *q;

	fit.is_decoy |= q->stored.len > PASSWORD_STORED_MAX || q->secret_password.len > PASSWORD_OCTETS_MAX;
	fit.stored = bytes_sub(q->stored, 0, PASSWORD_STORED_MAX);
	fit.secret_password = bytes_sub(q->secret_password, 0, PASSWORD_OCTETS_MAX);
	fit.name = bytes_sub(q->name, 0, NAME_MAX_OCTETS);
	return fit;
}

enum verifier_result
verifier_try(struct verifier *v, const struct verifier_question *q, void (*done)(void *arg, bool is_right), void *arg)
{
	struct verifier_question fit = cut(q);

	switch (password_cost(fit.stored)) {
	case PASSWORD_CHEAP:
		return password_is_right(fit.stored, fit.secret_password, NULL) && !fit.is_decoy ? VERIFIER_RIGHT
												 : VERIFIER_WRONG;
	case PASSWORD_USELESS:
		fit.stored = password_dummy();
		fit.is_decoy = true;
		break;
	case PASSWORD_DEAR:
		break;
	}
	return try_dear(v, &fit, done, arg);
}

/* t and those that follow it go back before anybody is told: `done` may try again. */
static void
finish(struct verifier *v, struct attempt *t)
{
	struct attempt *all = t;
	bool is_right = t->is_right;

	t->is_working = false;
	v->working--;
	if (is_right)
		memcpy(place_of(v, t->digest), t->digest, DIGEST_OCTETS);
	while (all) {
		struct attempt *next = all->followers;
		void (*done)(void *arg, bool is_right) = all->done;
		void *arg = all->arg;

		give_back(v, all);
		done(arg, is_right);
		all = next;
	}
}

static void
woken(struct wake *wake)
{
	struct verifier *v = of_wake(wake);
	struct attempt *t = atomic_exchange(&v->finished, NULL);

	while (t) {
		struct attempt *next = t->next;

		finish(v, t);
		t = next;
	}
	if (v->working == 0)
		empty_shelves(v);
}
