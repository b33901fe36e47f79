#include "role/store/recover_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

static void
open_engine(struct world *w)
{
	const struct engine_settings settings = {
		.state_directory = "/state",
		.mailboxes = "/mail",
		.hostname = BYTES("test"),
		.threads = 1,
		.mailboxes_max = 10,
		.journal_octets_max = 1 << 20,
		.requests_octets_max = UINT64_MAX,
	};

	assert_int_equal(engine_open(&settings, &w->engine, NULL), 0);
}

struct world *
make_world(uint64_t seed)
{
	struct world *w = NEW(struct world);

	w->disk = disk_fault_new(seed);
	assert_int_equal(disk->mkdirat(AT_FDCWD, "/state", 0700), 0);
	assert_int_equal(disk->mkdirat(AT_FDCWD, "/mail", 0700), 0);
	open_engine(w);
	return w;
}

void
start_world_again(struct world *w)
{
	if (!disk_fault_is_cut(w->disk))
		disk_fault_cut(w->disk, 1);
	engine_close(&w->engine);
	disk_fault_crash(w->disk);
	open_engine(w);
}

void
end_world(struct world *w)
{
	if (w->engine)
		engine_close(&w->engine);
	if (w->disk)
		disk_fault_free(&w->disk);
	memory_free(w);
}

int
set_up(void **state)
{
	*state = make_world(1);
	return 0;
}

int
tear_down(void **state)
{
	end_world(*state);
	return 0;
}

void
begin_records(struct records *x)
{
	x->account = "/mail/1";
	buf_init_fixed(&x->out, x->space, sizeof x->space);
}

void
put_mailbox(struct records *x, const char *name, uint8_t number)
{
	const uint8_t guid[RECORD_GUID_OCTETS] = { number };

	put_record(&x->out,
		&(struct record){ .kind = RECORD_MAILBOX,
			.path = bytes_text(x->account),
			.name = bytes_text(name),
			.guid = bytes_of(guid, sizeof guid),
			.uid_validity = 1 });
}

void
put_append(struct records *x, uint32_t uid, const char *base, struct bytes octets)
{
	put_record(&x->out,
		&(struct record){ .kind = RECORD_APPEND, .uid = uid, .base = bytes_text(base), .has_body = octets.len > 0,
			.body_octets = octets.len });
	put_bytes(&x->out, octets);
}

void
put_copy(struct records *x, uint32_t uid, const char *base)
{
	const uint8_t source[RECORD_GUID_OCTETS] = { 1 };

	put_record(&x->out,
		&(struct record){ .kind = RECORD_COPY, .uid = uid, .base = bytes_text(base), .source_guid = bytes_of(source, sizeof source),
			.source_base = BYTES("1.test") });
}

void
put_expunge(struct records *x, uint32_t uid)
{
	uint8_t pair[8];
	struct buf uids;

	buf_init_fixed(&uids, pair, sizeof pair);
	record_put_range(&uids, uid, uid);
	put_record(&x->out, &(struct record){ .kind = RECORD_EXPUNGE, .uids = buf_bytes(&uids) });
}

void
put_move(struct records *x)
{
	put_mailbox(x, "INBOX", 1);
	put_mailbox(x, "A", 2);
	put_copy(x, 1, "copy.test");
	put_mailbox(x, "INBOX", 1);
	put_expunge(x, 1);
}

void
put_delete(struct records *x, const char *name, uint8_t number)
{
	put_mailbox(x, name, number);
	put_record(&x->out, &(struct record){ .kind = RECORD_DELETE });
}

void
recover(struct world *w, const struct records *x)
{
	if (!w->recovery)
		w->recovery = recover_new(w->engine);
	assert_int_equal(recover_record(w->recovery, buf_bytes(&x->out), NULL), 0);
}

void
end_recovery(struct world *w)
{
	assert_int_equal(recover_settle(w->recovery, NULL), 0);
	recover_free(&w->recovery, NULL);
}

struct bytes
body(void)
{
	static uint8_t octets[OCTETS];

	memset(octets, 'x', sizeof octets);
	return bytes_of(octets, sizeof octets);
}

void
put_file(const char *path)
{
	int fd = disk->openat(AT_FDCWD, path, O_WRONLY | O_CREAT, 0600);

	assert_int_equal(disk_write_all(fd, body(), 0), 0);
	disk_close(&fd);
}

static bool
count_one(void *arg, const char *name, unsigned char type)
{
	(void)name;
	(void)type;
	++*(int *)arg;
	return true;
}

int
messages_of(const char *path)
{
	int directory = disk->openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0), count = 0;

	if (directory < 0)
		return 0;
	assert_int_equal(disk->list(directory, ".", count_one, &count), 0);
	disk_close(&directory);
	return count;
}

off_t
size_of(const char *path)
{
	struct stat st;

	return disk->fstatat(AT_FDCWD, path, &st, 0) == 0 ? st.st_size : -1;
}

void
make_two_disks(struct world *w)
{
	struct records x;

	assert_int_equal(disk_make_path("/mail/1/.A", 0700, NULL), 0);
	disk_fault_mount(w->disk, "/mail/1/.A", 2);
	begin_records(&x);
	put_mailbox(&x, "INBOX", 1);
	put_append(&x, 1, "1.test", body());
	recover(w, &x);
	end_recovery(w);
}

bool
recovers(struct world *w, const struct records *x)
{
	bool is_done;

	w->recovery = recover_new(w->engine);
	is_done = recover_record(w->recovery, buf_bytes(&x->out), NULL) == 0 && recover_settle(w->recovery, NULL) == 0;
	recover_free(&w->recovery, NULL);
	return is_done;
}

void
make_folder(struct world *w, uint8_t number)
{
	struct records x;

	begin_records(&x);
	put_mailbox(&x, "A", number);
	recover(w, &x);
	end_recovery(w);
}

static struct uidlist_head
head_of(const char *path)
{
	int fd = disk->openat(AT_FDCWD, path, O_RDONLY, 0);
	struct uidlist_head head = { 0 };
	uint8_t text[256];
	struct bytes in = bytes_of(text, (size_t)disk->pread(fd, text, sizeof text, 0));

	disk_close(&fd);
	assert_true(take_uidlist_head(&in, &head));
	return head;
}

uint32_t
uid_validity_of(const char *path)
{
	return head_of(path).uid_validity;
}

uint32_t
uid_next_of(const char *path)
{
	return head_of(path).uid_next;
}
