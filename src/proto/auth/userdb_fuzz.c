/* Random octets: the output is whole lines, a name that is asked for is neither empty nor too long. */
#include "proto/auth/userdb.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
answer(struct auth_userdb *u, const struct auth_userdb_effect *e)
{
	struct auth_userdb_user user = { e->name, 1, 2, BYTES_INIT("/home"), e->name };

	if (e->name.len == 0 || e->name.len > AUTH_USERDB_NAME_OCTETS_MAX)
		abort();
	if (e->name.ptr[0] & 1)
		auth_userdb_answer_absent(u);
	else if (e->name.ptr[0] & 2)
		auth_userdb_answer_later(u);
	else if (e->kind == AUTH_USERDB_USER)
		auth_userdb_answer_user(u, &user);
	else
		auth_userdb_answer_pass(u, e->name);
}

/* False: the connection ended. */
static bool
run(struct auth_userdb *u, struct bytes *in)
{
	struct auth_userdb_effect e;
	int listed = 0;

	for (;;) {
		switch (auth_userdb_step(u, in, &e)) {
		case AUTH_USERDB_OUTPUT:
			if (e.octets.len == 0 || e.octets.ptr[e.octets.len - 1] != '\n')
				abort();
			break;
		case AUTH_USERDB_USER:
		case AUTH_USERDB_PASS:
			answer(u, &e);
			break;
		case AUTH_USERDB_LIST:
			listed = e.is_first ? 0 : listed + 1;
			if (listed < 3)
				auth_userdb_add(u, BYTES("a@b"));
			else
				auth_userdb_end(u, true);
			break;
		case AUTH_USERDB_CLOSE:
			return false;
		case AUTH_USERDB_NEED_INPUT:
			if (in->len >= AUTH_LINE_OCTETS_MAX)
				abort();
			return true;
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct auth_userdb *u = auth_userdb_new(1);
	size_t piece = size ? 1 + data[0] % 64u : 1;
	struct bytes in = bytes_of(data, 0);
	bool is_open = true;

	for (size_t given = 0; given < size && is_open; given += piece) {
		piece = piece < size - given ? piece : size - given;
		in.len += piece;
		is_open = run(u, &in);
	}
	auth_userdb_free(&u);
	return 0;
}
