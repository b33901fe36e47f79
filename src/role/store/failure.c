#include "role/store/failure.h"

#include "base/event.h"
#include "sys/time.h"

#include <errno.h>
#include <string.h>

enum ipc_outcome
failure_report(const char *what, const char *where, int error)
{
	char text[128];
	bool is_full = error == ENOSPC || error == EDQUOT;

	event(NULL, is_full ? EV_DISK_FULL : EV_STORE_FAILED, STR("what", what), STR("where", where),
		STR("why", strerror_r(error, text, sizeof text)));
	return is_full ? IPC_NO_SPACE : IPC_LATER;
}

enum ipc_outcome
failure_report_fault(const char *where, const struct fault *f)
{
	event(NULL, f->kind == FAULT_DENIED ? EV_MAILBOX_REFUSED : EV_STORE_FAILED, STR("where", where), STR("why", f->text));
	return IPC_LATER;
}

enum ipc_outcome
failure_of(const struct fault *f, const char *what, const char *where, int error)
{
	return f->kind == FAULT_DENIED ? failure_report_fault(where, f) : failure_report(what, where, error);
}

bool
failure_is_refusal(int error)
{
	return error == EACCES || error == EPERM || error == ELOOP || error == EINVAL || error == ENXIO || error == EISDIR;
}

bool
failure_is_passing(int error)
{
	return error == EIO || error == ENOSPC || error == EDQUOT || error == ENOMEM || error == EROFS;
}

static bool
look(struct engine *e, int fd, uint64_t octets)
{
	uint64_t space;

	return disk->free_space(fd, &space) != 0 || space >= e->reserve_octets + octets;
}

bool
space_is_left(struct engine *e, int fd, uint64_t octets)
{
	int64_t now = time_now().mono_us / 1000000;
	bool is_full;

	if (octets > ENGINE_BODY_JOURNALED_MAX)
		return look(e, fd, octets);
	if (atomic_exchange(&e->space_checked_s, now) != now) {
		is_full = !look(e, fd, octets);
		if (is_full && !atomic_load(&e->is_full))
			event(NULL, EV_DISK_FULL, STR("what", "reserve reached"));
		atomic_store(&e->is_full, is_full);
	}
	return !atomic_load(&e->is_full);
}
