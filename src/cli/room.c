#include "cli/room.h"

#include "journal/journal.h"
#include "role/roles.h"
#include "sys/disk.h"

#include <errno.h>
#include <stdio.h>
#include <sys/param.h>

enum { BLOCK_OCTETS = 512 /* of st_blocks */ };

struct taken {
	int directory;
	uint64_t octets;
};

static bool
add_file(void *arg, const char *name, unsigned char type)
{
	struct taken *t = arg;
	struct stat st;

	(void)type;
	if (disk->fstatat(t->directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		t->octets += (uint64_t)st.st_blocks * BLOCK_OCTETS;
	return true;
}

/* Octets that the role's journal will take beside those that it has.  False: that can't be seen. */
static bool
journal_lacks(const struct config *c, enum role role, uint64_t segment_octets, uint64_t *lacking)
{
	uint64_t wanted = journal_files_octets(c->journal_octets_max, segment_octets);
	char state[ROLES_PATH_MAX], path[ROLES_PATH_MAX + 16];
	struct taken t = { 0 };
	bool is_seen;

	if (roles_path(c, role, PLACE_STATE, state) != 0)
		return false;
	(void)snprintf(path, sizeof path, "%s/journal", state);
	t.directory = disk->openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	is_seen = t.directory >= 0 ? disk->list(t.directory, ".", add_file, &t) == 0 : errno == ENOENT;
	disk_close(&t.directory);
	*lacking += wanted > t.octets ? wanted - t.octets : 0;
	return is_seen;
}

/* Of the file system where the directory is, or will be. */
static bool
find_free(struct bytes directory, uint64_t *octets)
{
	char path[ROLES_PATH_MAX];
	bool is_found;
	int fd = -1;

	while (fd < 0 && directory.len > 0 && directory.len < sizeof path) {
		(void)snprintf(path, sizeof path, "%.*s", BYTES_ARG(directory));
		fd = disk->openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
		directory = directory.len > 1 ? bytes_sub(directory, 0, MAX(bytes_find_last_char(directory, '/'), 1)) : BYTES_NONE;
	}
	is_found = fd >= 0 && disk->free_space(fd, octets) == 0;
	disk_close(&fd);
	return is_found;
}

static unsigned int
mebi(uint64_t octets)
{
	return (unsigned int)((octets + (1 << 20) - 1) >> 20);
}

int
room_check(const struct config *c, struct fault *f)
{
	uint64_t lacking = 0, beside = ROLES_RESERVE_OCTETS + c->message_octets_max, free;

	if (!journal_lacks(c, ROLE_STORE, ROLES_STORE_SEGMENT_OCTETS, &lacking) || !journal_lacks(c, ROLE_QUEUE, ROLES_QUEUE_SEGMENT_OCTETS, &lacking) ||
		!find_free(c->state_directory, &free) || free >= lacking + beside)
		return 0;
	return fault_set(f, FAULT_TEMP, "its file system has %u MiB free, and %u are needed: %u that the journals take at the start (`journal` of `limits`), and %u "
		"without which mail is put off", mebi(free), mebi(lacking + beside), mebi(lacking), mebi(beside));
}
