#include "config/name.h"

#include <string.h>

struct bytes
name_unquoted(struct bytes address, uint8_t space[ADDRESS_OCTETS_MAX])
{
	size_t at = bytes_find_last_char(address, '@'), len = 0;

	if (address.len > ADDRESS_OCTETS_MAX || at < 2 || address.ptr[0] != '"' || address.ptr[at - 1] != '"')
		return address;
	for (size_t i = 1; i < at - 1; i++) {
		i += address.ptr[i] == '\\' && i + 2 < at;
		space[len++] = address.ptr[i];
	}
	memcpy(space + len, address.ptr + at, address.len - at);
	return bytes_of(space, len + address.len - at);
}

struct bytes
name_folded(struct bytes name, struct address *space)
{
	uint8_t plain[ADDRESS_OCTETS_MAX];
	struct bytes domain = name;
	struct domain folded;
	uint16_t dot = take_char(&domain, '.');

	if (bytes_find_char(name, '@') < name.len)
		return address_fold(name_unquoted(name, plain), space) ? address_bytes(space) : name;
	if (!domain_fold(domain, &folded))
		return name;
	space->octets[0] = '.';
	memcpy(space->octets + dot, folded.octets, folded.len);
	space->len = space->local_len = (uint16_t)(folded.len + dot);
	return address_bytes(space);
}

static bool
is_label(struct bytes label, bool may_utf8)
{
	if (label.len == 0 || label.len > NAME_LABEL_MAX || label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
		return false;
	for (size_t i = 0; i < label.len; i++)
		if (!byte_is_class(label.ptr[i], CLASS_ALPHA | CLASS_DIGIT | (may_utf8 ? CLASS_HIGH : 0)) &&
			label.ptr[i] != '-')
			return false;
	return true;
}

static const char *
labels_trouble(struct bytes name, bool may_utf8)
{
	struct bytes rest = name, label = BYTES_NONE;
	size_t count = 0;

	if (name.len == 0 || name.len > NAME_DOMAIN_MAX || name.ptr[name.len - 1] == '.')
		return "a name has 1 to 253 characters and no dot at its end";
	while (rest.len > 0) {
		label = take_until(&rest, '.');
		if (!is_label(label, may_utf8))
			return "each part of a name has 1 to 63 letters, digits or \"-\", and \"-\" neither first nor last";
		count++;
	}
	if (bytes_all_class(label, CLASS_DIGIT))
		return "this is an address; a name is needed";
	if (count < 2 && !bytes_equal_nocase(name, BYTES("localhost")))
		return "the full name is needed, with its domain, such as mail.example.org";
	return NULL;
}

const char *
name_host_trouble(struct bytes name)
{
	return labels_trouble(name, false);
}

const char *
name_domain_trouble(struct bytes name)
{
	if (!bytes_is_utf8(name))
		return "the name is not UTF-8";
	if (bytes_find_char(name, '*') < name.len)
		return "every domain is named one by one; \"*\" would make an open relay";
	return labels_trouble(name, true);
}

const char *
name_address_trouble(struct bytes name)
{
	size_t at = bytes_find_last_char(name, '@');
	struct bytes local = bytes_sub(name, 0, at), rest = local;

	if (at == name.len || local.len == 0 || local.len > 64)
		return "an address is needed, such as postmaster@example.org";
	while (rest.len > 0) {
		struct bytes atom = take_until(&rest, '.');

		if (atom.len == 0)
			return "the part before \"@\" begins with a dot, or has two in a row";
		if (!bytes_all_class(atom, CLASS_ATEXT | CLASS_HIGH))
			return "the part before \"@\" has a character that would need quotes";
	}
	if (local.ptr[local.len - 1] == '.')
		return "the part before \"@\" ends with a dot";
	return name_domain_trouble(bytes_sub(name, at + 1, name.len));
}

const char *
name_path_trouble(struct bytes name)
{
	struct bytes rest = name;

	if (name.len == 0 || name.ptr[0] != '/')
		return "a full path is needed, one that begins with \"/\"";
	if (name.len > 4000)
		return "the path is too long";
	if (bytes_find_char(name, '\0') < name.len)
		return "a path can't hold a NUL";
	while (rest.len > 0)
		if (bytes_equal(take_until(&rest, '/'), BYTES("..")))
			return "a path without \"..\" is needed";
	return NULL;
}

const char *
name_user_trouble(struct bytes name)
{
	if (name.len == 0 || name.len > 32)
		return "the name of an account of this system has 1 to 32 characters";
	if (bytes_all_class(name, CLASS_DIGIT))
		return "the account's name is needed, not its number";
	for (size_t i = 0; i < name.len; i++)
		if (!byte_is_class(name.ptr[i], CLASS_ALPHA | CLASS_DIGIT) &&
			bytes_find_char(BYTES("_-."), name.ptr[i]) == 3)
			return "the name of an account of this system has letters, digits, \"_\", \"-\" and \".\"";
	return name.ptr[0] == '-' ? "the name of an account can't begin with \"-\"" : NULL;
}

enum variable { VARIABLE_NONE, VARIABLE_PERCENT, VARIABLE_USER, VARIABLE_DOMAIN, VARIABLE_ATTRIBUTE, VARIABLE_HOME, VARIABLE_BAD };

/* Steps to the next variable and over it. */
static enum variable
take_variable(struct bytes *in)
{
	struct bytes name;

	*in = bytes_sub(*in, bytes_find_char(*in, '%'), in->len);
	if (in->len == 0)
		return VARIABLE_NONE;
	(void)take_char(in, '%');
	if (take_char(in, '%'))
		return VARIABLE_PERCENT;
	if (take_char(in, 'u'))
		return VARIABLE_USER;
	if (take_char(in, 'd'))
		return VARIABLE_DOMAIN;
	if (take_char(in, 'h'))
		return VARIABLE_HOME;
	if (!take_char(in, '{'))
		return VARIABLE_BAD;
	while (take_class(in, CLASS_ALPHA | CLASS_DIGIT, &name) || take_char(in, '-') || take_char(in, '_'))
		;
	return take_char(in, '}') ? VARIABLE_ATTRIBUTE : VARIABLE_BAD;
}

static unsigned int
variables(struct bytes in)
{
	unsigned int seen = 0;
	enum variable next;

	while ((next = take_variable(&in)) != VARIABLE_NONE)
		seen |= 1u << next;
	return seen;
}

bool
name_template_has_home(struct bytes name)
{
	return bytes_starts(name, BYTES("%h"));
}

const char *
name_template_trouble(struct bytes name)
{
	bool has_home = name_template_has_home(name);
	struct bytes path = has_home ? bytes_sub(name, 2, name.len) : name;
	unsigned int seen = variables(path);

	if (has_home && path.len && path.ptr[0] != '/')
		return "%h is a path: \"/\" comes behind it, or nothing";
	if (!(has_home && path.len == 0) && name_path_trouble(path))
		return name_path_trouble(path);
	if (seen & (1u << VARIABLE_BAD))
		return "after \"%\" comes u, d, h, % or {attribute}";
	if (seen & (1u << VARIABLE_HOME))
		return "the home is %h, a path: it stands once, and first";
	if (!has_home && !(seen & (1u << VARIABLE_USER | 1u << VARIABLE_ATTRIBUTE)))
		return "all accounts would share this mailbox: %u, %{attribute} or %h is needed in it";
	return NULL;
}

const char *
name_homes_trouble(struct bytes name)
{
	const char *trouble = name_path_trouble(name);
	struct bytes rest = name;

	while (take_char(&rest, '/'))
		;
	return trouble ? trouble : rest.len ? NULL : "a directory below \"/\" is needed: the store may write wherever homes may lie";
}

bool
name_template_has_domain(struct bytes name)
{
	return (variables(name) & (1u << VARIABLE_DOMAIN | 1u << VARIABLE_ATTRIBUTE | 1u << VARIABLE_HOME)) != 0;
}
