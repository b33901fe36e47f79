#include "proto/imap/fetch_internal.h"

#define LABEL_MAX 65536

/* section-part = nz-number *("." nz-number), and the "." behind it when a section-text follows */
static bool
take_section_part(struct bytes *in, struct arena *a, struct imap_section *section)
{
	struct bytes rest = *in, more;

	section->numbers = arena_take(a, IMAP_SECTION_DEPTH_MAX * sizeof *section->numbers);
	if (!section->numbers)
		return false;
	do {
		if (section->number_count == IMAP_SECTION_DEPTH_MAX ||
			!take_imap_nz_number(&rest, &section->numbers[section->number_count]))
			return false;
		section->number_count++;
		more = rest;
	} while (take_char(&rest, '.') && rest.len && byte_is_class(rest.ptr[0], CLASS_DIGIT));
	*in = more;
	return true;
}

/* header-list = "(" header-fld-name *(SP header-fld-name) ")"        header-fld-name = astring */
static bool
take_header_list(struct bytes *in, struct arena *a, struct imap_section *section)
{
	size_t names = 1;

	for (size_t i = 0; i < in->len && in->ptr[i] != ')'; i++)
		names += in->ptr[i] == ' ';
	if (names > IMAP_FIELDS_MAX)
		return false;
	section->fields = arena_take(a, names * sizeof *section->fields);
	if (!section->fields || !take_char(in, '('))
		return false;
	do {
		/* A name with ")" within quotes was not counted. */
		if (section->field_count == names ||
			!take_imap_astring(in, a, &section->fields[section->field_count++]))
			return false;
	} while (take_char(in, ' '));
	return take_char(in, ')');
}

/* section-msgtext = "HEADER" / "HEADER.FIELDS" [".NOT"] SP header-list / "TEXT"
   section-text = section-msgtext / "MIME" */
static bool
take_section_text(struct bytes *in, struct arena *a, struct imap_section *section)
{
	if (section->number_count && take_text_nocase(in, BYTES("MIME"))) {
		section->text = SECTION_MIME;
		return true;
	}
	if (take_text_nocase(in, BYTES("TEXT"))) {
		section->text = SECTION_TEXT;
		return true;
	}
	if (!take_text_nocase(in, BYTES("HEADER")))
		return false;
	section->text = SECTION_HEADER;
	if (!take_text_nocase(in, BYTES(".FIELDS")))
		return true;
	section->text = take_text_nocase(in, BYTES(".NOT")) ? SECTION_FIELDS_NOT : SECTION_FIELDS;
	return take_char(in, ' ') && take_header_list(in, a, section);
}

/* section-spec = section-msgtext / (section-part ["." section-text]) */
static bool
take_section_spec(struct bytes *in, struct arena *a, struct imap_section *section)
{
	if (take_char(in, ']'))
		return true;
	if (in->len && byte_is_class(in->ptr[0], CLASS_DIGIT)) {
		if (!take_section_part(in, a, section))
			return false;
		if (take_char(in, '.') && !take_section_text(in, a, section))
			return false;
	} else if (!take_section_text(in, a, section)) {
		return false;
	}
	return take_char(in, ']');
}

/* "<" number "." nz-number ">" */
static bool
take_partial(struct bytes *in, struct imap_section *section)
{
	struct bytes rest = *in;

	if (!take_char(&rest, '<'))
		return true;
	if (!take_imap_number(&rest, &section->partial_at) || !take_char(&rest, '.') ||
		!take_imap_nz_number(&rest, &section->partial_octets) || !take_char(&rest, '>'))
		return false;
	section->is_partial = true;
	*in = rest;
	return true;
}

static void
put_fields(struct buf *out, const struct imap_section *section)
{
	for (size_t i = 0; i < section->field_count; i++) {
		put_char(out, i ? ' ' : '(');
		imap_put_astring(out, section->fields[i]);
	}
	put_char(out, ')');
}

static void
put_section_text(struct buf *out, const struct imap_section *section)
{
	static const char *const texts[] = {
		[SECTION_WHOLE] = "",
		[SECTION_HEADER] = "HEADER",
		[SECTION_FIELDS] = "HEADER.FIELDS ",
		[SECTION_FIELDS_NOT] = "HEADER.FIELDS.NOT ",
		[SECTION_TEXT] = "TEXT",
		[SECTION_MIME] = "MIME",
	};

	for (size_t i = 0; i < section->number_count; i++) {
		if (i)
			put_char(out, '.');
		put_number(out, section->numbers[i]);
	}
	if (section->number_count && section->text != SECTION_WHOLE)
		put_char(out, '.');
	put_text(out, texts[section->text]);
	if (section->field_count)
		put_fields(out, section);
}

/* RFC 3501 7.4.2: what the response calls it. */
static bool
make_label(struct arena *a, struct imap_section *section)
{
	struct buf label;
	bool fits;

	buf_init(&label, LABEL_MAX);
	put_text(&label, "BODY[");
	put_section_text(&label, section);
	put_char(&label, ']');
	if (section->is_partial) {
		put_char(&label, '<');
		put_number(&label, section->partial_at);
		put_char(&label, '>');
	}
	fits = !label.has_failed && arena_copy(a, buf_bytes(&label), &section->label);
	buf_done(&label);
	return fits;
}

static bool
add_section(struct imap_fetch_spec *spec, struct arena *a, const struct imap_section *section)
{
	if (!spec->sections)
		spec->sections = arena_take(a, IMAP_SECTIONS_MAX * sizeof *section);
	if (!spec->sections || spec->section_count == IMAP_SECTIONS_MAX)
		return false;
	spec->sections[spec->section_count++] = *section;
	spec->sets_seen |= !section->is_peek;
	return true;
}

/* section of "BODY" / "BODY.PEEK" */
static bool
take_section(struct bytes *in, struct arena *a, struct imap_fetch_spec *spec, bool is_peek)
{
	struct imap_section section = { .is_peek = is_peek };

	return take_section_spec(in, a, &section) && take_partial(in, &section) && make_label(a, &section) &&
		add_section(spec, a, &section);
}

/* The items that are a word. */
static const struct {
	struct bytes name;
	unsigned int items;
	enum imap_section_text text;
	bool is_section, is_peek;
} words[] = {
	{ BYTES_INIT("UID"), FETCH_UID, 0, false, false },
	{ BYTES_INIT("FLAGS"), FETCH_FLAGS, 0, false, false },
	{ BYTES_INIT("INTERNALDATE"), FETCH_DATE, 0, false, false },
	{ BYTES_INIT("RFC822.SIZE"), FETCH_SIZE, 0, false, false },
	{ BYTES_INIT("ENVELOPE"), FETCH_ENVELOPE, 0, false, false },
	{ BYTES_INIT("BODY"), FETCH_BODY, 0, false, false },
	{ BYTES_INIT("BODYSTRUCTURE"), FETCH_STRUCTURE, 0, false, false },
	{ BYTES_INIT("RFC822"), 0, SECTION_WHOLE, true, false },
	{ BYTES_INIT("RFC822.HEADER"), 0, SECTION_HEADER, true, true },
	{ BYTES_INIT("RFC822.TEXT"), 0, SECTION_TEXT, true, false },
};

/* fetch-att = "ENVELOPE" / "FLAGS" / "INTERNALDATE" / "RFC822" [".HEADER" / ".SIZE" / ".TEXT"] /
   "BODY" ["STRUCTURE"] / "UID" / "BODY" section / "BODY.PEEK" section */
static bool
take_fetch_att(struct bytes *in, struct arena *a, struct imap_fetch_spec *spec)
{
	if (take_text_nocase(in, BYTES("BODY[")))
		return take_section(in, a, spec, false);
	if (take_text_nocase(in, BYTES("BODY.PEEK[")))
		return take_section(in, a, spec, true);
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		struct imap_section section = {
			.label = words[i].name, .text = words[i].text, .is_peek = words[i].is_peek
		};

		if (!take_imap_word(in, words[i].name))
			continue;
		spec->items |= words[i].items;
		return !words[i].is_section || add_section(spec, a, &section);
	}
	return false;
}

/* "ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att *(SP fetch-att) ")" */
bool
take_imap_fetch_spec(struct bytes *in, struct arena *a, struct imap_fetch_spec *spec)
{
	unsigned int fast = FETCH_FLAGS | FETCH_DATE | FETCH_SIZE;

	*spec = (struct imap_fetch_spec){ 0 };
	if (take_imap_word(in, BYTES("FAST")))
		spec->items = fast;
	else if (take_imap_word(in, BYTES("ALL")))
		spec->items = fast | FETCH_ENVELOPE;
	else if (take_imap_word(in, BYTES("FULL")))
		spec->items = fast | FETCH_ENVELOPE | FETCH_BODY;
	if (spec->items)
		return true;
	if (!take_char(in, '('))
		return take_fetch_att(in, a, spec);
	do {
		if (!take_fetch_att(in, a, spec))
			return false;
	} while (take_char(in, ' '));
	return take_char(in, ')');
}
