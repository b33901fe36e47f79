/* aliases FILE [DOMAIN]; in a slice what stands in the file is behind it. */
#include "config/kind.h"

#include "config/name.h"

enum { ALIASES_MAX = 16 };

static const char *
read_aliases(const struct config_setting *s, struct config_aliases *out)
{
	out->file = s->values[0].text;
	out->domain = s->count > 1 ? s->values[1].text : BYTES_NONE;
	out->text = s->count > 2 ? s->values[2].text : BYTES_NONE;
	/* In a slice "" stands for none. */
	if (out->domain.len && name_domain_trouble(out->domain))
		return name_domain_trouble(out->domain);
	return name_path_trouble(out->file);
}

bool
kind_read_aliases(struct config_reading *r, const struct config_setting *s)
{
	struct config *c = r->config;
	struct config_aliases made, *list = NULL;
	struct config_place *places = NULL;
	const char *trouble = read_aliases(s, &made);

	if (trouble)
		return config_error_add(r->errors, s->at, "aliases %s: %s", config_show(s->values[0].text).text, trouble);
	if (c->aliases_count < ALIASES_MAX) {
		list = arena_grow(c->arena, c->aliases, c->aliases_count, sizeof *list);
		places = arena_grow(c->arena, r->aliases_at, c->aliases_count, sizeof *places);
	}
	if (!list || !places || !arena_copy(c->arena, made.file, &made.file) || !arena_copy(c->arena, made.domain, &made.domain) ||
		!arena_copy(c->arena, made.text, &made.text))
		return kind_full(r, s->at);
	places[c->aliases_count] = s->values[0].at;
	list[c->aliases_count++] = made;
	c->aliases = list;
	r->aliases_at = places;
	return true;
}

void
kind_put_aliases(const struct config *c, const struct directive *d, enum config_form form, struct buf *out)
{
	for (size_t i = 0; i < c->aliases_count; i++) {
		const struct config_aliases *a = &c->aliases[i];

		kind_put_name(out, d);
		config_tree_put_value(out, a->file);
		if (a->domain.len || form == CONFIG_FORM_SLICE) {
			put_char(out, ' ');
			config_tree_put_value(out, a->domain);
		}
		if (form == CONFIG_FORM_SLICE) {
			put_char(out, ' ');
			config_tree_put_value(out, a->text);
		}
		put_text(out, ";\n");
	}
}
