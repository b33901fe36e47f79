#include "proto/mime/message.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Limits small enough that the fuzzer reaches them. */
static const struct message_limits limits = {
	.parts_max = 12, .depth_max = 4, .header_octets_max = 400
};

static void
check_text(struct bytes text)
{
	int depth = 0;

	assert(text.len > 1 && text.ptr[0] == '(');
	while (text.len) {
		uint64_t count;

		assert(text.ptr[0] != 0 && text.ptr[0] != '\n');
		if (take_char(&text, '{')) {
			assert(take_number(&text, text.len, &count) &&
				take_text(&text, BYTES("}\r\n")));
			assert(text.len >= count);
			text = bytes_sub(text, count, text.len);
			continue;
		}
		if (text.ptr[0] == '"') {
			for (text = bytes_sub(text, 1, text.len); text.len && text.ptr[0] != '"';) {
				assert(text.ptr[0] < 0x80 && text.ptr[0] != 0 &&
					text.ptr[0] != '\r');
				text = bytes_sub(text, text.ptr[0] == '\\' ? 2 : 1, text.len);
			}
			assert(text.len);
		}
		depth += text.ptr[0] == '(';
		depth -= text.ptr[0] == ')';
		text = bytes_sub(text, 1, text.len);
		assert(depth > 0 || text.len == 0);
	}
	assert(depth == 0);
}

static void
check_parts(const struct summary *s)
{
	for (uint32_t i = 0; i < s->part_count; i++) {
		struct summary_part part = summary_part(s, i), above;
		uint32_t children = 0, first = i + 1;

		assert(part.header_at <= part.body_at &&
			part.body_at + part.body_octets <= s->size);
		assert(part.body_lines * 2 <= part.body_octets);
		for (uint32_t k = i + 1; k < s->part_count; k++) {
			above = summary_part(s, k);
			if (above.parent == i)
				assert(above.number == ++children);
		}
		if (part.kind == PART_MULTIPART)
			assert(children > 0 && summary_part(s, first).parent == i);
		else if (part.kind == PART_MESSAGE)
			assert(children == 1 && summary_part(s, first).header_at == part.body_at);
		else
			assert(children == 0);
	}
}

static void
check_summary(struct bytes octets, struct message_facts facts)
{
	struct summary s;
	struct fault fault;

	assert(octets.len <= SUMMARY_MAX);
	assert(summary_open(octets, &s, &fault) == 0);
	assert(s.part_count <= limits.parts_max && s.size == facts.size);
	assert(bytes_is_utf8(s.preview) && s.preview.len <= 800);
	check_text(s.envelope);
	check_text(s.body);
	check_text(s.bodystructure);
	check_parts(&s);
}

static void
parse(struct message_parser *p, struct bytes in, size_t cut, struct buf *out)
{
	buf_init(out, SUMMARY_MAX);
	message_parser_reset(p, BYTES("a@b"));
	message_parser_feed(p, bytes_sub(in, 0, cut));
	message_parser_feed(p, bytes_sub(in, cut, in.len));
	message_parser_finish(p, out);
	assert(!out->has_failed);
}

/* The first octet says where the message is cut: the summary may not depend on it. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message_parser *p = message_parser_new(&limits, BYTES_NONE);
	struct bytes in = bytes_of(data, size);
	struct message_facts facts;
	struct buf whole, cut, wire, from_wire;
	uint8_t where = 0;

	(void)take_u8(&in, &where);
	parse(p, in, in.len, &whole);
	facts = message_parser_facts(p);
	check_summary(buf_bytes(&whole), facts);
	parse(p, in, in.len * where / 255, &cut);
	assert(bytes_equal(buf_bytes(&whole), buf_bytes(&cut)));
	buf_init(&wire, 2 * size + 1);
	for (size_t i = 0; i < in.len; i++) {
		if (in.ptr[i] == '\n' && (i == 0 || in.ptr[i - 1] != '\r'))
			put_char(&wire, '\r');
		put_char(&wire, in.ptr[i]);
	}
	parse(p, buf_bytes(&wire), 0, &from_wire);
	assert(bytes_equal(buf_bytes(&whole), buf_bytes(&from_wire)) && wire.len == facts.size);
	buf_done(&whole);
	buf_done(&cut);
	buf_done(&from_wire);
	buf_done(&wire);
	message_parser_free(&p);
	return 0;
}
