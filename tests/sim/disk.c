/*
 * A file is its bytes as the running process sees them, its bytes as they are on the platter, and
 * the writes between the two in order. A sync lays those writes on the platter; a power cut lays on
 * what its dice leave of them, and the platter is then all there is.
 */
#include "tests/sim/disk_inside.h"

#include "common/err.h"

#include <stdlib.h>
#include <string.h>

enum { FILE_ROOM = 256 * 1024 };

/* ---- Files ---------------------------------------------------------------------------------- */

static void file_forget_writes(struct disk_file *f)
{
	while (f->first) {
		struct disk_write *w = f->first;
		f->first = w->next;
		free(w);
	}
	f->last = &f->first;
}

struct disk_file *disk_file_new(struct disk_device *device, const char *path)
{
	struct disk_file *f = mem_alloc(sizeof(*f));
	f->device = device;
	f->path = path ? mem_copy_text(path) : NULL;
	f->last = &f->first;
	if (device) {
		/* Most come to this size: growing to it step by step would be copying. */
		buf_reserve(&f->now, FILE_ROOM);
		buf_reserve(&f->platter, FILE_ROOM);
		f->next = device->files;
		device->files = f;
	}
	return f;
}

void disk_file_free(struct disk_file *f)
{
	file_forget_writes(f);
	buf_fini(&f->now);
	buf_fini(&f->platter);
	free(f->path);
	free(f);
}

void disk_file_unlink(struct disk_file *f)
{
	for (struct disk_file **p = &f->device->files; *p; p = &(*p)->next)
		if (*p == f) {
			*p = f->next;
			break;
		}
	disk_file_free(f);
}

struct disk_file *disk_file_find(struct disk_device *device, const char *path)
{
	for (struct disk_file *f = device ? device->files : NULL; f; f = f->next)
		if (!f->removed && strcmp(f->path, path) == 0)
			return f;
	return NULL;
}

void disk_lay(struct buf *b, size_t offset, const uint8_t *data, size_t n)
{
	if (b->len < offset + n) {
		uint8_t *more = buf_reserve(b, offset + n - b->len);
		if (b->len < offset)
			memset(more, 0, offset - b->len);
		b->len = offset + n;
	}
	if (n)
		memcpy(b->data + offset, data, n);
}

void disk_note_write(struct disk_file *f, size_t offset, const uint8_t *data, size_t n,
			    bool cuts)
{
	struct disk_write *w = mem_resize(NULL, sizeof(*w) + n);
	w->next = NULL;
	w->offset = offset;
	w->len = n;
	w->cuts = cuts;
	if (n)
		memcpy(w->data, data, n);
	*f->last = w;
	f->last = &w->next;
}

void disk_file_sync(struct disk_file *f)
{
	for (struct disk_write *w = f->first; w; w = w->next)
		if (!w->cuts)
			disk_lay(&f->platter, w->offset, w->data, w->len);
		else if (w->offset < f->platter.len)
			f->platter.len = w->offset;
	file_forget_writes(f);
}

/* What a power cut leaves of one unsynced write. */
static void write_survive(struct disk *disk, struct disk_file *f, const struct disk_write *w)
{
	if (w->cuts) {
		if (dice_chance(&disk->dice, 50) && w->offset < f->platter.len)
			f->platter.len = w->offset;
		return;
	}
	for (size_t at = 0; at < w->len;) {
		size_t n = DISK_SECTOR - (w->offset + at) % DISK_SECTOR;
		uint8_t garbage[DISK_SECTOR];
		unsigned fate = (unsigned)dice_below(&disk->dice, 100);
		if (n > w->len - at)
			n = w->len - at;
		if (fate < 50) {
			disk_lay(&f->platter, w->offset + at, w->data + at, n);
			disk->counts.kept++;
		} else if (fate < 90) {
			disk->counts.lost++;
		} else {
			dice_fill(&disk->dice, garbage, n);
			disk_lay(&f->platter, w->offset + at, garbage, n);
			disk->counts.torn++;
		}
		at += n;
	}
}

static void file_power_cut(struct disk *disk, struct disk_file *f)
{
	/* A whole write may be lost or kept as often as it is torn: that is what disks do most. */
	unsigned mode = (unsigned)dice_below(&disk->dice, 3);
	if (mode == 0) {
		disk_file_sync(f);
	} else {
		for (struct disk_write *w = f->first; w && mode == 1; w = w->next)
			write_survive(disk, f, w);
		for (struct disk_write *w = f->first; w && mode == 2; w = w->next)
			disk->counts.lost += 1 + w->len / DISK_SECTOR;
		file_forget_writes(f);
	}
	buf_reset(&f->now);
	buf_add_bytes(&f->now, buf_bytes(&f->platter));
}

/* ---- Devices -------------------------------------------------------------------------------- */

struct disk_device *disk_device(struct disk *disk, const char *path)
{
	for (struct disk_device *d = disk->devices; d; d = d->next)
		if (strcmp(d->path, path) == 0)
			return d;
	struct disk_device *d = mem_alloc(sizeof(*d));
	d->disk = disk;
	d->path = mem_copy_text(path);
	d->room = SIZE_MAX;
	d->next = disk->devices;
	disk->devices = d;
	return d;
}

struct disk_device *disk_device_of(struct disk *disk, const char *path)
{
	for (struct disk_device *d = disk->devices; d; d = d->next) {
		size_t n = strlen(d->path);
		if (strncmp(d->path, path, n) == 0 && path[n] == '/')
			return d;
	}
	return NULL;
}

static void device_power_cut(struct disk_device *device)
{
	struct disk *disk = device->disk;
	struct disk_file *next;
	for (struct disk_file *f = device->files; f; f = next) {
		next = f->next;
		file_power_cut(disk, f);
		bool back = f->removed && f->made && dice_chance(&disk->dice, 50);
		bool gone = !f->removed && !f->made && dice_chance(&disk->dice, 50);
		for (struct disk_file *g = device->files; g && back; g = g->next)
			if (g != f && !g->removed && strcmp(g->path, f->path) == 0)
				back = false; /* a new file has its name */
		if (back) {
			f->removed = false;
			disk->counts.revived++;
		} else if (gone) {
			f->removed = true;
			disk->counts.unmade++;
		}
		f->made = !f->removed;
	}
}

/* Files that are gone for good and that no handle holds. */
static void device_sweep(struct disk_device *device)
{
	struct disk_file *next;
	for (struct disk_file *f = device->files; f; f = next) {
		next = f->next;
		if (f->removed && f->handles == 0)
			disk_file_unlink(f);
	}
}

void disk_sync_names(struct disk_device *device)
{
	for (struct disk_file *f = device->files; f; f = f->next)
		f->made = !f->removed;
}

void disk_stop(struct disk_device *device, enum disk_end how)
{
	if (device->stopped)
		return;
	device->stopped = true;
	device->countdown = 0;
	if (how == DISK_POWER_CUT)
		device_power_cut(device);
}

void disk_start(struct disk_device *device)
{
	device->stopped = false;
	device->countdown = 0;
	device->life++;
	for (struct disk_file *f = device->files; f; f = f->next)
		must(f->handles == 0); /* the old process was not taken apart */
	device_sweep(device);
}

void disk_stop_after(struct disk_device *device, uint64_t operations, enum disk_end how)
{
	device->countdown = operations + 1;
	device->end = how;
}

void disk_stop_never(struct disk_device *device)
{
	device->countdown = 0;
}

bool disk_stopped(const struct disk_device *device)
{
	return device->stopped;
}

void disk_room(struct disk_device *device, size_t room)
{
	device->room = room;
}

void disk_wipe(struct disk_device *device)
{
	must(device->stopped);
	while (device->files)
		disk_file_unlink(device->files);
}

void disk_put(struct disk_device *device, const char *path, struct bytes data)
{
	struct disk_file *f = disk_file_find(device, path);
	if (!f)
		f = disk_file_new(device, path);
	must(f->handles == 0);
	file_forget_writes(f);
	buf_reset(&f->now);
	buf_reset(&f->platter);
	buf_add_bytes(&f->now, data);
	buf_add_bytes(&f->platter, data);
	f->made = true;
}

void disk_each(struct disk_device *device,
	       void (*see)(void *arg, const char *path, struct bytes data), void *arg)
{
	for (struct disk_file *f = device->files; f; f = f->next)
		if (!f->removed)
			see(arg, f->path, buf_bytes(&f->now));
}

bool disk_operate(struct disk_device *device)
{
	if (!device)
		return true;
	if (device->countdown && --device->countdown == 0)
		disk_stop(device, device->end);
	return !device->stopped;
}

const struct disk_counts *disk_counts(const struct disk *disk)
{
	return &disk->counts;
}
