/* Packs what the parser found.  What does not fit is cut in this order: first parts (beyond some
   number they are told as one), but only as far as leaves room for the least envelope; then
   addresses of the envelope. */
#include "proto/mime/envelope.h"
#include "proto/mime/ids.h"
#include "proto/mime/message_internal.h"
#include "proto/mime/summary_internal.h"
#include "proto/rfc5322/date.h"

enum { FIXED_OCTETS = 34 };

static size_t
octets_without_envelope(const struct message_parser *p, const struct packer *k)
{
	return FIXED_OCTETS + k->body.len + k->bodystructure.len + k->preview.len +
	       k->ids.len +
	       (size_t)parts_told(p) * PART_OCTETS;
}

static bool
structure_fits(struct message_parser *p, struct packer *k)
{
	buf_reset(&k->body);
	buf_reset(&k->bodystructure);
	put_structure(p, false, &k->body);
	put_structure(p, true, &k->bodystructure);
	return !k->body.has_failed && !k->bodystructure.has_failed &&
	       octets_without_envelope(p, k) + ENVELOPE_LEAST <= SUMMARY_MAX;
}

/* The message alone, told as octets, always fits. */
static void
make_structure_fit(struct message_parser *p, struct packer *k)
{
	while (!structure_fits(p, k)) {
		uint32_t told = parts_told(p);

		parts_set_rest(p, told - 1 - told / 4 - (told < 4 && told > 1));
	}
}

static void
set_date(const struct message_parser *p, struct summary *s)
{
	struct rfc5322_date date = { .unix_s = INT64_MIN };

	(void)rfc5322_parse_date(p->message_fields.single[HEADER_DATE], &date);
	s->sent_s = date.unix_s;
	s->sent_zone_minutes = date.zone_minutes;
}

static void
write_summary(struct message_parser *p, struct packer *k, struct buf *out)
{
	size_t room = SUMMARY_MAX - octets_without_envelope(p, k);
	struct summary s = { .size = p->at, .part_count = parts_told(p) };

	if (!put_envelope(&k->envelope, &p->message_fields, room, &p->scratch))
		p->is_cut = true;
	set_date(p, &s);
	s.is_cut = p->is_cut;
	s.envelope = buf_bytes(&k->envelope);
	s.body = buf_bytes(&k->body);
	s.bodystructure = buf_bytes(&k->bodystructure);
	s.preview = buf_bytes(&k->preview);
	s.ids = buf_bytes(&k->ids);
	(void)put_summary_octets(out, &s);
	for (uint32_t i = 0; i < s.part_count; i++) {
		struct summary_part place = parts_place(p, i);

		put_summary_part(out, &place);
	}
}

void
put_summary(struct message_parser *p, struct buf *out)
{
	struct packer *k = &p->packer;

	buf_reset(&k->envelope);
	buf_reset(&k->preview);
	put_preview(p, &k->preview);
	buf_reset(&k->ids);
	put_message_ids(&k->ids, &p->message_fields);
	make_structure_fit(p, k);
	write_summary(p, k, out);
}
