#include "proto/dns/dns.h"

#include "proto/dns/test_packet.h"
#include "proto/rfc5322/test_rows.h"

#include <stdio.h>

struct reading {
	struct buf packet, records;
	struct dns_answer answer;
};

static int
set_up(void **state)
{
	static struct reading r;

	buf_init(&r.packet, 1 << 16);
	buf_init(&r.records, 32768);
	*state = &r;
	return 0;
}

static int
tear_down(void **state)
{
	struct reading *r = *state;

	buf_done(&r->packet);
	buf_done(&r->records);
	return 0;
}

static int
read_it(struct reading *r, const char *name, enum dns_type type)
{
	buf_reset(&r->records);
	return dns_read_answer(buf_bytes(&r->packet), bytes_text(name), type, &r->answer, &r->records, NULL);
}

static void
assert_refused(struct reading *r, const char *name, enum dns_type type)
{
	struct fault f = { .kind = FAULT_NONE };

	buf_reset(&r->records);
	assert_int_equal(dns_read_answer(buf_bytes(&r->packet), bytes_text(name), type, &r->answer, &r->records, &f), -1);
	assert_int_not_equal(f.kind, FAULT_NONE);
	assert_int_equal(r->answer.outcome, DNS_LATER);
}

static void
assert_outcome(struct reading *r, enum dns_outcome outcome, uint32_t ttl_s, const char *canonical)
{
	assert_int_equal(r->answer.outcome, outcome);
	assert_int_equal(r->answer.ttl_s, ttl_s);
	assert_text("canonical", &r->answer.canonical, canonical);
}

static void
a_question_has_rd_ad_and_edns_rfc1035_4_1_rfc6840_5_7_rfc6891_6(void **state)
{
	struct reading *r = *state;

	buf_reset(&r->packet);
	assert_true(dns_put_query(&r->packet, 0x1234, BYTES("_25._tcp.mx.example"), DNS_TLSA));
	assert_bytes("query", buf_bytes(&r->packet),
		BYTES("\x12\x34\x01\x20\0\x01\0\0\0\0\0\x01"
		      "\x03_25\x04_tcp\x02mx\x07"
		      "example\0\0\x34\0\x01"
		      "\0\0\x29\x04\xd0\0\0\0\0\0\0"));
}

static void
what_can_be_asked_for_rfc1035_2_3_4(void **state)
{
	static const struct {
		const char *name;
		bool is_one;
	} rows[] = {
		{ "a", true },
		{ "mx.example", true },
		{ "_25._tcp.mx-1.example", true },
		{ "1.2.0.192.in-addr.arpa", true },
		{ "123456789012345678901234567890123456789012345678901234567890123.x", true },
		{ "1234567890123456789012345678901234567890123456789012345678901234.x", false },
		{ "", false },
		{ ".", false },
		{ "a.", false },
		{ ".a", false },
		{ "a..b", false },
		{ "a b", false },
		{ "a?b", false },
		{ "b\xc3\xbc.example", false },
		{ "a\n", false },
	};
	struct reading *r = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		buf_reset(&r->packet);
		if (dns_put_query(&r->packet, 1, bytes_text(rows[i].name), DNS_A) != rows[i].is_one)
			fail_msg("\"%s\"", rows[i].name);
		assert_int_equal(r->packet.len > 0, rows[i].is_one);
	}
}

static void
names_have_253_octets_at_most_rfc1035_2_3_4(void **state)
{
	struct reading *r = *state;
	char name[256];

	for (size_t i = 0; i < sizeof name; i++)
		name[i] = i % 2 ? '.' : 'a';
	buf_reset(&r->packet);
	assert_true(dns_put_query(&r->packet, 1, bytes_of(name, 253), DNS_A));
	assert_false(dns_put_query(&r->packet, 1, bytes_of(name, 255), DNS_A));
}

static void
records_of_every_type(void **state)
{
	static const struct {
		enum dns_type type;
		struct bytes data, want;
	} rows[] = {
		{ DNS_A, BYTES_INIT("\xc0\0\x02\x01"), BYTES_INIT("\xc0\0\x02\x01") },
		{ DNS_AAAA, BYTES_INIT("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"),
			BYTES_INIT("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01") },
		{ DNS_MX, BYTES_INIT("\0\x0a\x02mx\xc0\x0c"), BYTES_INIT("\x0a\0\x0a\0mx.example") },
		{ DNS_MX, BYTES_INIT("\0\0\0"), BYTES_INIT("\0\0\0\0") }, /* RFC 7505 */
		{ DNS_TXT, BYTES_INIT("\x03"
				      "abc\0\x02"
				      "de"),
			BYTES_INIT("\x05\0"
				   "abcde") },
		{ DNS_PTR, BYTES_INIT("\x02mx\xc0\x0c"), BYTES_INIT("\x0a\0mx.example") },
		{ DNS_PTR, BYTES_INIT("\x05"
				      "a.b\xc3\n\x01x\0"),
			BYTES_INIT("\x07\0a?b??.x") },
		{ DNS_CNAME, BYTES_INIT("\x02mx\xc0\x0c"), BYTES_INIT("\x0a\0mx.example") },
		{ DNS_TLSA, BYTES_INIT("\x03\x01\x01"
				       "hash"),
			BYTES_INIT("\x03\x01\x01\x04\0hash") },
	};
	struct reading *r = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		packet_begin(&r->packet, RESPONSE, "example", (uint16_t)rows[i].type, 2, 0);
		packet_put_record(&r->packet, "eXample", (uint16_t)rows[i].type, 300, rows[i].data);
		packet_put_record(&r->packet, "example", (uint16_t)rows[i].type, 200, rows[i].data);
		assert_int_equal(read_it(r, "EXAMPLE", rows[i].type), 0);
		assert_outcome(r, DNS_FOUND, 200, "");
		assert_int_equal(r->records.len, 2 * rows[i].want.len);
		assert_bytes("first", bytes_sub(buf_bytes(&r->records), 0, rows[i].want.len), rows[i].want);
		assert_bytes("second", bytes_sub(buf_bytes(&r->records), rows[i].want.len, 99999), rows[i].want);
	}
}

static void
data_of_a_wrong_length_is_refused_rfc1035_3_3(void **state)
{
	static const struct {
		enum dns_type type;
		struct bytes data;
	} rows[] = {
		{ DNS_A, BYTES_INIT("\xc0\0\x02") },
		{ DNS_A, BYTES_INIT("\xc0\0\x02\x01\x01") },
		{ DNS_AAAA, BYTES_INIT("\xc0\0\x02\x01") },
		{ DNS_MX, BYTES_INIT("\0") },
		{ DNS_MX, BYTES_INIT("\0\x0a") },
		{ DNS_MX, BYTES_INIT("\0\x0a\xc0\x0cx") },
		{ DNS_MX, BYTES_INIT("\0\x0a\x02m") },
		{ DNS_TXT, BYTES_INIT("") },
		{ DNS_TXT, BYTES_INIT("\x03"
				      "ab") },
		{ DNS_PTR, BYTES_INIT("") },
		{ DNS_PTR, BYTES_INIT("\xc0\x0c\xc0\x0c") },
		{ DNS_CNAME, BYTES_INIT("\xc0\x0c\xc0\x0c") },
		{ DNS_TLSA, BYTES_INIT("\x03\x01") },
	};
	struct reading *r = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		packet_begin(&r->packet, RESPONSE, "example", (uint16_t)rows[i].type, 1, 0);
		packet_put_record(&r->packet, "example", (uint16_t)rows[i].type, 300, rows[i].data);
		assert_refused(r, "example", rows[i].type);
	}
}

static void
aliases_are_followed_in_any_order_rfc1034_3_6_2(void **state)
{
	struct reading *r = *state;

	packet_begin(&r->packet, RESPONSE | AUTHENTIC, "www.example", DNS_A, 4, 0);
	packet_put_record(&r->packet, "c.example", DNS_A, 300, BYTES("\1\2\3\4"));
	packet_put_named(&r->packet, "b.example", DNS_CNAME, 50, BYTES_NONE, "C.example");
	packet_put_named(&r->packet, "www.example", DNS_CNAME, 100, BYTES_NONE, "b.example");
	packet_put_record(&r->packet, "evil.example", DNS_A, 1, BYTES("\6\6\6\6")); /* not asked for */
	assert_int_equal(read_it(r, "www.example", DNS_A), 0);
	assert_outcome(r, DNS_FOUND, 50, "C.example");
	assert_true(r->answer.is_authentic);
	assert_bytes("records", buf_bytes(&r->records), BYTES("\1\2\3\4"));
}

static void
aliases_that_go_in_circles_are_refused_rfc1034_3_6_2(void **state)
{
	struct reading *r = *state;
	char from[32], to[32];

	packet_begin(&r->packet, RESPONSE, "a.example", DNS_A, 2, 0);
	packet_put_named(&r->packet, "a.example", DNS_CNAME, 100, BYTES_NONE, "b.example");
	packet_put_named(&r->packet, "b.example", DNS_CNAME, 100, BYTES_NONE, "a.example");
	assert_refused(r, "a.example", DNS_A);
	packet_begin(&r->packet, RESPONSE, "0.example", DNS_A, 18, 0);
	for (int i = 0; i < 17; i++) {
		(void)snprintf(from, sizeof from, "%d.example", i);
		(void)snprintf(to, sizeof to, "%d.example", i + 1);
		packet_put_named(&r->packet, from, DNS_CNAME, 100, BYTES_NONE, to);
	}
	packet_put_record(&r->packet, "17.example", DNS_A, 300, BYTES("\1\2\3\4"));
	assert_refused(r, "0.example", DNS_A);
	assert_int_equal(read_it(r, "1.example", DNS_A), -1); /* another question */
	packet_begin(&r->packet, RESPONSE, "0.example", DNS_A, 17, 0);
	for (int i = 0; i < 16; i++) {
		(void)snprintf(from, sizeof from, "%d.example", i);
		(void)snprintf(to, sizeof to, "%d.example", i + 1);
		packet_put_named(&r->packet, from, DNS_CNAME, 100, BYTES_NONE, to);
	}
	packet_put_record(&r->packet, "16.example", DNS_A, 300, BYTES("\1\2\3\4"));
	assert_int_equal(read_it(r, "0.example", DNS_A), 0);
	assert_outcome(r, DNS_FOUND, 100, "16.example");
}

static void
no_such_name_rfc2308_2_1(void **state)
{
	struct reading *r = *state;

	packet_begin(&r->packet, NAME_ERROR | AUTHENTIC, "a.example", DNS_MX, 0, 1);
	packet_put_soa(&r->packet, "example", 900, 300);
	assert_int_equal(read_it(r, "a.example", DNS_MX), 0);
	assert_outcome(r, DNS_NO_NAME, 300, "");
	assert_true(r->answer.is_authentic);
	/* Of the last name in a chain: RFC 6604 3. */
	packet_begin(&r->packet, NAME_ERROR, "a.example", DNS_MX, 1, 1);
	packet_put_named(&r->packet, "a.example", DNS_CNAME, 60, BYTES_NONE, "gone.example");
	packet_put_soa(&r->packet, "example", 900, 300);
	assert_int_equal(read_it(r, "a.example", DNS_MX), 0);
	assert_outcome(r, DNS_NO_NAME, 60, "gone.example");
}

static void
no_such_record_rfc2308_2_2(void **state)
{
	struct reading *r = *state;

	packet_begin(&r->packet, RESPONSE, "a.example", DNS_MX, 0, 1);
	packet_put_soa(&r->packet, "example", 100, 300);
	assert_int_equal(read_it(r, "a.example", DNS_MX), 0);
	assert_outcome(r, DNS_NO_RECORD, 100, "");
	packet_begin(&r->packet, RESPONSE, "a.example", DNS_MX, 1, 1);
	packet_put_named(&r->packet, "a.example", DNS_CNAME, 600, BYTES_NONE, "b.example");
	packet_put_soa(&r->packet, "example", 100, 300);
	assert_int_equal(read_it(r, "a.example", DNS_MX), 0);
	assert_outcome(r, DNS_NO_RECORD, 100, "b.example");
}

static void
without_soa_nothing_is_kept_rfc2308_5(void **state)
{
	struct reading *r = *state;

	packet_begin(&r->packet, NAME_ERROR, "a.example", DNS_MX, 0, 0);
	assert_int_equal(read_it(r, "a.example", DNS_MX), 0);
	assert_outcome(r, DNS_NO_NAME, 0, "");
	packet_begin(&r->packet, RESPONSE, "a.example", DNS_MX, 0, 1);
	packet_put_record(&r->packet, "example", DNS_SOA, 100, BYTES("\0\0short"));
	assert_int_equal(read_it(r, "a.example", DNS_MX), 0);
	assert_outcome(r, DNS_NO_RECORD, 0, "");
}

static void
a_referral_tells_nothing_rfc2308_2_2(void **state)
{
	struct reading *r = *state;

	packet_begin(&r->packet, 0x8000, "a.example", DNS_MX, 0, 1);
	packet_put_named(&r->packet, "example", DNS_NS, 100, BYTES_NONE, "ns.example");
	assert_int_equal(read_it(r, "a.example", DNS_MX), 0);
	assert_outcome(r, DNS_LATER, 0, "");
	packet_begin(&r->packet, RESPONSE, "a.example", DNS_MX, 0, 1);
	packet_put_named(&r->packet, "example", DNS_NS, 100, BYTES_NONE, "ns.example");
	assert_int_equal(read_it(r, "a.example", DNS_MX), 0);
	assert_outcome(r, DNS_NO_RECORD, 0, "");
}

static void
other_codes_are_for_later_rfc1035_4_1_1(void **state)
{
	struct reading *r = *state;

	for (uint16_t rcode = 1; rcode < 16; rcode++) {
		if (rcode == 3)
			continue;
		packet_begin(&r->packet, RESPONSE | AUTHENTIC | rcode, "a.example", DNS_A, 1, 0);
		packet_put_record(&r->packet, "a.example", DNS_A, 300, BYTES("\1\2\3\4"));
		assert_int_equal(read_it(r, "a.example", DNS_A), 0);
		assert_outcome(r, DNS_LATER, 0, "");
		assert_false(r->answer.is_authentic);
		assert_int_equal(r->records.len, 0);
	}
}

static void
what_is_no_answer_to_the_question_rfc5452_9_1(void **state)
{
	static const struct {
		const char *what;
		uint16_t flags;
		const char *name;
		uint16_t type;
	} rows[] = {
		{ "a question", 0x0100, "a.example", DNS_A },
		{ "another opcode", RESPONSE | 0x2800, "a.example", DNS_A },
		{ "truncated", RESPONSE | TRUNCATED, "a.example", DNS_A },
		{ "another name", RESPONSE, "b.example", DNS_A },
		{ "another type", RESPONSE, "a.example", DNS_AAAA },
	};
	struct reading *r = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		packet_begin(&r->packet, rows[i].flags, rows[i].name, rows[i].type, 1, 0);
		packet_put_record(&r->packet, "a.example", DNS_A, 300, BYTES("\1\2\3\4"));
		assert_refused(r, "a.example", DNS_A);
	}
	packet_begin(&r->packet, RESPONSE, "a.example", DNS_A, 0, 0);
	packet_set_u16(&r->packet, r->packet.len - 2, 3); /* CHAOS */
	assert_refused(r, "a.example", DNS_A);
	packet_begin(&r->packet, RESPONSE, "a.example", DNS_A, 0, 0);
	packet_set_u16(&r->packet, 4, 0); /* no question */
	assert_refused(r, "a.example", DNS_A);
	packet_begin(&r->packet, NAME_ERROR, "a.example", DNS_A, 1, 0);
	packet_put_record(&r->packet, "a.example", DNS_A, 300, BYTES("\1\2\3\4"));
	assert_refused(r, "a.example", DNS_A);
}

static void
a_packet_cut_anywhere_is_refused(void **state)
{
	struct reading *r = *state;
	size_t whole;

	packet_begin(&r->packet, RESPONSE, "a.example", DNS_MX, 1, 1);
	packet_put_named(&r->packet, "a.example", DNS_MX, 300, BYTES("\0\x0a"), "mx.example");
	packet_put_soa(&r->packet, "example", 100, 300);
	whole = r->packet.len;
	assert_int_equal(read_it(r, "a.example", DNS_MX), 0);
	for (r->packet.len = 0; r->packet.len < whole; r->packet.len++)
		assert_refused(r, "a.example", DNS_MX);
}

static void
pointers_lead_backwards_rfc1035_4_1_4(void **state)
{
	static const struct {
		const char *what;
		struct bytes data; /* of a PTR at offset 12 + 9 + 4 + 2 + 10 = 37 */
		bool is_good;
	} rows[] = {
		{ "to the question", BYTES_INIT("\xc0\x0c"), true },
		{ "label, then pointer", BYTES_INIT("\x01x\xc0\x0c"), true },
		{ "to itself", BYTES_INIT("\xc0\x25"), false },
		{ "to its own label", BYTES_INIT("\x01x\xc0\x25"), false },
		{ "forward", BYTES_INIT("\xc0\x27"), false },
		{ "behind the end", BYTES_INIT("\xff\xff"), false },
		{ "half", BYTES_INIT("\xc0"), false },
		{ "extended label type", BYTES_INIT("\x40x"), false },
		{ "reserved label type", BYTES_INIT("\x80x"), false },
	};
	struct reading *r = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		packet_begin(&r->packet, RESPONSE, "example", DNS_PTR, 1, 0);
		dns_put_u16(&r->packet, POINTER_TO_QUESTION);
		dns_put_u16(&r->packet, DNS_PTR);
		dns_put_u16(&r->packet, 1);
		packet_put_ttl(&r->packet, 300);
		dns_put_u16(&r->packet, (uint16_t)rows[i].data.len);
		assert_int_equal(r->packet.len, 37);
		put_bytes(&r->packet, rows[i].data);
		if ((read_it(r, "example", DNS_PTR) == 0) != rows[i].is_good)
			fail_msg("%s", rows[i].what);
	}
}

/* A packet of pointers to pointers, which each record begins to follow at the end. */
static void
pointers_to_pointers_are_counted(void **state)
{
	struct reading *r = *state;
	struct buf *p = &r->packet;

	packet_begin(p, RESPONSE, "example", DNS_TXT, 2, 0);
	packet_put_name(p, "example");
	dns_put_u16(p, DNS_TXT);
	dns_put_u16(p, 1);
	packet_put_ttl(p, 300);
	dns_put_u16(p, 2 * 129);
	dns_put_u16(p, POINTER_TO_QUESTION);
	for (int i = 1; i < 129; i++)
		dns_put_u16(p, (uint16_t)(0xC000 | (p->len - 2)));
	dns_put_u16(p, (uint16_t)(0xC000 | (p->len - 2)));
	dns_put_u16(p, DNS_TXT);
	dns_put_u16(p, 1);
	packet_put_ttl(p, 300);
	dns_put_u16(p, 2);
	put_bytes(p, BYTES("\x01x"));
	assert_refused(r, "example", DNS_TXT);
}

static void
a_ttl_with_its_highest_bit_is_0_rfc2181_8(void **state)
{
	struct reading *r = *state;

	packet_begin(&r->packet, RESPONSE, "a.example", DNS_A, 1, 0);
	packet_put_record(&r->packet, "a.example", DNS_A, 0x80000001, BYTES("\1\2\3\4"));
	assert_int_equal(read_it(r, "a.example", DNS_A), 0);
	assert_outcome(r, DNS_FOUND, 0, "");
}

static void
more_records_than_can_be_taken_are_refused(void **state)
{
	struct reading *r = *state;

	packet_begin(&r->packet, RESPONSE, "a", DNS_AAAA, 2100, 0);
	for (int i = 0; i < 2100; i++)
		packet_put_record(&r->packet, "a", DNS_AAAA, 300, BYTES("0123456789abcdef"));
	assert_refused(r, "a", DNS_AAAA);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_has_rd_ad_and_edns_rfc1035_4_1_rfc6840_5_7_rfc6891_6),
		cmocka_unit_test(what_can_be_asked_for_rfc1035_2_3_4),
		cmocka_unit_test(names_have_253_octets_at_most_rfc1035_2_3_4),
		cmocka_unit_test(records_of_every_type),
		cmocka_unit_test(data_of_a_wrong_length_is_refused_rfc1035_3_3),
		cmocka_unit_test(aliases_are_followed_in_any_order_rfc1034_3_6_2),
		cmocka_unit_test(aliases_that_go_in_circles_are_refused_rfc1034_3_6_2),
		cmocka_unit_test(no_such_name_rfc2308_2_1),
		cmocka_unit_test(no_such_record_rfc2308_2_2),
		cmocka_unit_test(without_soa_nothing_is_kept_rfc2308_5),
		cmocka_unit_test(a_referral_tells_nothing_rfc2308_2_2),
		cmocka_unit_test(other_codes_are_for_later_rfc1035_4_1_1),
		cmocka_unit_test(what_is_no_answer_to_the_question_rfc5452_9_1),
		cmocka_unit_test(a_packet_cut_anywhere_is_refused),
		cmocka_unit_test(pointers_lead_backwards_rfc1035_4_1_4),
		cmocka_unit_test(pointers_to_pointers_are_counted),
		cmocka_unit_test(a_ttl_with_its_highest_bit_is_0_rfc2181_8),
		cmocka_unit_test(more_records_than_can_be_taken_are_refused),
	};

	return cmocka_run_group_tests_name("dns", tests, set_up, tear_down);
}
