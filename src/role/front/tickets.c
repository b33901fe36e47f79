#include "role/front/tickets.h"

#include "base/memory.h"
#include "sys/random.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <string.h>

enum { NAME_OCTETS = 16, CIPHER_OCTETS = 32, MAC_OCTETS = 32 };

/* RFC 5077 4: a name that the ticket begins with in the clear, a key for AES-256 in CBC mode, one for HMAC-SHA-256. */
struct ticket_key {
	uint8_t name[NAME_OCTETS];
	uint8_t secret_cipher[CIPHER_OCTETS];
	uint8_t secret_mac[MAC_OCTETS];
};
_Static_assert(sizeof(struct ticket_key) == IPC_TICKET_KEY_OCTETS, "the supervisor makes them");

enum { CURRENT, PREVIOUS, KEYS };

struct tickets {
	struct ticket_key secret_keys[KEYS];
	size_t count;
};

struct tickets *
tickets_new(void)
{
	struct tickets *t = NEW(struct tickets);

	random_fill(&t->secret_keys[CURRENT], sizeof t->secret_keys[CURRENT]);
	t->count = 1;
	return t;
}

void
tickets_free(struct tickets **t)
{
	if (!*t)
		return;
	memory_wipe(*t, sizeof **t);
	memory_free(*t);
	*t = NULL;
}

static void
take(struct tickets *t, struct bytes secret_key)
{
	if (secret_key.len == sizeof t->secret_keys[0])
		memcpy(&t->secret_keys[t->count++], secret_key.ptr, secret_key.len);
}

void
tickets_take(struct tickets *t, const struct ipc_ticket_keys *keys)
{
	memory_wipe(t, sizeof *t);
	take(t, keys->secret_current);
	take(t, keys->secret_previous);
}

/* The index of the key of that name; count: it is not there. */
static size_t
find(const struct tickets *t, const uint8_t name[NAME_OCTETS])
{
	size_t at = 0;

	while (at < t->count && memcmp(t->secret_keys[at].name, name, NAME_OCTETS) != 0)
		at++;
	return at;
}

static bool
set_mac(EVP_MAC_CTX *mac, const struct ticket_key *key)
{
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)(uintptr_t)key->secret_mac, MAC_OCTETS),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t)"SHA256", 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, parameters) == 1;
}

/* What OpenSSL wants to hear: 1 goes on, 2 too but with a new ticket, 0 without a ticket, -1 fails the handshake. */
static int
on_ticket(SSL *ssl, unsigned char name[NAME_OCTETS], unsigned char iv[EVP_MAX_IV_LENGTH], EVP_CIPHER_CTX *cipher,
	EVP_MAC_CTX *mac, int is_new)
{
	const struct tickets *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	size_t at = is_new ? CURRENT : find(t, name);
	const struct ticket_key *key = &t->secret_keys[at];

	if (at >= t->count)
		return 0;
	if (is_new) {
		memcpy(name, key->name, NAME_OCTETS);
		random_fill(iv, EVP_MAX_IV_LENGTH);
	}
	if (EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->secret_cipher, iv, is_new) != 1 || !set_mac(mac, key))
		return -1;
	return at == CURRENT ? 1 : 2;
}

void
tickets_use(struct tickets *t, SSL_CTX *context)
{
	(void)SSL_CTX_set_app_data(context, t);
	(void)SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket);
}
