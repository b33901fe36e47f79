#include "role/relay/route.h"

#include "base/buf.h"

#include <string.h>

static struct bytes
without_dot(struct bytes name)
{
	return name.len > 0 && name.ptr[name.len - 1] == '.' ? bytes_sub(name, 0, name.len - 1) : name;
}

/* Letters, digits, "-", "_" and dots: what else there may be in DNS is no host. */
static bool
is_host(struct bytes name)
{
	if (name.len == 0 || name.len > ROUTE_NAME_MAX || name.ptr[0] == '.')
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (!byte_is_class(name.ptr[i], CLASS_ALPHA | CLASS_DIGIT) && name.ptr[i] != '-' && name.ptr[i] != '_' &&
			name.ptr[i] != '.')
			return false;
	return true;
}

static void
set_host(struct route_host *h, uint32_t preference, struct bytes name)
{
	h->preference = preference;
	for (size_t i = 0; i < name.len; i++)
		h->name[i] = (char)byte_lower(name.ptr[i]);
	h->name[name.len] = '\0';
}

/* xorshift64*: only so that not everybody begins with the same host. */
static uint64_t
next_random(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * 2685821657736338717ULL;
}

/* Puts it behind a random number of those of its preference, and before all that are worse. */
static void
insert(struct route *r, uint32_t preference, struct bytes name, uint64_t *seed)
{
	size_t first = 0, end, at;

	while (first < r->count && r->hosts[first].preference < preference)
		first++;
	for (end = first; end < r->count && r->hosts[end].preference == preference;)
		end++;
	at = first + (size_t)(next_random(seed) % (end - first + 1));
	if (at == ROUTE_HOSTS_MAX)
		return;
	if (r->count == ROUTE_HOSTS_MAX)
		r->count--;
	memmove(&r->hosts[at + 1], &r->hosts[at], (r->count - at) * sizeof r->hosts[0]);
	set_host(&r->hosts[at], preference, name);
	r->count++;
}

static bool
take_record(struct bytes *in, uint16_t *preference, struct bytes *name)
{
	uint16_t len;

	if (!take_u16(in, preference) || !take_u16(in, &len) || !take_octets(in, len, name))
		return false;
	*name = without_dot(*name);
	return true;
}

/* The preference that ours has among them; UINT32_MAX: we are none of them. */
static uint32_t
own_preference(struct bytes records, struct bytes own)
{
	uint32_t best = UINT32_MAX;
	uint16_t preference;
	struct bytes name;

	while (take_record(&records, &preference, &name))
		if (bytes_equal_nocase(name, own) && preference < best)
			best = preference;
	return best;
}

enum route_verdict
route_by_mx(struct bytes records, struct bytes own, uint64_t seed, struct route *out)
{
	uint32_t below = own_preference(records, own);
	size_t count = 0;
	bool is_null = false;
	uint16_t preference;
	struct bytes name;

	out->count = 0;
	seed |= 1;
	for (; take_record(&records, &preference, &name); count++) {
		is_null |= name.len == 0;
		if (is_host(name) && preference < below)
			insert(out, preference, name, &seed);
	}
	if (out->count > 0)
		return ROUTE_FOUND;
	/* RFC 7505 3: a single record with the root as its name. */
	if (is_null && count == 1)
		return ROUTE_NULL;
	return below < UINT32_MAX ? ROUTE_LOOP : ROUTE_BAD;
}

enum route_verdict
route_to(struct bytes host, struct bytes own, struct route *out)
{
	host = without_dot(host);
	out->count = 0;
	if (bytes_equal_nocase(host, own))
		return ROUTE_LOOP;
	if (!is_host(host))
		return ROUTE_BAD;
	set_host(&out->hosts[out->count++], 0, host);
	return ROUTE_FOUND;
}
