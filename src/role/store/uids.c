#include "role/store/uids.h"

#include "role/store/failure.h"
#include "role/store/files.h"
#include "sys/random.h"
#include "sys/time.h"

#include <errno.h>
#include <string.h>

enum { HEAD_MAX = 256, RESERVE_OCTETS = 8192, LINE_OCTETS = MAILDIR_NAME_MAX + 32 };

static uint32_t
new_uid_validity(struct engine_account *a)
{
	uint32_t now = (uint32_t)(time_now().wall_us / 1000000);

	if (now <= a->last_uid_validity)
		now = a->last_uid_validity + 1;
	return a->last_uid_validity = now;
}

/* Durable at once: folders that had one name after the other are told apart at recovery by what stands here. */
static int
create(struct mailbox *m)
{
	struct uidlist_head head = { .uid_next = 1, .version = 3, .has_guid = true };
	uint8_t space[HEAD_MAX];
	struct buf text;
	int error;

	m->uidlist = files_open_known(m->directory, UIDS_FILE, O_RDWR | O_CREAT | O_EXCL, &m->uidlist_is);
	if (m->uidlist < 0)
		return -1;
	head.uid_validity = m->uid_validity = new_uid_validity(m->account);
	random_fill(m->guid, sizeof m->guid);
	memcpy(head.guid, m->guid, sizeof head.guid);
	buf_init_fixed(&text, space, sizeof space);
	put_uidlist_head(&text, &head);
	m->uidlist_octets = text.len;
	m->is_logged = false;
	if (disk_write_all(m->uidlist, buf_bytes(&text), 0) == 0 && disk->fdatasync(m->uidlist) == 0 && disk->fsync(m->directory) == 0)
		return 0;
	error = errno;
	(void)disk->unlinkat(m->directory, UIDS_FILE, 0);
	errno = error;
	return -1;
}

/* The head of an existing file; false when there is none that can be understood. */
static bool
read_head(const struct mailbox *m, struct uidlist_head *head)
{
	uint8_t space[HEAD_MAX];
	ssize_t got = disk->pread(m->uidlist, space, sizeof space, 0);
	struct bytes text = bytes_of(space, got > 0 ? (size_t)got : 0);

	return take_uidlist_head(&text, head);
}

/* A list of the old form, without a guid, or not understood at all: written anew. */
static int
renew(struct mailbox *m, const struct uidlist_head *old)
{
	struct buf text, lines;
	struct uidlist_head head;
	struct uidlist_line line;
	struct bytes in = BYTES_NONE;
	uint32_t last = 0;
	size_t damaged = 0;
	int result;

	m->uid_validity = old ? old->uid_validity : new_uid_validity(m->account);
	m->uid_next = old ? old->uid_next : 1;
	random_fill(m->guid, sizeof m->guid);
	buf_init(&text, UIDLIST_OCTETS_MAX);
	buf_init(&lines, UIDLIST_OCTETS_MAX);
	if (old && uids_read(m, &text, &head, &in) != 0)
		in = BYTES_NONE;
	while (old && take_uidlist_line(&in, old->version, &last, &line, &damaged))
		put_uidlist_line(&lines, &line);
	if (last >= m->uid_next)
		m->uid_next = last + 1;
	result = uids_replace(m, buf_bytes(&lines));
	buf_done(&text);
	buf_done(&lines);
	return result;
}

int
uids_open(struct mailbox *m)
{
	struct uidlist_head head;
	bool is_known;

	m->uidlist = files_open_known(m->directory, UIDS_FILE, O_RDWR, &m->uidlist_is);
	if (m->uidlist < 0)
		return errno == ENOENT ? create(m) : -1;
	is_known = read_head(m, &head);
	m->is_logged = true;
	if (!is_known || !head.has_guid)
		return renew(m, is_known ? &head : NULL);
	m->uid_validity = head.uid_validity;
	memcpy(m->guid, head.guid, sizeof m->guid);
	return 0;
}

bool
uids_are_sound(const struct mailbox *m)
{
	struct stat st;

	return files_in_place(m->directory, UIDS_FILE, &m->uidlist_is, &st) && (uint64_t)st.st_size == m->uidlist_octets;
}

int
uids_read(const struct mailbox *m, struct buf *text, struct uidlist_head *head, struct bytes *lines)
{
	struct stat st;
	uint8_t *to;

	if (disk->fstat(m->uidlist, &st) != 0)
		return -1;
	to = buf_room(text, (size_t)st.st_size + 1);
	if (!to) {
		errno = EFBIG;
		return -1;
	}
	if (disk_read_all(m->uidlist, to, (size_t)st.st_size, 0) != 0)
		return -1;
	buf_added(text, (size_t)st.st_size);
	*lines = buf_bytes(text);
	if (take_uidlist_head(lines, head))
		return 0;
	errno = EINVAL;
	return -1;
}

int
uids_reserve(struct mailbox *m, uint32_t count)
{
	uint64_t needed = m->uidlist_octets + (uint64_t)(m->appending + count) * LINE_OCTETS;

	if (count >= UINT32_MAX - m->uid_next) {
		errno = EOVERFLOW;
		return -1;
	}
	if (needed <= m->uidlist_reserved)
		return 0;
	if (disk->fallocate(m->uidlist, FALLOC_FL_KEEP_SIZE, 0, (off_t)(needed + RESERVE_OCTETS)) != 0
		&& errno != EOPNOTSUPP)
		return -1;
	m->uidlist_reserved = needed + RESERVE_OCTETS;
	return 0;
}

int
uids_append(struct mailbox *m, uint32_t uid, struct bytes base, uint64_t *name_at)
{
	uint8_t space[LINE_OCTETS];
	struct buf line;

	buf_init_fixed(&line, space, sizeof space);
	put_uidlist_line(&line, &(struct uidlist_line){ .uid = uid, .name = base });
	if (disk_write_all(m->uidlist, buf_bytes(&line), (off_t)m->uidlist_octets) != 0)
		return -1;
	m->uidlist_octets += line.len;
	*name_at = m->uidlist_octets - 1 - base.len;
	return 0;
}

bool
uids_name(const struct mailbox *m, const struct view_record *r, struct buf *out)
{
	struct maildir_name name;
	uint8_t *to;

	if (r->name_len == 0 || r->name_len > MAILDIR_NAME_MAX)
		return false;
	to = buf_room(out, r->name_len);
	if (!to || disk_read_all(m->uidlist, to, r->name_len, (off_t)r->name_at) != 0)
		return false;
	/* The list is others' to write, too: what it says now need not be what was checked when it was read. */
	if (!maildir_parse_name(bytes_of(to, r->name_len), false, &name) || name.base.len != r->name_len)
		return false;
	buf_added(out, r->name_len);
	return true;
}

int
uids_replace(struct mailbox *m, struct bytes lines)
{
	struct uidlist_head head = { .uid_validity = m->uid_validity, .uid_next = m->uid_next, .version = 3 };
	struct buf text;
	struct fault f;
	int result;

	memcpy(head.guid, m->guid, sizeof head.guid);
	buf_init(&text, UIDLIST_OCTETS_MAX);
	put_uidlist_head(&text, &head);
	put_bytes(&text, lines);
	result = disk_replace_file(m->directory, UIDS_FILE, buf_bytes(&text), 0600, &f);
	if (result == 0) {
		disk_close(&m->uidlist);
		m->uidlist = files_open_known(m->directory, UIDS_FILE, O_RDWR, &m->uidlist_is);
		m->uidlist_octets = m->uidlist_reserved = text.len;
		result = m->uidlist < 0 ? -1 : 0;
	} else {
		(void)failure_report_fault(m->account->path, &f);
		errno = EIO;
	}
	buf_done(&text);
	return result;
}
