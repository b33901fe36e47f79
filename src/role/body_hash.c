#include "role/body_hash.h"

#include "base/memory.h"

#include <assert.h>
#include <openssl/evp.h>

struct body_hash {
	struct dkim_body body;
	EVP_MD_CTX *context;
};

static void
add_canonical(void *arg, struct bytes canonical)
{
	int is_good = EVP_DigestUpdate(arg, canonical.ptr, canonical.len);

	assert(is_good == 1);
}

struct body_hash *
body_hash_new(void)
{
	struct body_hash *h = NEW(struct body_hash);
	int is_good;

	h->context = EVP_MD_CTX_new();
	is_good = h->context && EVP_DigestInit_ex(h->context, EVP_sha256(), NULL) == 1;
	assert(is_good);
	dkim_body_init(&h->body, add_canonical, h->context);
	return h;
}

void
body_hash_free(struct body_hash **h)
{
	if (!*h)
		return;
	EVP_MD_CTX_free((*h)->context);
	memory_free(*h);
	*h = NULL;
}

void
body_hash_add(struct body_hash *h, struct bytes octets)
{
	dkim_body_step(&h->body, octets);
}

void
body_hash_end(struct body_hash *h, uint8_t out[DKIM_HASH_OCTETS])
{
	int is_good;

	dkim_body_end(&h->body);
	is_good = EVP_DigestFinal_ex(h->context, out, NULL);
	assert(is_good == 1);
}
