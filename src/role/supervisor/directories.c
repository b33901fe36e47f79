#include "role/supervisor/supervisor_internal.h"

#include "role/roles.h"
#include "sys/disk.h"
#include "sys/process.h"

#include <errno.h>
#include <stdio.h>

/* Makes the directory with what is missing.  That it may be written to as far as mounts go is found out now, not by the first mail. */
static int
make_writable(const char *path, mode_t mode, struct fault *f)
{
	bool is_made = disk_make_path(path, mode, f) == 0;
	int fd = is_made ? disk->openat(AT_FDCWD, path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;
	bool is_read_only = fd < 0 && errno == EROFS;

	disk_close(&fd);
	if (is_read_only)
		return fault_set(f, FAULT_DENIED, "%s is mounted read-only: name it in ReadWritePaths= of mermoz.service (systemctl edit mermoz), or mount it rw",
			path);
	return is_made ? 0 : -1;
}

/* A directory of the role's own is its alone; one that others may have made is left as it is. */
static int
make_place(const struct config *c, enum role role, enum roles_place place, struct fault *f)
{
	char path[ROLES_PATH_MAX], user[65];
	struct bytes name = roles_user(c, role);
	struct stat st;

	if (roles_path(c, role, place, path) == -1)
		return 0;
	bool is_new = disk->fstatat(AT_FDCWD, path, &st, 0) == -1;
	if (make_writable(path, place == PLACE_STATE ? 0700 : 0711, f) == -1)
		return -1;
	if (!process_is_root() || !(is_new || place == PLACE_STATE))
		return 0;
	(void)snprintf(user, sizeof user, "%.*s", BYTES_ARG(name));
	return process_give(path, user, f);
}

static int
make_path(struct bytes path, struct fault *f)
{
	char text[ROLES_PATH_MAX];
	int len = snprintf(text, sizeof text, "%.*s", BYTES_ARG(path));

	if (len <= 0 || len >= ROLES_PATH_MAX)
		return fault_set(f, FAULT_LIMIT, "the path of a directory is empty or too long");
	return make_writable(text, 0755, f);
}

int
directories_make(const struct config *c, struct fault *f)
{
	if (make_path(c->run_directory, f) == -1 || make_path(c->state_directory, f) == -1)
		return -1;
	for (enum role role = 0; role < ROLE_COUNT; role++) {
		const struct roles_row *row = roles_row(role);

		for (size_t i = 0; row && i < ROLES_PLACES_MAX && row->places[i]; i++)
			if (make_place(c, role, row->places[i], f) == -1)
				return -1;
	}
	return 0;
}

int
directories_lock(const struct config *c, struct fault *f)
{
	char path[ROLES_PATH_MAX];
	uint8_t memory[32];
	struct buf holder;
	uint64_t pid = 0;

	(void)snprintf(path, sizeof path, "%.*s/mermoz.pid", BYTES_ARG(c->run_directory));
	int fd = process_lock(path, f);
	if (fd != -1 || f->kind != FAULT_DENIED)
		return fd;
	buf_init_fixed(&holder, memory, sizeof memory);
	if (disk_read_file(path, 20, &holder, NULL) == 0) {
		struct bytes text = buf_bytes(&holder);
		(void)take_number(&text, INT32_MAX, &pid);
	}
	return fault_set(f, FAULT_DENIED, "another mermoz (process %llu) serves in %.*s already",
		(unsigned long long)pid, BYTES_ARG(c->run_directory));
}
