/* outgoing_tls DOMAIN|* LEVEL [NAME ...] */
#include "config/kind.h"
#include "config/name.h"

enum { RULES_MAX = 1000 };

static const char *const levels[] = { [TLS_LEVEL_NONE] = "none", [TLS_LEVEL_MAY] = "may", [TLS_LEVEL_ENCRYPT] = "encrypt",
	[TLS_LEVEL_VERIFY] = "verify" };

enum { LEVELS = sizeof levels / sizeof levels[0] };

static const struct config_tls_rule *
find(const struct config *c, struct bytes domain)
{
	struct address space;
	struct bytes name = name_folded(domain, &space);

	for (size_t i = 0; i < c->tls_rule_count; i++)
		if (kind_is_same_host(c->tls_rules[i].domain, name))
			return &c->tls_rules[i];
	return NULL;
}

const struct config_tls_rule *
config_tls_rule_for(const struct config *c, struct bytes domain)
{
	const struct config_tls_rule *own = find(c, domain);

	return own ? own : find(c, BYTES("*"));
}

static bool
keep(struct config_reading *r, const struct config_value *v, struct bytes text, struct bytes *out)
{
	struct address space;

	return arena_copy(r->config->arena, name_folded(text, &space), out) || kind_full(r, &v->at);
}

/* Of a U-label, the A-label has to be one. */
static const char *
host_trouble(struct bytes name)
{
	struct address space;

	return name_host_trouble(name_folded(name, &space));
}

static bool
read_domain(struct config_reading *r, const struct config_value *v, struct config_tls_rule *rule)
{
	struct address space;
	struct bytes domain = name_folded(v->text, &space);
	const char *trouble = bytes_equal(domain, BYTES("*")) ? NULL : kind_host_trouble(&domain);

	if (trouble)
		return config_error_add(r->errors, &v->at, "outgoing_tls %s: %s", config_show(v->text).text, trouble);
	if (find(r->config, domain))
		return config_error_add(r->errors, &v->at, "outgoing_tls %s is there already", config_show(v->text).text);
	return keep(r, v, domain, &rule->domain);
}

static bool
read_level(struct config_reading *r, const struct config_value *v, struct config_tls_rule *rule)
{
	for (unsigned int i = 0; i < LEVELS; i++)
		if (bytes_equal(v->text, bytes_text(levels[i]))) {
			rule->level = (enum config_tls_level)i;
			return true;
		}
	return config_error_add(r->errors, &v->at, "outgoing_tls is one of none, may, encrypt, verify, not %s",
		config_show(v->text).text);
}

static bool
read_names(struct config_reading *r, const struct config_setting *s, struct config_tls_rule *rule)
{
	struct bytes *list = arena_take(r->config->arena, s->count * sizeof *list);

	if (!list)
		return kind_full(r, s->at);
	rule->names.at = list;
	for (size_t i = 2; i < s->count; i++) {
		const struct config_value *v = &s->values[i];
		const char *trouble = host_trouble(bytes_starts(v->text, BYTES(".")) ? bytes_sub(v->text, 1, v->text.len) : v->text);

		if (rule->level != TLS_LEVEL_VERIFY)
			return config_error_add(r->errors, &v->at, "outgoing_tls: names are for \"verify\"");
		if (trouble)
			return config_error_add(r->errors, &v->at, "outgoing_tls %s: %s", config_show(v->text).text, trouble);
		if (!keep(r, v, v->text, &list[rule->names.count]))
			return false;
		rule->names.count++;
	}
	return true;
}

bool
kind_read_tls_rule(struct config_reading *r, const struct config_setting *s)
{
	struct config *c = r->config;
	struct config_tls_rule made = { .level = TLS_LEVEL_MAY }, *list;

	if (c->tls_rule_count == RULES_MAX)
		return config_error_add(r->errors, s->at, "there are %d rules of outgoing_tls at most", RULES_MAX);
	if (!read_domain(r, &s->values[0], &made) || !read_level(r, &s->values[1], &made) || !read_names(r, s, &made) ||
		!kind_keep_where(r, s->at, &made.where))
		return false;
	list = arena_grow(c->arena, c->tls_rules, c->tls_rule_count, sizeof *list);
	if (!list)
		return kind_full(r, s->at);
	list[c->tls_rule_count++] = made;
	c->tls_rules = list;
	return true;
}

void
kind_put_tls_rule(const struct config *c, const struct directive *d, enum config_form form, struct buf *out)
{
	(void)form;
	for (size_t i = 0; i < c->tls_rule_count; i++) {
		const struct config_tls_rule *rule = &c->tls_rules[i];

		kind_put_name(out, d);
		config_tree_put_value(out, rule->domain);
		put_char(out, ' ');
		put_text(out, levels[rule->level]);
		for (size_t n = 0; n < rule->names.count; n++) {
			put_char(out, ' ');
			config_tree_put_value(out, rule->names.at[n]);
		}
		put_text(out, ";\n");
	}
}
