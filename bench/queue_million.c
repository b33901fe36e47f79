/* What a long queue costs: its start, and its memory.

   queue_million DIRECTORY COUNT
       Makes a spool with COUNT mails of a recipient each there, as an orderly stop leaves it (their bodies are links to a few files), and
       starts on it as the role does.  Prints {"start_s":…, "start_cpu_s":…, "octets_per_mail":…, "destinations":…}.
   queue_million fill DIRECTORY COUNT [living]
       Makes a spool like that, all of which is due; living: without what goes to destinations with an odd number. */
#include "base/event.h"
#include "base/map.h"
#include "base/memory.h"
#include "role/queue/schedule.h"
#include "role/queue/spool.h"
#include "role/queue/spool_record.h"
#include "sys/disk.h"
#include "sys/process.h"
#include "sys/time.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DESTINATIONS = 5000, SENDERS = 1000, LINKS_MAX = 30000 };

struct queue {
	struct schedule *schedule;
	LIST_HEAD(, queued) messages;
};

static void
check(bool is_good, const char *what)
{
	if (is_good)
		return;
	perror(what);
	exit(1);
}

static struct mail_id
id_of(unsigned int i)
{
	uint8_t random[10] = { 0 };

	for (size_t at = 0; at < 8; at++)
		random[at] = (uint8_t)((i * UINT64_C(0x9E3779B97F4A7C15)) >> (8 * at));
	return mail_id_make(1700000000000000 + (int64_t)i * 1000, random);
}

static unsigned int
destination_of(unsigned int i)
{
	return i * 7919U % DESTINATIONS;
}

/* One that waits; half of them were tried, and heard the same.  Or one that is due. */
static struct queued *
message(unsigned int i, bool is_due)
{
	char sender[64], address[64];
	uint8_t space[128];
	struct buf recipients;
	struct envelope e = { .id = id_of(i), .size = 4096, .arrived_s = (uint32_t)(time_wall_us() / 1000000) };
	struct queued *m;

	(void)snprintf(sender, sizeof sender, "user%03u@amerique.iut", i % SENDERS);
	(void)snprintf(address, sizeof address, "person%u@d%u.example", i, destination_of(i));
	buf_init_fixed(&recipients, space, sizeof space);
	put_u16(&recipients, (uint16_t)strlen(address));
	put_text(&recipients, address);
	put_u16(&recipients, 0);
	e.sender = bytes_text(sender);
	e.recipients = buf_bytes(&recipients);
	m = queued_new(&e);
	check(m != NULL, "make a message");
	if (is_due)
		return m;
	m->at[0].next_s = UINT32_MAX - i;
	if (i % 2) {
		m->at[0].attempts = 1;
		delivery_set_reply(&m->at[0], BYTES("451 4.4.1 connection to mx.example (192.0.2.1): Connection timed out"), BYTES_NONE);
	}
	return m;
}

/* Each LINKS_MAX bodies are one file. */
static void
put_body(int at, const struct mail_id *id, unsigned int i, char first[64])
{
	static const uint8_t text[4096] = "Subject: x\n\n";
	char name[64];
	int fd;

	(void)snprintf(name, sizeof name, "messages/%c/%s", id->text[MAIL_ID_LEN - 1], id->text);
	if (i % LINKS_MAX != 0) {
		check(disk->linkat(at, first, at, name, 0) == 0, name);
		return;
	}
	fd = disk->openat(at, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
	check(fd >= 0 && disk_write_all(fd, bytes_of(text, sizeof text), 0) == 0, name);
	disk_close(&fd);
	memcpy(first, name, sizeof name);
}

static void
nothing(void *arg)
{
	(void)arg;
}

static void
put_nothing(void *arg, struct spool *s)
{
	(void)arg, (void)s;
}

static void
found(void *arg, struct queued *m)
{
	struct queue *role = arg;
	struct bytes domain = delivery_domain(&m->at[0]);
	struct hop hop = { .kind = HOP_KIND_RELAY, .host = domain };

	LIST_INSERT_HEAD(&role->messages, m, link);
	schedule_add(role->schedule, &m->at[0], &hop, 1800000000);
}

static struct spool *
open_spool(const char *directory, struct queue *role)
{
	const struct spool_settings settings = { .directory = directory, .journal_octets_max = 64 << 20, .threads = 1, .wake = nothing,
		.put_all = put_nothing, .arg = role };
	struct spool *s = NULL;
	struct fault f;

	if (spool_open(&settings, found, &s, &f) != 0) {
		fprintf(stderr, "%s: %s\n", directory, f.text);
		exit(1);
	}
	return s;
}

static void
make(const char *directory, unsigned int count, struct queue *role, bool is_due, bool is_living)
{
	struct spool *s = open_spool(directory, role);
	struct buf record, all;
	char first[64] = "";
	int at, fd;

	spool_close(&s);
	at = disk->openat(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY, 0);
	fd = disk->openat(at, "envelopes", O_WRONLY, 0);
	check(fd >= 0, directory);
	buf_init(&record, SPOOL_ENTRY_MAX);
	buf_init(&all, SIZE_MAX);
	for (unsigned int i = 0; i < count; i++) {
		struct queued *m;

		if (is_living && destination_of(i) % 2)
			continue;
		m = message(i, is_due);
		buf_reset(&record);
		spool_put_record(&record, SPOOL_PUT, &m->id, m);
		spool_put_entry(&all, buf_bytes(&record));
		put_body(at, &m->id, i, first);
		queued_free(&m);
	}
	check(disk_write_all(fd, buf_bytes(&all), 0) == 0 && disk->syncfs(at) == 0, "envelopes");
	buf_done(&record);
	buf_done(&all);
	disk_close(&fd);
	disk_close(&at);
}

/* Of this process, without what is shared with files. */
static uint64_t
resident_octets(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	unsigned long kib = 0;

	check(f != NULL, "/proc/self/status");
	while (fgets(line, sizeof line, f) && sscanf(line, "RssAnon: %lu", &kib) != 1)
		;
	(void)fclose(f);
	return kib * 1024;
}

static int
fill(int argc, char **argv, struct queue *role)
{
	make(argv[2], (unsigned int)strtoul(argv[3], NULL, 10), role, true, argc == 5);
	return 0;
}

int
main(int argc, char **argv)
{
	const struct schedule_limits limits = { 2000, 20, 100, 300, 14400 };
	unsigned int count = argc == 3 ? (unsigned int)strtoul(argv[2], NULL, 10) : 0;
	struct queue role = { .schedule = schedule_new(&limits, 1) };
	struct spool *s;
	uint64_t before;
	int64_t began;
	clock_t cpu;

	check(count > 0 || (argc >= 4 && strcmp(argv[1], "fill") == 0), "queue_million [fill] DIRECTORY COUNT [living]");
	map_seed((const uint8_t[16]){ 1 });
	event_set_sink(&(struct event_sink){ .write = process_say, .now_us = time_wall_us, .role = "bench", .least = LEVEL_WARNING });
	LIST_INIT(&role.messages);
	if (argc >= 4)
		return fill(argc, argv, &role);
	make(argv[1], count, &role, false, false);
	(void)malloc_trim(0);
	before = resident_octets();
	began = time_now().mono_us;
	cpu = clock();
	s = open_spool(argv[1], &role);
	printf("{\"start_s\": %.2f, \"start_cpu_s\": %.2f, \"octets_per_mail\": %.0f, \"destinations\": %zu}\n", (double)(time_now().mono_us - began) / 1e6,
		(double)(clock() - cpu) / CLOCKS_PER_SEC,
		(double)(resident_octets() - before) / count, schedule_destinations(role.schedule));
	spool_close(&s);
	return 0;
}
