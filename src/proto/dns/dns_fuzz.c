/* Any octets as an answer: nothing of it is longer than it may be, and records are whole. */
#include "proto/dns/dns.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
must_be_text(struct bytes name)
{
	must(name.len <= DNS_NAME_OCTETS_MAX);
	for (size_t i = 0; i < name.len; i++)
		must(byte_is_class(name.ptr[i], CLASS_PRINT) && name.ptr[i] != ' ');
}

static void
take_record(struct bytes *in, enum dns_type type)
{
	struct bytes octets;
	uint16_t preference, len;

	if (type == DNS_A || type == DNS_AAAA) {
		must(take_octets(in, type == DNS_A ? 4 : 16, &octets));
		return;
	}
	must(type != DNS_MX || take_u16(in, &preference));
	must(type != DNS_TLSA || take_octets(in, 3, &octets));
	must(take_u16(in, &len) && take_octets(in, len, &octets));
	if (type == DNS_MX || type == DNS_PTR)
		must_be_text(octets);
}

static void
check(struct bytes packet, struct bytes name, enum dns_type type)
{
	struct dns_answer answer;
	struct bytes rest;
	struct buf records;

	buf_init(&records, 32768);
	if (dns_read_answer(packet, name, type, &answer, &records, NULL) == 0) {
		must(answer.ttl_s <= INT32_MAX);
		must_be_text(buf_bytes(&answer.canonical));
		must((answer.outcome == DNS_FOUND) == (records.len > 0));
		for (rest = buf_bytes(&records); rest.len;)
			take_record(&rest, type);
	} else {
		must(answer.outcome == DNS_LATER);
	}
	buf_done(&records);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum dns_type types[] = { DNS_A, DNS_AAAA, DNS_MX, DNS_TXT, DNS_PTR, DNS_TLSA, DNS_CNAME };
	struct bytes in = bytes_of(data, size), how;
	uint8_t room[512];
	struct buf packet;

	if (!take_octets(&in, 1, &how))
		return 0;
	/* A question that is answered, so that not every input has to find one. */
	buf_init_fixed(&packet, room, sizeof room);
	must(dns_put_query(&packet, 1, BYTES("a.example"), types[how.ptr[0] % 6]));
	packet.ptr[2] |= 0x80;
	if (how.ptr[0] & 0x80 && in.len >= 8) {
		uint8_t whole[65536];
		struct buf all;

		buf_init_fixed(&all, whole, sizeof whole);
		put_bytes(&all, bytes_sub(buf_bytes(&packet), 0, 4));
		put_bytes(&all, BYTES("\0\1\0"));
		put_bytes(&all, bytes_sub(in, 0, 1));
		put_bytes(&all, BYTES("\0\2\0\0"));
		put_bytes(&all, bytes_sub(buf_bytes(&packet), 12, packet.len - 12 - 11));
		put_bytes(&all, bytes_sub(in, 1, 60000));
		check(buf_bytes(&all), BYTES("a.example"), types[how.ptr[0] % 6]);
	} else {
		check(in, BYTES("a.example"), types[how.ptr[0] % 6]);
	}
	return 0;
}
