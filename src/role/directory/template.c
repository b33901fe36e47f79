#include "role/directory/template.h"

enum { FILE_NAME_MAX = 255 };

/* A value comes from whoever may write the directory; it may name a file, never choose another
   directory. */
static int
put_value(struct buf *out, struct bytes what, struct bytes value, struct fault *f)
{
	if (value.len == 0)
		return fault_set(f, FAULT_PERM, "%.*s is empty", BYTES_ARG(what));
	if (value.len > FILE_NAME_MAX)
		return fault_set(f, FAULT_PERM, "%.*s is too long", BYTES_ARG(what));
	if (value.ptr[0] == '.')
		return fault_set(f, FAULT_PERM, "%.*s begins with a dot", BYTES_ARG(what));
	for (size_t i = 0; i < value.len; i++)
		if (value.ptr[i] == '/' || byte_is_class(value.ptr[i], CLASS_CONTROL))
			return fault_set(f, FAULT_PERM, "%.*s has an octet that no file name may have",
				BYTES_ARG(what));
	put_bytes(out, value);
	return 0;
}

/* What an account has; one that is made has its local part for each attribute. */
struct values {
	const struct address *address;
	const struct record_attribute *attributes;
	size_t count;
	bool is_made;
};

static int
find_attribute(const struct values *v, struct bytes name, struct bytes *value, struct fault *f)
{
	*value = address_local(v->address);
	if (v->is_made)
		return 0;
	for (size_t i = 0; i < v->count; i++)
		if (bytes_equal_nocase(v->attributes[i].name, name)) {
			*value = v->attributes[i].value;
			return 0;
		}
	return fault_set(f, FAULT_PERM, "has no attribute %.*s", BYTES_ARG(name));
}

static struct bytes
without_end(struct bytes path)
{
	while (path.len && path.ptr[path.len - 1] == '/')
		path.len--;
	return path;
}

/* The home's parts below `homes`, each fit to name a directory.  Empty parts ("//", a "/" at the end) are none. */
static int
put_home(struct buf *out, struct bytes homes, struct bytes home, struct fault *f)
{
	struct bytes part;
	size_t count = 0;

	homes = without_end(homes);
	if (bytes_starts(home, BYTES("/"))
		&& (homes.len == 0 || !take_text(&home, homes) || (home.len && home.ptr[0] != '/')))
		return fault_set(f, FAULT_PERM, "its home does not lie below %.*s", BYTES_ARG(homes));
	put_bytes(out, homes);
	while (home.len) {
		part = take_until(&home, '/');
		if (part.len == 0)
			continue;
		put_char(out, '/');
		if (put_value(out, BYTES("a part of its home"), part, f) != 0)
			return -1;
		count++;
	}
	return count ? 0 : fault_set(f, FAULT_PERM, "its home is no directory below %.*s", BYTES_ARG(homes));
}

static int
put_path(struct buf *out, const struct template *whole, const struct values *v, struct fault *f)
{
	struct bytes template = whole->text;
	int result = 0;

	while (template.len && result == 0) {
		size_t plain = bytes_find_char(template, '%');
		struct bytes name, value;

		put_bytes(out, bytes_sub(template, 0, plain));
		template = bytes_sub(template, plain, template.len);
		if (template.len == 0)
			break;
		if (take_text(&template, BYTES("%%"))) {
			put_char(out, '%');
		} else if (take_text(&template, BYTES("%d"))) {
			result = put_value(out, BYTES("the domain"), address_domain(v->address), f);
		} else if (take_text(&template, BYTES("%u"))) {
			result = put_value(out, BYTES("the local part"), address_local(v->address), f);
		} else if (take_text(&template, BYTES("%h"))) {
			result = find_attribute(v, BYTES(RECORD_HOME), &value, f);
			if (result == 0)
				result = put_home(out, whole->homes, value, f);
		} else if (bytes_find_char(template, '}') < template.len
			&& take_text(&template, BYTES("%{"))) {
			name = take_until(&template, '}');
			result = find_attribute(v, name, &value, f);
			if (result == 0)
				result = put_value(out, name, value, f);
		} else {
			return fault_set(f, FAULT_SYNTAX, "unknown escape in the template");
		}
	}
	if (result == 0 && out->has_failed)
		return fault_set(f, FAULT_LIMIT, "the path is too long");
	return result;
}

int
template_put_path(struct buf *out, const struct template *template, const struct address *address,
	const struct record_attribute *attributes, size_t attribute_count, struct fault *f)
{
	return put_path(out, template, &(struct values){ address, attributes, attribute_count, false }, f);
}

int
template_put_made_path(struct buf *out, const struct template *template, const struct address *address, struct fault *f)
{
	return put_path(out, template, &(struct values){ address, NULL, 0, true }, f);
}

/* What stands behind the last variable, or behind %h. */
static struct bytes
tail_of(struct bytes template)
{
	struct bytes tail = BYTES_NONE;

	if (take_text(&template, BYTES("%h")))
		return template;
	while (template.len > 0) {
		(void)take_until(&template, '%');
		if (take_char(&template, '%') || template.len == 0)
			continue;
		if (template.ptr[0] == '{')
			(void)take_until(&template, '}');
		else
			template = bytes_sub(template, 1, template.len);
		tail = template;
	}
	return tail;
}

struct bytes
template_home(struct bytes template, struct bytes path)
{
	struct bytes tail = tail_of(template);

	while (bytes_find_char(tail, '/') < tail.len) {
		(void)take_until(&tail, '/');
		path = bytes_sub(path, 0, bytes_find_last_char(path, '/'));
	}
	return path;
}
