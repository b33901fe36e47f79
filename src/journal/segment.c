/* The files of the log.  They are made once, filled with zeros and synced, so that a later commit
   changes nothing but data: no block is taken, no length changes, and a full disk shows here and not
   when mail was already taken (J8). */
#include "journal/journal_internal.h"

#include "base/memory.h"
#include "sys/disk.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

enum { NAME_MAX_OCTETS = 64, ZERO_OCTETS = 256 * 1024 };

static void
put_name(char out[NAME_MAX_OCTETS], uint32_t number, const char *suffix)
{
	(void)snprintf(out, NAME_MAX_OCTETS, "segment-%u%s", number, suffix);
}

struct names {
	uint32_t found[SLOTS_MAX];
	uint32_t unfinished[SLOTS_MAX];
	size_t found_count, unfinished_count;
	bool is_too_many;
};

static bool
add_name(void *arg, const char *name, unsigned char type)
{
	struct names *names = arg;
	struct bytes in = bytes_text(name);
	uint64_t number;

	(void)type;
	if (!take_text(&in, BYTES("segment-")) || !take_number(&in, UINT32_MAX - 1, &number))
		return true;
	if (names->found_count == SLOTS_MAX || names->unfinished_count == SLOTS_MAX) {
		names->is_too_many = true;
		return false;
	}
	if (in.len == 0)
		names->found[names->found_count++] = (uint32_t)number;
	else if (bytes_equal(in, BYTES(".new")))
		names->unfinished[names->unfinished_count++] = (uint32_t)number;
	return true;
}

/* HEAD_EMPTY is a free slot, HEAD_DAMAGED one that is to be set aside (sequence 0). */
static int
accept_head(struct slot *slot, const char *name, enum head_state state, struct fault *f)
{
	switch (state) {
	case HEAD_EMPTY:
		slot->state = SLOT_FREE;
		return 0;
	case HEAD_GOOD:
		slot->state = SLOT_LIVE;
		return 0;
	case HEAD_DAMAGED:
		slot->state = SLOT_LIVE;
		slot->is_damaged = true;
		slot->head = (struct segment_head){ 0 };
		return 0;
	case HEAD_OTHER_VERSION:
		return fault_set(f, FAULT_PERM, "journal file %s was written by another version", name);
	case HEAD_FOREIGN:
		break;
	}
	return fault_set(f, FAULT_PERM, "%s in the journal's directory is not a journal file", name);
}

static int
load_slot(struct slots *s, uint32_t number, struct fault *f)
{
	struct slot *slot = &s->at[s->count];
	uint8_t page[FORMAT_PAGE];
	char name[NAME_MAX_OCTETS];
	struct stat st;

	*slot = (struct slot){ .number = number };
	put_name(name, number, "");
	slot->fd = disk->openat(s->directory, name, O_RDWR | O_CLOEXEC, 0);
	if (slot->fd < 0)
		return fault_errno(f, errno, "open journal file %s", name);
	s->count++;
	if (number >= s->next_number)
		s->next_number = number + 1;
	if (disk->fstat(slot->fd, &st) < 0)
		return fault_errno(f, errno, "stat journal file %s", name);
	if (st.st_size < FORMAT_PAGE || (uint64_t)st.st_size > FORMAT_SEGMENT_MAX)
		return accept_head(slot, name, HEAD_FOREIGN, f);
	slot->octets = (uint64_t)st.st_size;
	if (disk_read_all(slot->fd, page, sizeof page, 0) < 0)
		return fault_errno(f, errno, "read journal file %s", name);
	return accept_head(slot, name, format_read_head(bytes_of(page, sizeof page), &slot->head), f);
}

static int
check_twins(const struct slots *s, struct fault *f)
{
	for (size_t i = 0; i < s->count; i++)
		for (size_t k = 0; k < i; k++)
			if (s->at[i].state == SLOT_LIVE && s->at[k].state == SLOT_LIVE &&
				s->at[i].head.sequence && s->at[i].head.sequence == s->at[k].head.sequence)
				return fault_set(f, FAULT_PERM, "segment-%u and segment-%u of the journal are the same",
					s->at[k].number, s->at[i].number);
	return 0;
}

int
slots_load(struct slots *s, struct fault *f)
{
	struct names *names = NEW(struct names);
	int result = -1;

	if (disk->list(s->directory, ".", add_name, names) < 0) {
		fault_errno(f, errno, "list the journal's directory");
		goto out;
	}
	if (names->is_too_many) {
		fault_set(f, FAULT_PERM, "more than %d journal files", SLOTS_MAX);
		goto out;
	}
	for (size_t i = 0; i < names->found_count; i++)
		if (load_slot(s, names->found[i], f) < 0)
			goto out;
	result = check_twins(s, f);
	for (size_t i = 0; result == 0 && i < names->unfinished_count; i++) {
		char name[NAME_MAX_OCTETS];

		put_name(name, names->unfinished[i], ".new");
		(void)disk->unlinkat(s->directory, name, 0);
	}
out:
	memory_free(names);
	return result;
}

void
slots_close(struct slots *s)
{
	for (size_t i = 0; i < s->count; i++)
		disk_close(&s->at[i].fd);
	s->count = 0;
}

static int
fill_with_zeros(int fd, uint64_t octets)
{
	uint8_t *zeros = memory_new(ZERO_OCTETS);
	int result = disk->fallocate(fd, 0, 0, (off_t)octets);

	if (result < 0 && (errno == EOPNOTSUPP || errno == ENOSYS))
		result = 0;
	for (uint64_t at = 0; result == 0 && at < octets; at += ZERO_OCTETS) {
		size_t count = octets - at < ZERO_OCTETS ? (size_t)(octets - at) : ZERO_OCTETS;

		result = disk_write_all(fd, bytes_of(zeros, count), (off_t)at);
	}
	if (result == 0)
		result = disk->fsync(fd);
	memory_free(zeros);
	return result;
}

int
slot_prepare(int directory, uint32_t number, uint64_t octets, struct fault *f)
{
	char name[NAME_MAX_OCTETS], new_name[NAME_MAX_OCTETS];
	int fd, result, error;

	put_name(name, number, "");
	put_name(new_name, number, ".new");
	fd = disk->openat(directory, new_name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return fault_errno(f, errno, "make journal file %s", new_name);
	result = fill_with_zeros(fd, octets);
	if (result == 0)
		result = disk->renameat(directory, new_name, directory, name, 0);
	if (result == 0)
		result = disk->fsync(directory);
	if (result == 0)
		return fd;
	error = errno;
	disk_close(&fd);
	(void)disk->unlinkat(directory, new_name, 0);
	(void)disk->unlinkat(directory, name, 0);
	return fault_errno(f, error, "make journal file %s", name);
}

static struct slot *
find_place(struct slots *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->at[i].state == SLOT_NONE)
			return &s->at[i];
	return s->count < SLOTS_MAX ? &s->at[s->count] : NULL;
}

bool
slots_has_room(const struct slots *s)
{
	return s->count < SLOTS_MAX || slots_count(s, SLOT_NONE) > 0;
}

void
slots_adopt(struct slots *s, uint32_t number, int fd)
{
	struct slot *slot = find_place(s);

	assert(slot);
	if (slot == &s->at[s->count])
		s->count++;
	*slot = (struct slot){ .number = number, .fd = fd, .state = SLOT_FREE, .octets = s->segment_octets };
}

static void
forget(struct slots *s, size_t i)
{
	disk_close(&s->at[i].fd);
	s->at[i] = (struct slot){ .fd = -1 };
}

void
slots_remove(struct slots *s, size_t i)
{
	char name[NAME_MAX_OCTETS];

	put_name(name, s->at[i].number, "");
	(void)disk->unlinkat(s->directory, name, 0);
	forget(s, i);
}

int
slots_set_aside(struct slots *s, size_t i, struct fault *f)
{
	char name[NAME_MAX_OCTETS], aside[NAME_MAX_OCTETS];

	put_name(name, s->at[i].number, "");
	if (s->at[i].head.sequence)
		(void)snprintf(aside, sizeof aside, "damaged-%llu", (unsigned long long)s->at[i].head.sequence);
	else
		(void)snprintf(aside, sizeof aside, "damaged-file-%u", s->at[i].number);
	if (disk->renameat(s->directory, name, s->directory, aside, 0) < 0 || disk->fsync(s->directory) < 0)
		return fault_errno(f, errno, "keep damaged journal file %s", name);
	forget(s, i);
	return 0;
}

struct slot *
slots_find(struct slots *s, uint64_t sequence)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->at[i].state == SLOT_LIVE && s->at[i].head.sequence == sequence)
			return &s->at[i];
	return NULL;
}

struct slot *
slots_find_free(struct slots *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->at[i].state == SLOT_FREE)
			return &s->at[i];
	return NULL;
}

size_t
slots_count(const struct slots *s, enum slot_state state)
{
	size_t count = 0;

	for (size_t i = 0; i < s->count; i++)
		count += s->at[i].state == state;
	return count;
}

int
slot_read(const struct slot *slot, struct buf *out, struct fault *f)
{
	uint8_t *to;

	buf_init(out, slot->octets);
	to = buf_room(out, slot->octets);
	if (!to || disk_read_all(slot->fd, to, slot->octets, 0) < 0)
		return fault_errno(f, errno, "read journal file segment-%u", slot->number);
	buf_added(out, slot->octets);
	return 0;
}

int
slot_begin(struct slot *slot, const struct segment_head *head, struct fault *f)
{
	uint8_t page[FORMAT_PAGE];

	format_put_head(page, head);
	if (disk_write_all(slot->fd, bytes_of(page, sizeof page), 0) < 0 || disk->fdatasync(slot->fd) < 0)
		return fault_errno(f, errno, "begin journal file segment-%u", slot->number);
	slot->head = *head;
	slot->state = SLOT_LIVE;
	slot->is_begun = true;
	slot->used = 0;
	return 0;
}
