#include "role/directory/ldap_watch.h"

#include "sys/net.h"

void
ldap_watch_init(struct ldap_watch *w)
{
	*w = (struct ldap_watch){ .fd = -1 };
	pthread_mutex_init(&w->mutex, NULL);
}

void
ldap_watch_done(struct ldap_watch *w)
{
	ldap_watch_disconnected(w);
	pthread_mutex_destroy(&w->mutex);
}

static void
cut(struct ldap_watch *w)
{
	w->has_passed = true;
	net_cut(w->fd);
}

void
ldap_watch_begin(struct ldap_watch *w, int64_t deadline_us)
{
	pthread_mutex_lock(&w->mutex);
	w->deadline_us = deadline_us;
	w->has_passed = w->is_cancelled;
	pthread_mutex_unlock(&w->mutex);
}

bool
ldap_watch_end(struct ldap_watch *w)
{
	pthread_mutex_lock(&w->mutex);
	bool has_passed = w->has_passed;
	w->deadline_us = 0;
	pthread_mutex_unlock(&w->mutex);
	return has_passed;
}

bool
ldap_watch_has_passed(struct ldap_watch *w)
{
	pthread_mutex_lock(&w->mutex);
	bool has_passed = w->has_passed;
	pthread_mutex_unlock(&w->mutex);
	return has_passed;
}

bool
ldap_watch_connected(struct ldap_watch *w, int fd)
{
	ldap_watch_disconnected(w);
	pthread_mutex_lock(&w->mutex);
	w->fd = net_share(fd);
	bool is_in_time = w->fd != -1 && !w->has_passed;
	pthread_mutex_unlock(&w->mutex);
	return is_in_time;
}

void
ldap_watch_disconnected(struct ldap_watch *w)
{
	pthread_mutex_lock(&w->mutex);
	net_close(w->fd);
	w->fd = -1;
	pthread_mutex_unlock(&w->mutex);
}

int
ldap_watch_share(struct ldap_watch *w)
{
	pthread_mutex_lock(&w->mutex);
	int fd = w->fd == -1 ? -1 : net_share(w->fd);
	pthread_mutex_unlock(&w->mutex);
	return fd;
}

int64_t
ldap_watch_look(struct ldap_watch *w, int64_t now_us)
{
	int64_t left_us = 0;

	pthread_mutex_lock(&w->mutex);
	if (w->deadline_us && !w->has_passed) {
		left_us = w->deadline_us > now_us ? w->deadline_us - now_us : 0;
		if (left_us == 0)
			cut(w);
	}
	pthread_mutex_unlock(&w->mutex);
	return left_us;
}

void
ldap_watch_cancel(struct ldap_watch *w)
{
	pthread_mutex_lock(&w->mutex);
	w->is_cancelled = true;
	cut(w);
	pthread_mutex_unlock(&w->mutex);
}
