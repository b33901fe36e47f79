/* The contents of the files that a configuration names: certificates, keys, the passwords for LDAP and relay hosts. */
#include "config/apply.h"

#include "config/dkim_key.h"
#include "sys/disk.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

enum { PATH_MAX_OCTETS = 4096, PEM_MAX = 256 * 1024, SECRET_MAX = 4096, RESOLV_CONF_MAX = 65536, PASSWD_OCTETS_MAX = 4 * 1024 * 1024 };

static bool
has_mode(const char *path, mode_t mode)
{
	struct stat st;

	return disk->fstatat(AT_FDCWD, path, &st, 0) == 0 && (st.st_mode & mode);
}

/* Nobody comes to a file through a directory that is closed to him. */
static bool
is_open_to_all(struct bytes path)
{
	char name[PATH_MAX_OCTETS];

	(void)snprintf(name, sizeof name, "%.*s", BYTES_ARG(path));
	if (!has_mode(name, S_IROTH))
		return false;
	for (char *slash; (slash = strrchr(name, '/')) && slash != name;) {
		*slash = '\0';
		if (!has_mode(name, S_IXOTH))
			return false;
	}
	return true;
}

static void
warn_if_open(struct config_reading *r, const struct config_place *at, const char *what, struct bytes path)
{
	if (is_open_to_all(path))
		config_warning_add(r->errors, at, "%s %.*s; take that right away: chmod o= %.*s", what, BYTES_ARG(path),
			BYTES_ARG(path));
}

static void
read_pem(struct config_reading *r, const struct config_place *at, const char *directive, struct bytes path, const char *(*trouble)(struct bytes),
	struct bytes *out)
{
	char name[PATH_MAX_OCTETS];
	const char *why;
	struct buf text;
	struct fault f;

	(void)snprintf(name, sizeof name, "%.*s", BYTES_ARG(path));
	buf_init(&text, PEM_MAX);
	if (disk_read_file(name, PEM_MAX, &text, &f)) {
		(void)config_error_add(r->errors, at, "%s: can't read %s: %s", directive, name, f.text);
	} else if ((why = trouble(buf_bytes(&text)))) {
		(void)config_error_add(r->errors, at, "%s: %s: %s", directive, name, why);
	} else if (!arena_copy(r->config->arena, buf_bytes(&text), out)) {
		(void)kind_full(r, at);
	}
	buf_done_secret(&text);
}

static void
read_certificates(struct config_reading *r)
{
	struct config *c = r->config;

	for (size_t i = 0; i < c->certificate_count; i++) {
		struct config_certificate *at = &c->certificates[i];

		warn_if_open(r, &r->certificate_at[i], "certificate: everybody on this machine can read the key in", at->key_path);
		read_pem(r, &r->certificate_at[i], "certificate", at->chain_path, config_chain_trouble, &at->chain_pem);
		read_pem(r, &r->certificate_at[i], "certificate", at->key_path, config_key_trouble, &at->secret_key_pem);
	}
}

static void
check_dkim_key(struct config_reading *r, const struct config_place *at, const struct config_dkim *d)
{
	struct fault f;
	EVP_PKEY *key = dkim_key_read(d->secret_key_pem, &f);
	int bits = key ? dkim_key_rsa_bits(key) : 0;

	if (!key)
		(void)config_error_add(r->errors, at, "dkim: %.*s: %s", BYTES_ARG(d->file), f.text);
	else if (bits && bits < DKIM_RSA_BITS_ADVISED)
		config_warning_add(r->errors, at, "dkim: the RSA key in %.*s has %d bits, %d are advised: openssl genrsa %d makes one", BYTES_ARG(d->file), bits,
			DKIM_RSA_BITS_ADVISED, DKIM_RSA_BITS_ADVISED);
	EVP_PKEY_free(key);
}

static void
read_dkim_keys(struct config_reading *r)
{
	struct config *c = r->config;

	for (size_t i = 0; i < c->dkim_count; i++) {
		struct config_dkim *d = &c->dkim[i];

		warn_if_open(r, &r->dkim_at[i], "dkim: everybody on this machine can read the key in", d->file);
		read_pem(r, &r->dkim_at[i], "dkim", d->file, config_key_trouble, &d->secret_key_pem);
		if (d->secret_key_pem.len)
			check_dkim_key(r, &r->dkim_at[i], d);
	}
}

/* A password: the first line of the file that the directive of that name says. */
static void
read_secret(struct config_reading *r, const struct config_place *at, const char *directive, struct bytes path, struct bytes *secret)
{
	char name[PATH_MAX_OCTETS], warning[160];
	struct bytes rest, line;
	struct buf text;
	struct fault f;

	(void)snprintf(warning, sizeof warning, "%s: everybody on this machine can read the password in", directive);
	warn_if_open(r, at, warning, path);
	(void)snprintf(name, sizeof name, "%.*s", BYTES_ARG(path));
	buf_init(&text, PEM_MAX); /* it is read in blocks larger than a secret */
	if (disk_read_file(name, SECRET_MAX, &text, &f)) {
		(void)config_error_add(r->errors, at, "%s: can't read %s: %s", directive, name, f.text);
	} else {
		rest = buf_bytes(&text);
		line = bytes_trim(take_until(&rest, '\n'));
		if (line.len == 0)
			(void)config_error_add(r->errors, at, "%s: the first line of %s is empty: write the password there", directive,
				name);
		else if (!arena_copy(r->config->arena, line, secret))
			(void)kind_full(r, at);
	}
	buf_done_secret(&text);
}

/* The resolver has no files.  One that can't be read is as good as none: the C library thinks so too. */
static void
read_resolvers(struct config_reading *r)
{
	struct buf text;

	buf_init(&text, PEM_MAX);
	if (r->config->resolver_count == 0) {
		if (disk_read_file("/etc/resolv.conf", RESOLV_CONF_MAX, &text, NULL) == -1)
			buf_reset(&text);
		kind_add_system_resolvers(r->config, buf_bytes(&text));
	}
	buf_done(&text);
}

static void
read_secrets(struct config_reading *r)
{
	struct config *c = r->config;

	if (c->ldap_bind_file.len)
		read_secret(r, &r->seen_at[DIRECTIVE_ldap_bind_dn], "bind", c->ldap_bind_file, &c->ldap_secret_password);
	if (c->srs_file.len)
		read_secret(r, &r->seen_at[DIRECTIVE_srs_file], "srs", c->srs_file, &c->srs_secret_key);
	for (size_t i = 0; i < c->login_count; i++)
		read_secret(r, &r->seen_at[DIRECTIVE_logins], "outgoing_login", c->logins[i].file, &c->logins[i].secret_password);
}

/* Users that other services know (NSS) are not asked for: what is slow to answer must not hold up a reload. */
static void
read_local_users(struct config_reading *r)
{
	const struct config *c = r->config;
	struct buf text;
	struct fault f;
	size_t i = 0;

	while (i < c->listener_count && c->listeners[i].service != SERVICE_LOCAL)
		i++;
	if (i == c->listener_count && c->trusted_users.count == 0)
		return;
	buf_init(&text, PASSWD_OCTETS_MAX);
	if (disk_read_file("/etc/passwd", PASSWD_OCTETS_MAX, &text, &f) != 0)
		(void)config_error_add(r->errors, i < c->listener_count ? &r->listener_at[i] : r->trusted_user_at, "listen local: the users of this machine can't be read: %s", f.text);
	else
		config_take_local_users(r, buf_bytes(&text));
	buf_done(&text);
}

void
config_read_files(struct config_reading *r)
{
	read_local_users(r);
	read_resolvers(r);
	read_certificates(r);
	read_dkim_keys(r);
	read_secrets(r);
	config_read_aliases(r);
}
