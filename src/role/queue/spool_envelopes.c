/* Reading `envelopes` at the start (Q4).  An entry stands where its length and its CRC-32C hold and its record decodes; where none does there
   is a gap, and what follows begins at the next place within GAP_MAX where one stands.  Each entry's head has a zero octet (of its length),
   which no text of an envelope has. */
#include "role/queue/spool_internal.h"

#include "base/event.h"
#include "journal/crc.h"
#include "sys/disk.h"

#include <errno.h>

enum { PIECE = 4 << 20, GAP_MAX = 1 << 20 };
#define ENTRY_OCTETS_MAX (SPOOL_ENTRY_HEAD + SPOOL_ENTRY_MAX)

/* A part of the file; what is behind `used` was not looked at yet. */
struct reader {
	struct spool *spool;
	struct buf window;
	size_t used;
	uint64_t at; /* of the window's end in the file */
	bool is_at_end;
	uint64_t gaps;
};

/* The next `most` octets are in the window, or all that there are.  -1 and errno. */
static int
fill(struct reader *r, size_t most)
{
	if (r->is_at_end || r->window.len - r->used >= most)
		return 0;
	buf_drop(&r->window, r->used);
	r->used = 0;
	while (!r->is_at_end && r->window.len < most) {
		ssize_t got = disk->pread(r->spool->envelopes, buf_room(&r->window, PIECE), PIECE, (off_t)r->at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		buf_added(&r->window, (size_t)got);
		r->at += (uint64_t)got;
		r->is_at_end = got == 0;
	}
	return 0;
}

/* Notes the entry at the front of `in`: its octets, or 0 when none stands there. */
static size_t
note_entry(struct spool *s, struct bytes in)
{
	struct spool_record r;
	struct bytes record;
	uint32_t len, crc;

	if (!take_u32(&in, &len) || !take_u32(&in, &crc) || len > SPOOL_ENTRY_MAX || !take_octets(&in, len, &record)
		|| !spool_take_record(record, &r) || crc32c(0, record) != crc || !spool_note(s, &r))
		return 0;
	return SPOOL_ENTRY_HEAD + len;
}

static size_t
note_next(struct reader *r)
{
	struct bytes rest = buf_bytes(&r->window);
	size_t len = note_entry(r->spool, bytes_sub(rest, r->used, rest.len));

	r->used += len;
	return len;
}

/* Behind what is damaged; false: nothing stands there any more. */
static bool
pass_gap(struct reader *r)
{
	struct bytes rest = bytes_sub(buf_bytes(&r->window), r->used, r->window.len);

	for (size_t skip = 1; skip < rest.len && skip <= GAP_MAX; skip++) {
		size_t len = note_entry(r->spool, bytes_sub(rest, skip, rest.len));

		if (len) {
			r->used += skip + len;
			return true;
		}
	}
	return false;
}

static int
read_all(struct reader *r)
{
	bool goes_on = true;

	while (goes_on) {
		if (fill(r, ENTRY_OCTETS_MAX) != 0)
			return -1;
		if (r->used == r->window.len)
			return 0;
		if (note_next(r))
			continue;
		r->gaps++;
		if (fill(r, GAP_MAX + ENTRY_OCTETS_MAX) != 0)
			return -1;
		goes_on = pass_gap(r);
	}
	return 0;
}

/* Q6: until the sweep is over every start knows that bodies may have lost their envelopes. */
static int
mark(const struct spool *s, struct fault *f)
{
	int fd = disk->openat(s->directory, SPOOL_MARK, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || disk->fsync(s->directory) != 0) {
		disk_close(&fd);
		return fault_errno(f, errno, "mark the queue as damaged");
	}
	disk_close(&fd);
	return 0;
}

/* Which file has the name is open question when the sync of the directory failed.  -1 and errno. */
static int
open_anew(struct spool *s)
{
	int fd = disk->openat(s->directory, "envelopes", O_RDWR | O_CLOEXEC, 0), error;
	struct stat st;

	if (fd < 0)
		return -1;
	if (disk->fstat(fd, &st) != 0) {
		error = errno;
		disk_close(&fd);
		errno = error;
		return -1;
	}
	disk_close(&s->envelopes);
	s->envelopes = fd;
	s->envelopes_octets = (uint64_t)st.st_size;
	return 0;
}

int
spool_replace_envelopes(struct spool *s, struct bytes octets)
{
	struct fault f;

	if (disk_replace_file(s->directory, "envelopes", octets, 0600, &f) != 0)
		event(NULL, EV_QUEUE_FAILED, STR("what", "rewrite envelopes"), STR("why", f.text));
	return open_anew(s);
}

static int
replace(struct spool *s, struct fault *f)
{
	struct buf all;
	int result;

	buf_init(&all, SIZE_MAX);
	spool_put_found(s, &all);
	result = spool_replace_envelopes(s, buf_bytes(&all));
	buf_done(&all);
	return result == 0 ? 0 : fault_errno(f, errno, "open envelopes");
}

/* What comes behind a gap at the end would not be found. */
static int
repair(struct spool *s, const struct reader *r, struct fault *f)
{
	s->envelopes_octets -= r->window.len - r->used;
	event(NULL, EV_QUEUE_GAP, INT("gaps", r->gaps), INT("messages", map_count(s->found)));
	if (mark(s, f) != 0)
		return -1;
	if (disk->ftruncate(s->envelopes, (off_t)s->envelopes_octets) != 0)
		return fault_errno(f, errno, "cut envelopes");
	return replace(s, f);
}

int
spool_read_envelopes(struct spool *s, struct fault *f)
{
	struct reader r = { .spool = s };
	int result;

	s->envelopes = disk->openat(s->directory, "envelopes", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->envelopes < 0)
		return fault_errno(f, errno, "open envelopes");
	buf_init(&r.window, SIZE_MAX);
	result = read_all(&r);
	s->envelopes_octets = r.at;
	if (result != 0)
		fault_errno(f, errno, "read envelopes");
	else if (r.gaps)
		result = repair(s, &r, f);
	buf_done(&r.window);
	return result;
}
