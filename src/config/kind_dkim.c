/* dkim DOMAIN SELECTOR file:KEYFILE; in a slice the key (PEM) stands behind it. */
#include "config/kind.h"
#include "config/name.h"

enum { DKIM_MAX = 100 };

bool
config_dkim_is_for(struct bytes domain, struct bytes host)
{
	if (host.len <= domain.len)
		return bytes_equal_nocase(host, domain);
	return bytes_ends_nocase(host, domain) && host.ptr[host.len - domain.len - 1] == '.';
}

static bool
is_label(struct bytes label)
{
	for (size_t i = 0; i < label.len; i++)
		if (label.ptr[i] != '-' && !byte_is_class(label.ptr[i], CLASS_ALPHA | CLASS_DIGIT))
			return false;
	return label.len > 0 && label.len <= NAME_LABEL_MAX && label.ptr[0] != '-' && label.ptr[label.len - 1] != '-';
}

/* selector = sub-domain *( "." sub-domain )      RFC 6376 3.1 */
static const char *
selector_trouble(struct bytes selector)
{
	if (selector.len == 0 || selector.len > NAME_DOMAIN_MAX || selector.ptr[selector.len - 1] == '.')
		return "a selector is needed, such as 2026";
	while (selector.len)
		if (!is_label(take_until(&selector, '.')))
			return "a selector has letters, digits and \"-\", as a part of a domain has";
	return NULL;
}

/* What others of the domain there are. */
static const char *
others_trouble(const struct config *c, struct bytes domain, struct bytes selector)
{
	size_t count = 0;

	for (size_t i = 0; i < c->dkim_count; i++) {
		if (!bytes_equal_nocase(c->dkim[i].domain, domain))
			continue;
		if (bytes_equal_nocase(c->dkim[i].selector, selector))
			return "it is there already for this domain";
		count++;
	}
	return count < CONFIG_DKIM_SELECTORS_MAX ? NULL : "a domain has 4 selectors at most: each of them signs";
}

static bool
check(struct config_reading *r, const struct config_setting *s, struct bytes *path)
{
	const struct config_value *v = s->values;
	const char *trouble = name_host_trouble(v[0].text);

	if (trouble)
		return config_error_add(r->errors, &v[0].at, "dkim %s: %s", config_show(v[0].text).text, trouble);
	trouble = selector_trouble(v[1].text);
	if (!trouble)
		trouble = others_trouble(r->config, v[0].text, v[1].text);
	if (trouble)
		return config_error_add(r->errors, &v[1].at, "dkim %s: %s", config_show(v[1].text).text, trouble);
	/* The value itself is not shown: it may be the key. */
	*path = v[2].text;
	if (!take_text(path, BYTES("file:")))
		return config_error_add(r->errors, &v[2].at, "dkim: the key stands in a file of its own, not here: "
			"dkim DOMAIN SELECTOR file:/etc/mermoz/dkim.pem;");
	trouble = name_path_trouble(*path);
	return !trouble || config_error_add(r->errors, &v[2].at, "dkim %s: %s", config_show(*path).text, trouble);
}

/* RFC 6376 3.5: compared without case, and here written in one. */
static bool
copy_lower(struct arena *a, struct bytes in, struct bytes *out)
{
	uint8_t *lower = arena_take(a, in.len);

	for (size_t i = 0; lower && i < in.len; i++)
		lower[i] = byte_lower(in.ptr[i]);
	*out = bytes_of(lower, in.len);
	return lower != NULL;
}

bool
kind_read_dkim(struct config_reading *r, const struct config_setting *s)
{
	struct config *c = r->config;
	struct config_dkim made = { 0 }, *list;
	struct config_place *places;
	struct bytes path;

	if (!check(r, s, &path))
		return false;
	if (c->dkim_count == DKIM_MAX)
		return config_error_add(r->errors, s->at, "there are %d keys of dkim at most", DKIM_MAX);
	list = arena_grow(c->arena, c->dkim, c->dkim_count, sizeof *list);
	places = arena_grow(c->arena, r->dkim_at, c->dkim_count, sizeof *places);
	if (!list || !places || !copy_lower(c->arena, s->values[0].text, &made.domain) || !copy_lower(c->arena, s->values[1].text, &made.selector) ||
		!arena_copy(c->arena, path, &made.file) || (s->count == 4 && !arena_copy(c->arena, s->values[3].text, &made.secret_key_pem)))
		return kind_full(r, s->at);
	places[c->dkim_count] = s->values[2].at;
	list[c->dkim_count++] = made;
	c->dkim = list;
	r->dkim_at = places;
	return true;
}

static void
put_dkim(const struct config_dkim *d, enum config_form form, struct buf *out)
{
	struct buf file;

	config_tree_put_value(out, d->domain);
	put_char(out, ' ');
	config_tree_put_value(out, d->selector);
	put_char(out, ' ');
	buf_init(&file, d->file.len + 5);
	put_text(&file, "file:");
	put_bytes(&file, d->file);
	config_tree_put_value(out, buf_bytes(&file));
	buf_done(&file);
	if (form == CONFIG_FORM_SLICE) {
		put_char(out, ' ');
		config_tree_put_value(out, d->secret_key_pem);
	}
}

void
kind_put_dkim(const struct config *c, const struct directive *d, enum config_form form, struct buf *out)
{
	for (size_t i = 0; i < c->dkim_count; i++) {
		kind_put_name(out, d);
		put_dkim(&c->dkim[i], form, out);
		put_text(out, ";\n");
	}
}
