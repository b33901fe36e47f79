/* srs file:FILE [DOMAIN]; in a slice the key stands behind it. */
#include "config/kind.h"
#include "config/name.h"

bool
kind_read_srs(struct config_reading *r, const struct config_setting *s)
{
	struct config *c = r->config;
	struct bytes path = s->values[0].text, domain = s->count > 1 ? s->values[1].text : BYTES_NONE;
	struct address space;
	const char *trouble;

	/* The value itself is not shown: it may be the key. */
	if (!take_text(&path, BYTES("file:")))
		return config_error_add(r->errors, &s->values[0].at, "srs: the key stands in a file of its own, not here: srs file:/etc/mermoz/srs.secret;");
	trouble = name_path_trouble(path);
	if (trouble)
		return config_error_add(r->errors, &s->values[0].at, "srs %s: %s", config_show(path).text, trouble);
	/* In a slice "" stands for none. */
	trouble = domain.len ? name_domain_trouble(domain) : NULL;
	if (trouble)
		return config_error_add(r->errors, &s->values[1].at, "srs %s: %s", config_show(domain).text, trouble);
	if (!arena_copy(c->arena, path, &c->srs_file) || !arena_copy(c->arena, name_folded(domain, &space), &c->srs_domain) ||
		(s->count == 3 && !arena_copy(c->arena, s->values[2].text, &c->srs_secret_key)))
		return kind_full(r, s->at);
	return true;
}

void
kind_put_srs(const struct config *c, const struct directive *d, enum config_form form, struct buf *out)
{
	struct buf file;

	if (c->srs_file.len == 0)
		return;
	kind_put_name(out, d);
	buf_init(&file, c->srs_file.len + 5);
	put_text(&file, "file:");
	put_bytes(&file, c->srs_file);
	config_tree_put_value(out, buf_bytes(&file));
	buf_done(&file);
	if (c->srs_domain.len || form == CONFIG_FORM_SLICE) {
		put_char(out, ' ');
		config_tree_put_value(out, c->srs_domain);
	}
	if (form == CONFIG_FORM_SLICE) {
		put_char(out, ' ');
		config_tree_put_value(out, c->srs_secret_key);
	}
	put_text(out, ";\n");
}
