#include "role/front/signing.h"

#include "base/memory.h"
#include "proto/rfc5322/address.h"
#include "proto/rfc5322/header.h"
#include "role/body_hash.h"

/* As SIGN has room for. */
enum { NAMES_OCTETS_MAX = 1024, HASHED_OCTETS_MAX = 65536 };

struct signing {
	struct domain from;
	struct buf names, hashed_header;
	struct body_hash *body;
	uint8_t body_hash[DKIM_HASH_OCTETS];
};

/* from = "From:" (mailbox-list / address-list) CRLF      RFC 6854 2.1 */
static bool
domain_of(struct bytes value, struct domain *out)
{
	struct rfc5322_address address;
	bool is_in_group = false, is_first = true, is_one = true;
	struct domain domain;
	struct buf scratch;

	buf_init(&scratch, value.len);
	while (is_one && take_address(&value, &is_in_group, &scratch, &address)) {
		if (address.kind != ADDRESS_MAILBOX)
			continue;
		is_one = domain_fold(address.domain, &domain) && (is_first || bytes_equal(domain_bytes(&domain), domain_bytes(out)));
		*out = domain;
		is_first = false;
	}
	buf_done(&scratch);
	return is_one && !is_first;
}

bool
signing_from(struct bytes header, struct domain *out)
{
	struct bytes name, value, field, from = BYTES_NONE;
	size_t count = 0;

	while (take_header_field(&header, &name, &value, &field))
		if (bytes_equal_nocase(name, BYTES("From"))) {
			from = value;
			count++;
		}
	return count == 1 && domain_of(from, out);
}

static bool
has_key(const struct config *config, struct bytes domain)
{
	for (size_t i = 0; i < config->dkim_count; i++)
		if (config_dkim_is_for(config->dkim[i].domain, domain))
			return true;
	return false;
}

static struct bytes
domain_part(struct bytes address)
{
	return bytes_sub(address, bytes_find_last_char(address, '@') + 1, address.len);
}

static bool
has_key_of_address(const struct config *config, struct bytes address)
{
	struct domain domain;

	return domain_fold(domain_part(address), &domain) && has_key(config, domain_bytes(&domain));
}

/* Is there a From: field with which the author's message would be signed? */
static bool
may_sign_for(const struct config *config, const struct signing_author *a)
{
	if (!a->is_known)
		return a->is_trusted && config->dkim_count > 0;
	return has_key_of_address(config, a->sender) || has_key_of_address(config, a->address);
}

static bool
may_speak_for(const struct signing_author *a, const struct domain *from)
{
	if (!a->is_known)
		return a->is_trusted;
	return domain_equal(domain_part(a->sender), domain_bytes(from)) || domain_equal(domain_part(a->address), domain_bytes(from));
}

bool
signing_domain(const struct config *config, const struct signing_author *author, struct bytes header, struct domain *out)
{
	return may_sign_for(config, author) && signing_from(header, out) && has_key(config, domain_bytes(out)) && may_speak_for(author, out);
}

struct signing *
signing_new(const struct domain *from, struct bytes header)
{
	struct signing *s = NEW(struct signing);

	s->from = *from;
	s->body = body_hash_new();
	buf_init(&s->names, NAMES_OCTETS_MAX);
	buf_init(&s->hashed_header, HASHED_OCTETS_MAX);
	dkim_put_names(&s->names, header);
	dkim_put_hashed_header(&s->hashed_header, header, buf_bytes(&s->names));
	return s;
}

void
signing_free(struct signing **s)
{
	if (!*s)
		return;
	body_hash_free(&(*s)->body);
	buf_done(&(*s)->names);
	buf_done(&(*s)->hashed_header);
	memory_free(*s);
	*s = NULL;
}

void
signing_add(struct signing *s, struct bytes body)
{
	body_hash_add(s->body, body);
}

bool
signing_end(struct signing *s, struct ipc_sign *out)
{
	body_hash_end(s->body, s->body_hash);
	*out = (struct ipc_sign){
		.domain = domain_bytes(&s->from),
		.names = buf_bytes(&s->names),
		.hashed_header = buf_bytes(&s->hashed_header),
		.body_hash = bytes_of(s->body_hash, sizeof s->body_hash),
	};
	return !s->names.has_failed && !s->hashed_header.has_failed;
}
