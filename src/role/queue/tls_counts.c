#include "role/queue/tls_counts.h"

#include "base/memory.h"
#include "journal/crc.h"
#include "proto/sts/sts.h"

#include <string.h>

enum { IMAGE_VERSION = 1, KEY_OCTETS_MAX = 8192, TEXT_OCTETS_MAX = 4096, ATTEMPTS_MAX = 16, CRC_OCTETS = 4 };

/* ---- keys: texts with their lengths in front */

static void
put_text_field(struct buf *out, struct bytes text)
{
	put_u16(out, (uint16_t)text.len);
	put_bytes(out, text);
}

static bool
take_text_field(struct bytes *in, struct bytes *text)
{
	uint16_t len;

	return take_u16(in, &len) && len <= TEXT_OCTETS_MAX && take_octets(in, len, text);
}

static bool
take_policy_key(struct bytes in, struct tlsrpt_policy *p)
{
	uint8_t type;

	*p = (struct tlsrpt_policy){ .type = TLSRPT_NO_POLICY };
	if (!take_u8(&in, &type) || type >= TLSRPT_POLICY_TYPES || !take_text_field(&in, &p->domain) || !take_text_field(&in, &p->text))
		return false;
	p->type = (enum tlsrpt_policy_type)type;
	return in.len == 0;
}

static bool
take_failure_key(struct bytes in, struct tlsrpt_failure *f)
{
	uint8_t result;

	*f = (struct tlsrpt_failure){ .result = TLSRPT_SUCCESS };
	if (!take_u8(&in, &result) || result == TLSRPT_SUCCESS || result >= TLSRPT_RESULTS || !take_text_field(&in, &f->sending_ip) ||
		!take_text_field(&in, &f->mx) || !take_text_field(&in, &f->helo) || !take_text_field(&in, &f->receiving_ip) ||
		!take_text_field(&in, &f->reason))
		return false;
	f->result = (enum tlsrpt_result)result;
	return in.len == 0;
}

struct tlsrpt_policy
tls_policy_view(const struct tls_policy *p)
{
	struct tlsrpt_policy view;

	(void)take_policy_key(bytes_of(p->key, p->len), &view);
	view.successes = p->successes;
	view.failures = p->failed;
	return view;
}

struct tlsrpt_failure
tls_failure_view(const struct tls_failure *f)
{
	struct tlsrpt_failure view;

	(void)take_failure_key(bytes_of(f->key, f->len), &view);
	view.count = f->count;
	return view;
}

/* ---- what is counted */

struct tls_period *
tls_period_new(int64_t number, int64_t begin_s)
{
	struct tls_period *p = NEW(struct tls_period);

	p->number = number;
	p->begin_s = begin_s;
	p->domains = map_new();
	return p;
}

static void
free_policy(struct tls_period *p, struct tls_policy *policy)
{
	struct tls_failure *f;

	while ((f = SLIST_FIRST(&policy->failures))) {
		SLIST_REMOVE_HEAD(&policy->failures, link);
		p->octets -= sizeof *f + f->len;
		memory_free(f);
	}
	p->octets -= sizeof *policy + policy->len;
	memory_free(policy);
}

static void
free_domain(struct tls_period *p, struct tls_domain *d)
{
	struct tls_policy *policy;

	while ((policy = SLIST_FIRST(&d->policies))) {
		SLIST_REMOVE_HEAD(&d->policies, link);
		free_policy(p, policy);
	}
	p->octets -= sizeof *d + d->len;
	memory_free(d);
}

void
tls_period_free(struct tls_period **p)
{
	struct bytes key;
	size_t at = 0;
	void *value;

	if (!*p)
		return;
	while (map_next((*p)->domains, &at, &key, &value))
		free_domain(*p, value);
	map_free(&(*p)->domains);
	memory_free(*p);
	*p = NULL;
}

void
tls_period_forget(struct tls_period *p, struct tls_domain *d)
{
	(void)map_remove(p->domains, bytes_of(d->name, d->len));
	free_domain(p, d);
	p->is_changed = true;
}

/* False: there is no room for that much more. */
static bool
reserve(struct tls_period *p, size_t octets)
{
	if (octets > TLS_OCTETS_MAX - p->octets)
		return false;
	p->octets += octets;
	return true;
}

/* The domain, found or new; NULL: there is no room. */
static struct tls_domain *
domain_of(struct tls_period *p, struct bytes name)
{
	struct tls_domain *d = map_get(p->domains, name);

	if (d || map_count(p->domains) >= TLS_DOMAINS_MAX || !reserve(p, sizeof *d + name.len))
		return d;
	d = memory_new(sizeof *d + name.len);
	memcpy(d->name, name.ptr, name.len);
	d->len = name.len;
	(void)map_put(p->domains, name, d);
	return d;
}

static struct tls_policy *
policy_of(struct tls_period *p, struct tls_domain *d, struct bytes key)
{
	struct tls_policy *policy;

	SLIST_FOREACH (policy, &d->policies, link)
		if (bytes_equal(bytes_of(policy->key, policy->len), key))
			return policy;
	if (d->policy_count >= TLS_POLICIES_MAX || !reserve(p, sizeof *policy + key.len))
		return NULL;
	policy = memory_new(sizeof *policy + key.len);
	memcpy(policy->key, key.ptr, key.len);
	policy->len = key.len;
	SLIST_INSERT_HEAD(&d->policies, policy, link);
	d->policy_count++;
	return policy;
}

static struct tls_failure *
failure_of(struct tls_period *p, struct tls_policy *policy, struct bytes key)
{
	struct tls_failure *f;

	SLIST_FOREACH (f, &policy->failures, link)
		if (bytes_equal(bytes_of(f->key, f->len), key))
			return f;
	if (policy->failure_count >= TLS_FAILURES_MAX || !reserve(p, sizeof *f + key.len))
		return NULL;
	f = memory_new(sizeof *f + key.len);
	memcpy(f->key, key.ptr, key.len);
	f->len = key.len;
	SLIST_INSERT_HEAD(&policy->failures, f, link);
	policy->failure_count++;
	return f;
}

static void
count_failure(struct tls_period *p, struct tls_policy *policy, const struct ipc_tls_session *m)
{
	uint8_t octets[KEY_OCTETS_MAX];
	struct tls_failure *f;
	struct buf key;

	buf_init_fixed(&key, octets, sizeof octets);
	put_u8(&key, m->result);
	put_text_field(&key, m->sending_ip);
	put_text_field(&key, m->mx);
	put_text_field(&key, m->helo);
	put_text_field(&key, m->receiving_ip);
	put_text_field(&key, m->reason);
	f = failure_of(p, policy, buf_bytes(&key));
	if (f)
		f->count++;
}

void
tls_period_count(struct tls_period *p, const struct ipc_tls_session *m)
{
	uint8_t octets[KEY_OCTETS_MAX];
	struct tls_policy *policy;
	struct tls_domain *d;
	struct buf key;

	/* The domain will stand in a header, and the image is not believed when a number in it can't be. */
	if (!sts_domain_is_possible(m->domain) || m->policy_type >= TLSRPT_POLICY_TYPES || m->result >= TLSRPT_RESULTS)
		return;
	p->is_changed = true;
	d = domain_of(p, m->domain);
	if (!d) {
		p->left_out++;
		return;
	}
	buf_init_fixed(&key, octets, sizeof octets);
	put_u8(&key, m->policy_type);
	put_text_field(&key, m->policy_domain);
	put_text_field(&key, m->policy);
	policy = policy_of(p, d, buf_bytes(&key));
	if (!policy) {
		d->left_out++;
	} else if (m->result == TLSRPT_SUCCESS) {
		policy->successes++;
	} else {
		policy->failed++;
		count_failure(p, policy, m);
	}
}

void
tls_domain_sum(const struct tls_domain *d, uint64_t *successes, uint64_t *failed)
{
	const struct tls_policy *policy;

	*successes = *failed = 0;
	SLIST_FOREACH (policy, &d->policies, link) {
		*successes += policy->successes;
		*failed += policy->failed;
	}
}

/* ---- the image: crc, version, period, domains with their policies with their failures */

static void
put_policy(struct buf *out, const struct tls_policy *policy)
{
	const struct tls_failure *f;

	put_text_field(out, bytes_of(policy->key, policy->len));
	put_u64(out, policy->successes);
	put_u64(out, policy->failed);
	put_u8(out, (uint8_t)policy->failure_count);
	SLIST_FOREACH (f, &policy->failures, link) {
		put_text_field(out, bytes_of(f->key, f->len));
		put_u64(out, f->count);
	}
}

static void
put_domain(struct buf *out, const struct tls_domain *d)
{
	const struct tls_policy *policy;

	put_text_field(out, bytes_of(d->name, d->len));
	put_u64(out, d->left_out);
	put_u64(out, (uint64_t)d->due_s);
	put_u64(out, (uint64_t)d->until_s);
	put_u8(out, d->attempts);
	put_u8(out, d->done_count);
	for (size_t i = 0; i < d->done_count; i++)
		put_u64(out, d->done[i]);
	put_u8(out, (uint8_t)d->policy_count);
	SLIST_FOREACH (policy, &d->policies, link)
		put_policy(out, policy);
}

void
tls_period_put(struct buf *out, const struct tls_period *p)
{
	struct bytes key;
	size_t at = 0;
	void *value;

	put_u32(out, 0);
	put_u8(out, IMAGE_VERSION);
	put_u64(out, (uint64_t)p->begin_s);
	put_u64(out, (uint64_t)p->end_s);
	put_u64(out, p->left_out);
	while (map_next(p->domains, &at, &key, &value))
		put_domain(out, value);
}

void
tls_image_seal(struct buf *image)
{
	uint8_t crc[CRC_OCTETS];
	struct buf head;

	buf_init_fixed(&head, crc, sizeof crc);
	put_u32(&head, crc32c(0, bytes_sub(buf_bytes(image), sizeof crc, image->len)));
	memcpy(image->ptr, crc, sizeof crc);
}

static bool
take_time(struct bytes *in, int64_t *out)
{
	uint64_t value;

	if (!take_u64(in, &value) || value > INT64_MAX / 2)
		return false;
	*out = (int64_t)value;
	return true;
}

static bool
take_long_field(struct bytes *in, struct bytes *text)
{
	uint16_t len;

	return take_u16(in, &len) && len <= KEY_OCTETS_MAX && take_octets(in, len, text);
}

static bool
take_failure(struct bytes *in, struct tls_period *p, struct tls_policy *policy)
{
	struct tlsrpt_failure view;
	struct tls_failure *f;
	struct bytes key;
	uint64_t count;

	if (!take_long_field(in, &key) || !take_failure_key(key, &view) || !take_u64(in, &count))
		return false;
	f = failure_of(p, policy, key);
	if (f)
		f->count = count;
	return f != NULL;
}

static bool
take_policy(struct bytes *in, struct tls_period *p, struct tls_domain *d)
{
	struct tlsrpt_policy view;
	struct tls_policy *policy;
	struct bytes key;
	uint8_t count;

	if (!take_long_field(in, &key) || !take_policy_key(key, &view) || !(policy = policy_of(p, d, key)))
		return false;
	if (!take_u64(in, &policy->successes) || !take_u64(in, &policy->failed) || !take_u8(in, &count))
		return false;
	while (count > 0 && take_failure(in, p, policy))
		count--;
	return count == 0;
}

static bool
take_domain(struct bytes *in, struct tls_period *p)
{
	struct tls_domain *d;
	struct bytes name;
	uint8_t count;

	if (!take_text_field(in, &name) || !sts_domain_is_possible(name) || !(d = domain_of(p, name)))
		return false;
	if (!take_u64(in, &d->left_out) || !take_time(in, &d->due_s) || !take_time(in, &d->until_s) || !take_u8(in, &d->attempts) || d->attempts > ATTEMPTS_MAX ||
		!take_u8(in, &count) || count > TLSRPT_TARGETS_MAX)
		return false;
	for (d->done_count = 0; d->done_count < count; d->done_count++)
		if (!take_u64(in, &d->done[d->done_count]))
			return false;
	if (!take_u8(in, &count))
		return false;
	while (count > 0 && take_policy(in, p, d))
		count--;
	return count == 0;
}

static bool
take_period(struct bytes *in, struct tls_period *p)
{
	uint32_t crc;
	uint8_t version;

	if (!take_u32(in, &crc) || crc != crc32c(0, *in) || !take_u8(in, &version) || version != IMAGE_VERSION)
		return false;
	if (!take_time(in, &p->begin_s) || !take_time(in, &p->end_s) || !take_u64(in, &p->left_out))
		return false;
	while (in->len > 0)
		if (!take_domain(in, p))
			return false;
	return true;
}

struct tls_period *
tls_period_take(struct bytes image, int64_t number)
{
	struct tls_period *p = tls_period_new(number, 0);

	if (!take_period(&image, p))
		tls_period_free(&p);
	return p;
}
