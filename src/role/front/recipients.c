#include "role/front/recipients.h"

#include "base/map.h"
#include "base/memory.h"

#include <string.h>

/* An address has two places; the older of what is there gives way. */
enum { PLACES = 8192, WAYS = 2 };

struct recipient {
	uint8_t has_quota;
	uint16_t address_len, targets_len;
	uint8_t octets[]; /* the address, then the targets */
};

struct recipients {
	struct recipient *at[PLACES];
};

struct recipients *
recipients_new(void)
{
	return NEW(struct recipients);
}

void
recipients_forget(struct recipients *r)
{
	for (size_t i = 0; i < PLACES; i++) {
		memory_free(r->at[i]);
		r->at[i] = NULL;
	}
}

void
recipients_free(struct recipients **r)
{
	if (*r)
		recipients_forget(*r);
	memory_free(*r);
	*r = NULL;
}

/* The first of the address's places. */
static size_t
place_of(struct bytes address)
{
	return (size_t)(map_hash(address) % (PLACES / WAYS)) * WAYS;
}

static bool
is_of(const struct recipient *kept, struct bytes address)
{
	return kept && bytes_equal(bytes_of(kept->octets, kept->address_len), address);
}

void
recipients_keep(struct recipients *r, struct bytes address, const struct ipc_resolved *told)
{
	struct recipient **place = &r->at[place_of(address)], *kept;

	if (address.len == 0 || address.len > UINT16_MAX || told->targets.len == 0 || told->targets.len > UINT16_MAX || is_of(place[0], address))
		return;
	kept = memory_new(sizeof *kept + address.len + told->targets.len);
	kept->has_quota = told->has_quota;
	kept->address_len = (uint16_t)address.len;
	kept->targets_len = (uint16_t)told->targets.len;
	memcpy(kept->octets, address.ptr, address.len);
	memcpy(kept->octets + address.len, told->targets.ptr, told->targets.len);
	memory_free(place[1]);
	place[1] = place[0];
	place[0] = kept;
}

bool
recipients_find(const struct recipients *r, struct bytes address, struct ipc_resolved *told)
{
	struct recipient *const *place = &r->at[place_of(address)];

	for (size_t i = 0; i < WAYS; i++) {
		const struct recipient *kept = place[i];

		if (!is_of(kept, address))
			continue;
		*told = (struct ipc_resolved){ .outcome = IPC_OK, .has_quota = kept->has_quota,
			.targets = bytes_of(kept->octets + kept->address_len, kept->targets_len) };
		return true;
	}
	return false;
}
