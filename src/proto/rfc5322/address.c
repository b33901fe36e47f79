/* An element of the list is found first, by the separators that stand outside of quotes, comments
   and brackets; then its insides are read.  So a broken element never hides its neighbours, and
   what people write (an unquoted "@" in a display name, a missing ">") is understood as they meant
   it. */
#include "proto/rfc5322/address.h"

#include "proto/rfc5322/lexical.h"

/* Offsets within what begins at the element; `len` stands for "none". */
struct shape {
	size_t len;   /* up to the separator */
	size_t angle; /* "<" */
	size_t at;    /* the last "@" outside of the angle brackets */
	bool is_group_name;
};

static size_t
skip(struct bytes in, size_t at)
{
	struct bytes rest = bytes_sub(in, at, in.len), ignored = BYTES_NONE;
	struct buf nowhere;

	buf_init_fixed(&nowhere, NULL, 0);
	if (rest.ptr[0] == '(')
		take_cfws(&rest, &ignored);
	else
		(void)take_quoted_string(&rest, &nowhere);
	return in.len - rest.len;
}

/* Inside "<…>" a "," belongs to the route as long as no ":" ended it. */
struct place {
	bool is_in_angle, is_in_route, is_in_literal, has_at;
};

static void
note_angle(struct bytes in, size_t at, struct place *p, struct shape *s)
{
	if (in.ptr[at] == '>') {
		p->is_in_angle = p->is_in_route = false;
		return;
	}
	if (s->angle != SIZE_MAX)
		return;
	s->angle = at;
	p->is_in_angle = true;
	p->is_in_route = at + 1 < in.len && in.ptr[at + 1] == '@';
}

static bool
is_separator(uint8_t c, const struct place *p, const struct shape *s, bool is_in_group)
{
	if (c == ',')
		return !p->is_in_route;
	if (c == ';')
		return !p->is_in_angle;
	return c == ':' && !is_in_group && !p->has_at && !p->is_in_literal && s->angle == SIZE_MAX;
}

static void
note_at(size_t at, struct place *p, struct shape *s)
{
	s->at = at;
	p->has_at = true;
}

static void
note_octet(struct bytes in, size_t at, struct place *p, struct shape *s)
{
	uint8_t c = in.ptr[at];

	if (c == '<' || c == '>')
		note_angle(in, at, p, s);
	else if (c == '@' && !p->is_in_angle)
		note_at(at, p, s);
	else if (c == '[' || c == ']')
		p->is_in_literal = c == '[' && p->has_at;
	else if (c == ':')
		p->is_in_route = false;
}

static struct shape
find_shape(struct bytes in, bool is_in_group)
{
	struct shape s = { .angle = SIZE_MAX, .at = SIZE_MAX };
	struct place place = { 0 };

	while (s.len < in.len) {
		uint8_t c = in.ptr[s.len];

		if (c == '"' || c == '(') {
			s.len = skip(in, s.len);
			continue;
		}
		if (is_separator(c, &place, &s, is_in_group)) {
			s.is_group_name = c == ':';
			break;
		}
		note_octet(in, s.len, &place, &s);
		s.len++;
	}
	return s;
}

/* Where the texts of one address lie in the scratch buffer, which may move while it grows. */
struct spans {
	size_t name, route, local, domain, end;
	struct bytes comment;
	const uint8_t *local_end;
};

/* Octets up to CFWS or a quote. */
static bool
take_run(struct bytes *in, struct bytes *out)
{
	size_t len = 0;

	while (len < in->len && in->ptr[len] != ' ' && in->ptr[len] != '\t' &&
		in->ptr[len] != '\r' && in->ptr[len] != '\n' && in->ptr[len] != '(' &&
		in->ptr[len] != '"')
		len++;
	return len && take_octets(in, len, out);
}

/* phrase = 1*word / obs-phrase; word = atom / quoted-string      RFC 5322 3.2.5, 4.1.  CFWS between
   words becomes one SP. */
static void
put_phrase(struct buf *out, struct bytes in, struct bytes *comment)
{
	size_t start = out->len;
	struct bytes run;

	take_cfws(&in, comment);
	while (in.len) {
		size_t left;

		if (take_run(&in, &run))
			put_bytes(out, run);
		else
			(void)take_quoted_string(&in, out);
		left = in.len;
		take_cfws(&in, comment);
		if (in.len && in.len != left && out->len != start)
			put_char(out, ' ');
	}
}

static bool
may_touch(uint8_t last, uint8_t next)
{
	return last == '.' || next == '.' || last == '[' || next == ']' || last == '@' ||
	       next == '@' || last == ',' || next == ',';
}

/* local-part, domain and obs-route: words with CFWS around their dots, which goes; *end is behind the last.
   RFC 5322 3.4.1, 4.4.  False when words are not joined by a dot. */
static bool
put_words(struct buf *out, struct bytes in, struct bytes *comment, const uint8_t **end)
{
	bool is_joined = true;
	struct bytes run;

	take_cfws(&in, comment);
	*end = in.ptr;
	while (in.len) {
		uint8_t last = '"';
		size_t left;

		if (take_run(&in, &run)) {
			put_bytes(out, run);
			last = run.ptr[run.len - 1];
		} else {
			(void)take_quoted_string(&in, out);
		}
		*end = in.ptr;
		left = in.len;
		take_cfws(&in, comment);
		if (in.len && in.len != left && !may_touch(last, in.ptr[0]))
			is_joined = false;
	}
	return is_joined;
}

/* addr-spec = local-part "@" domain      RFC 5322 3.4.1 */
static bool
put_addr_spec(struct buf *out, struct bytes in, size_t at, struct spans *s)
{
	const uint8_t *ignored;
	bool is_valid;

	s->local = out->len;
	is_valid = put_words(out, bytes_sub(in, 0, at), &s->comment, &s->local_end);
	if (at < in.len)
		s->local_end = NULL;
	s->domain = out->len;
	return put_words(out, bytes_sub(in, at + 1, in.len), &s->comment, &ignored) && is_valid;
}

/* "@" of an addr-spec: the last one that is not quoted or in a comment. */
static size_t
find_at(struct bytes in)
{
	size_t found = in.len, at = 0;

	while (at < in.len) {
		if (in.ptr[at] == '"' || in.ptr[at] == '(') {
			at = skip(in, at);
			continue;
		}
		if (in.ptr[at] == '@')
			found = at;
		at++;
	}
	return found;
}

/* angle-addr = [CFWS] "<" addr-spec ">" [CFWS]; obs-angle-addr = "<" obs-route addr-spec ">"
   obs-route = obs-domain-list ":"      RFC 5322 3.4, 4.4 */
static bool
put_angle_addr(struct buf *out, struct bytes inside, struct spans *s)
{
	const uint8_t *ignored;
	size_t colon;

	take_cfws(&inside, &s->comment);
	colon = bytes_find_char(inside, ':');
	s->route = out->len;
	if (inside.len && inside.ptr[0] == '@' && colon < inside.len) {
		(void)put_words(out, bytes_sub(inside, 0, colon), &s->comment, &ignored);
		inside = bytes_sub(inside, colon + 1, inside.len);
	}
	return put_addr_spec(out, inside, find_at(inside), s);
}

/* name-addr = [display-name] angle-addr      RFC 5322 3.4 */
static bool
put_name_addr(struct buf *out, struct bytes in, size_t angle, struct spans *s)
{
	struct bytes rest = bytes_sub(in, angle + 1, in.len), inside;
	size_t end = 0;

	put_phrase(out, bytes_sub(in, 0, angle), &s->comment);
	while (end < rest.len && rest.ptr[end] != '>')
		end = rest.ptr[end] == '"' || rest.ptr[end] == '(' ? skip(rest, end) : end + 1;
	inside = bytes_sub(rest, 0, end);
	rest = bytes_sub(rest, end + 1, rest.len);
	take_cfws(&rest, &s->comment);
	return put_angle_addr(out, inside, s);
}

static void
set_texts(const struct buf *scratch, const struct spans *s, struct rfc5322_address *out)
{
	struct bytes all = buf_bytes(scratch);

	out->name = bytes_sub(all, s->name, s->route - s->name);
	out->route = bytes_sub(all, s->route, s->local - s->route);
	out->local = bytes_sub(all, s->local, s->domain - s->local);
	out->domain = bytes_sub(all, s->domain, s->end - s->domain);
	out->local_end = s->local_end;
}

static void
read_mailbox(struct bytes in, const struct shape *shape, struct buf *scratch,
	struct rfc5322_address *out)
{
	struct spans s = { 0 };
	size_t at = shape->at < in.len ? shape->at : in.len;
	bool is_valid = shape->angle < in.len ? put_name_addr(scratch, in, shape->angle, &s)
					      : put_addr_spec(scratch, in, at, &s);

	if (!is_valid) {
		buf_reset(scratch);
		s = (struct spans){ 0 };
		put_phrase(scratch, in, &s.comment);
		s.route = s.local = s.domain = scratch->len;
	}
	s.end = scratch->len;
	set_texts(scratch, &s, out);
	if (out->name.len || s.comment.len == 0)
		return;
	put_comment_text(scratch, s.comment);
	set_texts(scratch, &s, out);
	out->name = bytes_sub(buf_bytes(scratch), s.end, scratch->len);
}

static void
read_group_name(struct bytes in, struct buf *scratch, struct rfc5322_address *out)
{
	struct bytes comment = BYTES_NONE;

	put_phrase(scratch, in, &comment);
	*out = (struct rfc5322_address){ .kind = ADDRESS_GROUP_BEGIN, .name = buf_bytes(scratch) };
}

/* Steps over CFWS and empty elements (obs-addr-list); true when the group that is open ends here.
 */
static bool
is_at_group_end(struct bytes *in, bool is_in_group)
{
	for (;;) {
		take_cfws(in, NULL);
		if (in->len == 0)
			return is_in_group;
		if (is_in_group && take_char(in, ';'))
			return true;
		if (!take_char(in, ',') && !take_char(in, ';'))
			return false;
	}
}

/* address-list = (address *("," address)) / obs-addr-list
   group = display-name ":" [group-list] ";" [CFWS]      RFC 5322 3.4 */
bool
take_address(struct bytes *in, bool *is_in_group, struct buf *scratch, struct rfc5322_address *out)
{
	struct bytes element;
	struct shape shape;

	buf_reset(scratch);
	*out = (struct rfc5322_address){ .kind = ADDRESS_MAILBOX };
	if (is_at_group_end(in, *is_in_group)) {
		*is_in_group = false;
		out->kind = ADDRESS_GROUP_END;
		return true;
	}
	if (in->len == 0)
		return false;
	shape = find_shape(*in, *is_in_group);
	element = bytes_sub(*in, 0, shape.len);
	if (shape.is_group_name) {
		read_group_name(element, scratch, out);
		*is_in_group = true;
		*in = bytes_sub(*in, shape.len + 1, in->len);
		return true;
	}
	read_mailbox(element, &shape, scratch, out);
	*in = bytes_sub(*in, shape.len, in->len);
	return true;
}

/* msg-id = [CFWS] "<" id-left "@" id-right ">" [CFWS]      RFC 5322 3.6.4 */
bool
take_message_id(struct bytes *in, struct bytes *out)
{
	size_t from = bytes_find_char(*in, '<'), len;
	struct bytes rest = bytes_sub(*in, from + 1, in->len);

	len = bytes_find_char(rest, '>');
	if (from == in->len || len == rest.len)
		return false;
	*out = bytes_sub(rest, 0, len);
	*in = bytes_sub(rest, len + 1, rest.len);
	return true;
}
