#include "proto/dns/txt.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define NAME32 "abcdefghijklmnopqrstuvwxyz012345"
#define VERSION BYTES("v=X1")

/* As that of the RFCs' "rua": anything. */
static bool
is_value(struct bytes value)
{
	return value.len > 0;
}

/* Each row for both RFCs: only the version and the name of the field differ. */
static const struct {
	const char *in, *want; /* NULL: it says nothing */
} rows[] = {
	/* version 1*(delim field) [delim] */
	{ "v=X1;f=1", "1" },
	{ "v=X1; f=1", "1" },
	{ "v=X1; f=1;", "1" },
	{ "v=X1; f=1; ", "1" },
	{ "v=X1; f=1 ; ", "1" },
	{ "v=X1", NULL },
	{ "v=X1;", NULL },
	{ "v=X1; ", NULL },
	{ "v=X1; f=1;;", NULL },
	{ "v=X1;; f=1", NULL },
	{ "v=X1 f=1", NULL },
	{ "v=X1, f=1", NULL },
	{ "", NULL },
	/* the version stands first, with its case; nothing is in front of it */
	{ "f=1; v=X1", NULL },
	{ " v=X1; f=1", NULL },
	{ "v=x1; f=1", NULL },
	{ "V=X1; f=1", NULL },
	{ "v=X2; f=1", NULL },
	{ "v=X12; f=1", NULL },
	{ "v =X1; f=1", NULL },
	{ "v= X1; f=1", NULL },
	/* delim = *WSP ";" *WSP */
	{ "v=X1 \t; \tf=1 \t;\t ", "1" },
	{ "v=X1;\rf=1", NULL },
	{ "v=X1;\n f=1", NULL },
	/* no WSP around "=", but within a value that allows it */
	{ "v=X1; f =1", NULL },
	{ "v=X1; f= 1", " 1" },
	{ "v=X1; f=1 ,\t2 ; g=3", "1 ,\t2" },
	{ "v=X1; f=a=b", "a=b" },
	{ "v=X1; f=", NULL },
	{ "v=X1; f= ", NULL },
	{ "v=X1; f", NULL },
	/* names have their case; of several the first one counts, and all have to make sense */
	{ "v=X1; F=1", NULL },
	{ "v=X1; f=1; f=2", "1" },
	{ "v=X1; f=1; F=2", "1" },
	{ "v=X1; f=1; f=", NULL },
	{ "v=X1; v=X1; f=1", "1" },
	/* ext-name "=" ext-value: ignored, when it is one */
	{ "v=X1; more=x!y; f=1; some-thing.else_=z", "1" },
	{ "v=X1; g=1", NULL },
	{ "v=X1; f=1; g=!:<>~", "1" },
	{ "v=X1; f=1; g=", NULL },
	{ "v=X1; f=1; g=a=b", NULL },
	{ "v=X1; f=1; g=a b", NULL },
	{ "v=X1; f=1; g=\x01", NULL },
	{ "v=X1; f=1; g=\x7f", NULL },
	{ "v=X1; f=1; g=\x80", NULL },
	{ "v=X1; f=1; g", NULL },
	{ "v=X1; f=1; =b", NULL },
	{ "v=X1; f=1; 9=b", "1" },
	{ "v=X1; f=1; _g=b", NULL },
	{ "v=X1; f=1; -g=b", NULL },
	{ "v=X1; f=1; .g=b", NULL },
	{ "v=X1; f=1; g+=b", NULL },
	{ "v=X1; f=1; " NAME32 "=b", "1" },
	{ "v=X1; f=1; " NAME32 "6=b", NULL },
};

static void
rfc8461_3_1_and_rfc8460_3_have_one_grammar(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bytes value = BYTES("untouched");
		const char *want = rows[i].want ? rows[i].want : "untouched";

		if (txt_field(bytes_text(rows[i].in), VERSION, BYTES("f"), is_value, &value) != (rows[i].want != NULL) ||
			!bytes_equal(value, bytes_text(want)))
			fail_msg("\"%s\" gave \"%.*s\"", rows[i].in, BYTES_ARG(value));
	}
}

static void
rfc8461_3_1_and_rfc8460_3_one_record_alone_begins_with_the_version(void **state)
{
	static const struct {
		const char *records[4];
		int want; /* -1: none of them counts */
	} lists[] = {
		{ { "v=X1; f=1" }, 0 },
		{ { "v=spf1 -all", "v=X1; f=1", "v=X2; f=2", "" }, 1 },
		{ { "v=X12; f=1", "f=1; v=X1", " v=X1; f=1", "v=X1 ;f=1" }, 3 },
		{ { "v=x1; f=1", "V=X1; f=1", "v=X1", "v=X1;" }, 3 },
		{ { "v=X1; f=1", "v=X1; f=1" }, -1 },
		{ { "v=X1; f=1", "v=X1; nonsense" }, -1 },
		{ { "v=spf1 -all" }, -1 },
		{ { NULL }, -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		struct bytes record = BYTES("untouched"), want = record;
		uint8_t octets[256];
		struct buf records;

		buf_init_fixed(&records, octets, sizeof octets);
		for (size_t k = 0; k < 4 && lists[i].records[k]; k++) {
			put_u16(&records, (uint16_t)strlen(lists[i].records[k]));
			put_bytes(&records, bytes_text(lists[i].records[k]));
		}
		if (lists[i].want >= 0)
			want = bytes_text(lists[i].records[lists[i].want]);
		if (txt_find(buf_bytes(&records), VERSION, &record) != (lists[i].want >= 0) || !bytes_equal(record, want))
			fail_msg("list %zu gave \"%.*s\"", i, BYTES_ARG(record));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc8461_3_1_and_rfc8460_3_have_one_grammar),
		cmocka_unit_test(rfc8461_3_1_and_rfc8460_3_one_record_alone_begins_with_the_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
