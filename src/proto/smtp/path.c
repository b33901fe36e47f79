#include "proto/smtp/session.h"

#include "proto/smtp/literal.h"

/* RFC 5321 4.5.3.1 gives the least that must be taken.  64 octets of local part are not enough for what forwarders
   (SRS) and list managers (VERP) send, so only the path as a whole is limited. */
enum {
	DOMAIN_OCTETS_MAX = 255, /* 4.5.3.1.2 */
	LABEL_OCTETS_MAX = 63, /* RFC 1035 2.3.4 */
	ROUTE_OCTETS_MAX = 512,
};

/* atext of RFC 5322 3.2.3, with UTF8-non-ascii when RFC 6531 3.3 holds. */
static unsigned int
atext(bool may_utf8)
{
	return may_utf8 ? CLASS_ATEXT | CLASS_HIGH : CLASS_ATEXT;
}

/* Dot-string = Atom *("." Atom) */
static bool
take_dot_string(struct bytes *in, bool may_utf8, struct bytes *out)
{
	return take_dotted(in, atext(may_utf8), out);
}

/* QcontentSMTP = qtextSMTP / quoted-pairSMTP;  qtextSMTP = %d32-33 / %d35-91 / %d93-126;
   quoted-pairSMTP = %d92 %d32-126 */
static bool
take_qcontent(struct bytes *in, bool may_utf8, uint8_t *out)
{
	struct bytes rest = *in, octet;

	if (take_char(&rest, '\\')) {
		if (!take_octets(&rest, 1, &octet) || !byte_is_class(octet.ptr[0], CLASS_PRINT))
			return false;
	} else if (!take_octets(&rest, 1, &octet) || octet.ptr[0] == '"' ||
		!byte_is_class(octet.ptr[0], may_utf8 ? CLASS_PRINT | CLASS_HIGH : CLASS_PRINT)) {
		return false;
	}
	*out = octet.ptr[0];
	*in = rest;
	return true;
}

/* Quoted-string = DQUOTE *QcontentSMTP DQUOTE.  *out: the content, in the arena. */
static bool
take_quoted_string(struct bytes *in, bool may_utf8, struct arena *arena, struct bytes *out)
{
	struct bytes rest = *in;
	size_t len = 0, room = in->len < SMTP_PATH_OCTETS_MAX ? in->len : SMTP_PATH_OCTETS_MAX;
	uint8_t *content;

	if (!take_char(&rest, '"'))
		return false;
	content = arena_take(arena, room);
	if (!content)
		return false;
	while (len < room && take_qcontent(&rest, may_utf8, &content[len]))
		len++;
	if (!take_char(&rest, '"'))
		return false;
	*out = bytes_of(content, len);
	*in = rest;
	return true;
}

/* sub-domain = Let-dig [Ldh-str], or U-label (RFC 6531 3.3).  "_" is not in the rule but in the names of hosts
   that send mail. */
static bool
take_sub_domain(struct bytes *in, bool may_utf8)
{
	unsigned int classes = CLASS_ALPHA | CLASS_DIGIT | (may_utf8 ? CLASS_HIGH : 0u);
	size_t len = 0;

	while (len < in->len && (byte_is_class(in->ptr[len], classes) || in->ptr[len] == '-' || in->ptr[len] == '_'))
		len++;
	if (len == 0 || len > LABEL_OCTETS_MAX || in->ptr[0] == '-' || in->ptr[len - 1] == '-')
		return false;
	*in = bytes_sub(*in, len, in->len);
	return true;
}

/* Domain = sub-domain *("." sub-domain).  A final dot is tolerated and not part of *out. */
static bool
take_domain(struct bytes *in, bool may_utf8, struct bytes *out)
{
	struct bytes rest = *in;

	if (!take_sub_domain(&rest, may_utf8))
		return false;
	for (;;) {
		struct bytes next = rest;

		*out = bytes_between(*in, rest);
		if (!take_char(&next, '.'))
			break;
		rest = next;
		if (!take_sub_domain(&next, may_utf8))
			break;
		rest = next;
	}
	if (out->len > DOMAIN_OCTETS_MAX)
		return false;
	*in = rest;
	return true;
}

/* A-d-l = At-domain *( "," At-domain );  At-domain = "@" Domain.  RFC 5321 4.1.1.3: must be understood, should be
   ignored. */
static bool
take_source_route(struct bytes *in, bool may_utf8)
{
	struct bytes rest = *in, domain;

	do {
		if (!take_char(&rest, '@') || !take_domain(&rest, may_utf8, &domain))
			return false;
	} while (take_char(&rest, ','));
	if (!take_char(&rest, ':') || bytes_between(*in, rest).len > ROUTE_OCTETS_MAX)
		return false;
	*in = rest;
	return true;
}

/* Mailbox = Local-part "@" ( Domain / address-literal );  Local-part = Dot-string / Quoted-string */
static bool
take_mailbox(struct bytes *in, bool may_utf8, struct arena *arena, struct smtp_path *path)
{
	struct bytes rest = *in;

	if (!take_dot_string(&rest, may_utf8, &path->local) &&
		!take_quoted_string(&rest, may_utf8, arena, &path->local))
		return false;
	if (!take_char(&rest, '@'))
		return false;
	if (!take_domain(&rest, may_utf8, &path->domain) && !smtp_take_literal(&rest, &path->domain))
		return false;
	path->text = bytes_between(*in, rest);
	*in = rest;
	return true;
}

/* RFC 5321 4.1.1.3: "<Postmaster>" in any case of letters. */
static bool
take_postmaster(struct bytes *in, struct smtp_path *path)
{
	struct bytes rest = *in;

	if (!take_text_nocase(&rest, BYTES("postmaster")) || !bytes_starts(rest, BYTES(">")))
		return false;
	path->local = path->text = bytes_between(*in, rest);
	*in = rest;
	return true;
}

int
smtp_path_parse(struct bytes *in, bool may_utf8, struct arena *arena, struct smtp_path *path, struct fault *f)
{
	struct smtp_path found = { .is_null = false };
	struct bytes rest = *in;

	if (!take_char(&rest, '<'))
		return fault_set(f, FAULT_SYNTAX, "an address is written in angle brackets");
	if (take_char(&rest, '>')) {
		*path = (struct smtp_path){ .is_null = true };
		*in = rest;
		return 0;
	}
	(void)take_source_route(&rest, may_utf8);
	if (!take_postmaster(&rest, &found) && !take_mailbox(&rest, may_utf8, arena, &found))
		return fault_set(f, FAULT_SYNTAX, "not an address of RFC 5321 4.1.2");
	if (!take_char(&rest, '>'))
		return fault_set(f, FAULT_SYNTAX, "something stands between address and closing bracket");
	if (found.text.len > SMTP_PATH_OCTETS_MAX - 2)
		return fault_set(f, FAULT_LIMIT, "the address is longer than %d octets", SMTP_PATH_OCTETS_MAX - 2);
	if (!bytes_is_utf8(found.text))
		return fault_set(f, FAULT_SYNTAX, "the address is not well-formed UTF-8");
	*path = found;
	*in = rest;
	return 0;
}

void
smtp_path_put_address(const struct smtp_path *path, struct buf *out)
{
	put_bytes(out, path->local);
	if (path->domain.len == 0)
		return;
	put_char(out, '@');
	put_bytes(out, path->domain);
}
