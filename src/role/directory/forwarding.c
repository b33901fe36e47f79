#include "role/directory/forwarding.h"

#include "proto/srs/srs.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

static bool
mac(void *arg, struct bytes text, uint8_t out[SRS_MAC_OCTETS])
{
	const struct config *config = arg;

	return HMAC(EVP_sha256(), config->srs_secret_key.ptr, (int)config->srs_secret_key.len, text.ptr, text.len, out, NULL);
}

static struct bytes
domain_of_srs(const struct config *c)
{
	if (c->srs_domain.len || c->domains.count == 0)
		return c->srs_domain;
	return c->domains.at[0];
}

/* False: it is not wanted. */
static bool
init(const struct config *c, struct srs *out)
{
	*out = (struct srs){ domain_of_srs(c), mac, (void *)(uintptr_t)c };
	return c->srs_secret_key.len && out->domain.len;
}

static bool
is_ours(const struct accounts *a, struct bytes sender)
{
	struct address folded;

	return address_fold(sender, &folded) && folded.local_len < folded.len && accounts_has_domain(a, address_domain(&folded));
}

/* How much of the local part is the name that counts: all of it, else what stands before a delimiter.  0: it is neither. */
static size_t
name_len(const struct config *config, const struct accounts *a, const struct address *address)
{
	struct bytes local = address_local(address), delimiters = config->recipient_delimiter;
	struct address name;

	for (size_t len = local.len; len > 0; len--) {
		if (len < local.len && bytes_find_char(delimiters, local.ptr[len]) == delimiters.len)
			continue;
		if (address_make(bytes_sub(local, 0, len), address_domain(address), &name) && accounts_has_name(a, &name))
			return len;
	}
	return 0;
}

/* What goes wrong on a list is its owner's, not a writer's (RFC 5321 3.9.2; "owner-" is sendmail's). */
static bool
put_owner(const struct config *config, const struct accounts *a, struct bytes address, struct buf *out)
{
	struct address folded, owner;
	uint8_t space[ADDRESS_OCTETS_MAX];
	struct buf local;

	buf_init_fixed(&local, space, sizeof space);
	if (!address_fold(address, &folded) || folded.local_len == folded.len)
		return false;
	put_text(&local, "owner-");
	put_bytes(&local, bytes_sub(address_local(&folded), 0, name_len(config, a, &folded)));
	if (local.has_failed || !address_make(buf_bytes(&local), address_domain(&folded), &owner) || !accounts_has_name(a, &owner))
		return false;
	put_bytes(out, address_bytes(&owner));
	return true;
}

enum ipc_target
forwarding_put_sender(const struct config *config, const struct accounts *a, struct bytes address, struct bytes sender, bool is_known,
	int64_t now_s, struct buf *out)
{
	struct srs srs;

	/* RFC 5321 4.5.5: nobody is told of what nobody sent. */
	if (sender.len == 0)
		return TARGET_FOREIGN;
	if (put_owner(config, a, address, out))
		return TARGET_LISTED;
	/* One that can't be rewritten stays. */
	return init(config, &srs) && !(is_known && is_ours(a, sender)) && srs_put_sender(&srs, sender, now_s, out) ? TARGET_FORWARDED : TARGET_FOREIGN;
}

enum ipc_outcome
forwarding_find_sender(const struct config *config, struct bytes address, int64_t now_s, struct buf *out)
{
	size_t at = bytes_find_last_char(address, '@');
	struct srs srs;

	if (!init(config, &srs) || !domain_equal(bytes_sub(address, at + 1, address.len), srs.domain))
		return IPC_FOREIGN;
	switch (srs_put_back(&srs, address, now_s, out)) {
	case SRS_NONE:
		return IPC_FOREIGN;
	case SRS_BACK:
		return IPC_OK;
	case SRS_FORGED:
	case SRS_EXPIRED:
		break;
	}
	return IPC_ABSENT;
}
