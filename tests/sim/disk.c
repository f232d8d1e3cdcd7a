/*
 * A file is its bytes as the running process sees them, its bytes as they are on the platter, and
 * the writes between the two in order. A sync lays those writes on the platter; a power cut lays on
 * what its dice leave of them, and the platter is then all there is.
 */
#include "tests/sim/disk.h"

#include "common/err.h"
#include "tests/sim/dice.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_ROOM = 256 * 1024 };

/* A write that has not reached the platter. No bytes: the file was cut to `offset`. */
struct disk_write {
	struct disk_write *next;
	size_t offset, len;
	bool cuts;
	uint8_t data[];
};

struct disk_file {
	struct disk_file *next;
	struct disk_device *device; /* NULL: a temporary file without a name */
	char *path;
	struct buf now, platter;
	struct disk_write *first, **last;
	bool made;    /* its name is on the platter */
	bool removed; /* it has no name any more; if it is still made, a power cut may bring it back
		       */
	unsigned handles;
};

struct disk_device {
	struct disk_device *next;
	struct disk *disk;
	char *path;
	struct disk_file *files;
	bool stopped;
	unsigned life; /* which process; handles of an earlier one are dead */
	uint64_t countdown;
	enum disk_end end;
	size_t room;
};

struct disk {
	sqlite3_vfs vfs;
	char *name;
	struct dice dice;
	struct disk_device *devices;
	struct disk_counts counts;
};

struct disk_handle {
	sqlite3_file base;
	struct disk *disk;
	struct disk_file *file;
	unsigned life;
	bool temporary, keeps_wal;
};

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

static struct disk_file *file_new(struct disk_device *device, const char *path)
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

static void file_free(struct disk_file *f)
{
	file_forget_writes(f);
	buf_fini(&f->now);
	buf_fini(&f->platter);
	free(f->path);
	free(f);
}

/* Take a file that nobody holds open off its device. */
static void file_unlink(struct disk_file *f)
{
	for (struct disk_file **p = &f->device->files; *p; p = &(*p)->next)
		if (*p == f) {
			*p = f->next;
			break;
		}
	file_free(f);
}

static struct disk_file *file_find(struct disk_device *device, const char *path)
{
	for (struct disk_file *f = device ? device->files : NULL; f; f = f->next)
		if (!f->removed && strcmp(f->path, path) == 0)
			return f;
	return NULL;
}

static void content_write(struct buf *b, size_t offset, const uint8_t *data, size_t n)
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

static void file_note_write(struct disk_file *f, size_t offset, const uint8_t *data, size_t n,
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

static void file_sync(struct disk_file *f)
{
	for (struct disk_write *w = f->first; w; w = w->next)
		if (!w->cuts)
			content_write(&f->platter, w->offset, w->data, w->len);
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
			content_write(&f->platter, w->offset + at, w->data + at, n);
			disk->counts.kept++;
		} else if (fate < 90) {
			disk->counts.lost++;
		} else {
			dice_fill(&disk->dice, garbage, n);
			content_write(&f->platter, w->offset + at, garbage, n);
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
		file_sync(f);
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

static struct disk_device *device_of(struct disk *disk, const char *path)
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
			file_unlink(f);
	}
}

/* The directory is synced: names made are there, names removed are gone. */
static void device_sync_names(struct disk_device *device)
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
		file_unlink(device->files);
}

void disk_put(struct disk_device *device, const char *path, struct bytes data)
{
	struct disk_file *f = file_find(device, path);
	if (!f)
		f = file_new(device, path);
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

/* Count an operation that changes the disk; false: the process is no more. */
static bool device_operate(struct disk_device *device)
{
	if (!device)
		return true;
	if (device->countdown && --device->countdown == 0)
		disk_stop(device, device->end);
	return !device->stopped;
}

/* ---- Handles, as SQLite calls them ---------------------------------------------------------- */

static bool handle_lives(const struct disk_handle *h)
{
	const struct disk_device *d = h->file->device;
	return !d || (!d->stopped && d->life == h->life);
}

static int handle_close(sqlite3_file *base)
{
	struct disk_handle *h = (struct disk_handle *)base;
	if (!h->file->device)
		file_free(h->file);
	else if (h->life == h->file->device->life && h->file->handles > 0)
		h->file->handles--;
	return SQLITE_OK;
}

static int handle_read(sqlite3_file *base, void *out, int n, sqlite3_int64 offset)
{
	struct disk_handle *h = (struct disk_handle *)base;
	const struct buf *b = &h->file->now;
	size_t at = (size_t)offset, want = (size_t)n;
	if (!handle_lives(h))
		return SQLITE_IOERR_READ;
	size_t have = at < b->len ? b->len - at : 0;
	if (have > want)
		have = want;
	if (have)
		memcpy(out, b->data + at, have);
	memset((uint8_t *)out + have, 0, want - have);
	return have == want ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int handle_write(sqlite3_file *base, const void *data, int n, sqlite3_int64 offset)
{
	struct disk_handle *h = (struct disk_handle *)base;
	struct disk_device *d = h->file->device;
	size_t at = (size_t)offset, len = (size_t)n;
	if (!handle_lives(h) || !device_operate(d))
		return SQLITE_IOERR_WRITE;
	size_t grows = at + len > h->file->now.len ? at + len - h->file->now.len : 0;
	if (d && d->room != SIZE_MAX) {
		if (grows > d->room) {
			h->disk->counts.full++;
			return SQLITE_FULL;
		}
		d->room -= grows;
	}
	h->disk->counts.writes++;
	content_write(&h->file->now, at, data, len);
	if (d)
		file_note_write(h->file, at, data, len, false);
	return SQLITE_OK;
}

static int handle_truncate(sqlite3_file *base, sqlite3_int64 size)
{
	struct disk_handle *h = (struct disk_handle *)base;
	if (!handle_lives(h) || !device_operate(h->file->device))
		return SQLITE_IOERR_TRUNCATE;
	if ((size_t)size < h->file->now.len)
		h->file->now.len = (size_t)size;
	if (h->file->device)
		file_note_write(h->file, (size_t)size, NULL, 0, true);
	return SQLITE_OK;
}

static int handle_sync(sqlite3_file *base, int flags)
{
	struct disk_handle *h = (struct disk_handle *)base;
	(void)flags;
	if (!handle_lives(h) || !device_operate(h->file->device))
		return SQLITE_IOERR_FSYNC;
	h->disk->counts.syncs++;
	file_sync(h->file);
	/* As the unix VFS does: the first sync of a new log or journal also syncs its directory. */
	if (h->file->device && !h->file->made)
		device_sync_names(h->file->device);
	return SQLITE_OK;
}

static int handle_size(sqlite3_file *base, sqlite3_int64 *size)
{
	struct disk_handle *h = (struct disk_handle *)base;
	if (!handle_lives(h))
		return SQLITE_IOERR_FSTAT;
	*size = (sqlite3_int64)h->file->now.len;
	return SQLITE_OK;
}

static int handle_lock(sqlite3_file *base, int level)
{
	(void)level;
	return handle_lives((struct disk_handle *)base) ? SQLITE_OK : SQLITE_IOERR_LOCK;
}

static int handle_unlock(sqlite3_file *base, int level)
{
	(void)base;
	(void)level;
	return SQLITE_OK;
}

static int handle_reserved(sqlite3_file *base, int *reserved)
{
	(void)base;
	*reserved = 0;
	return SQLITE_OK;
}

static int handle_control(sqlite3_file *base, int operation, void *arg)
{
	struct disk_handle *h = (struct disk_handle *)base;
	if (operation == SQLITE_FCNTL_PERSIST_WAL) {
		int *keep = arg;
		if (*keep >= 0)
			h->keeps_wal = *keep > 0;
		*keep = h->keeps_wal;
		return SQLITE_OK;
	}
	return SQLITE_NOTFOUND;
}

static int handle_sector(sqlite3_file *base)
{
	(void)base;
	return DISK_SECTOR;
}

/* As the unix VFS says of itself: a torn write harms no byte beside it. */
static int handle_traits(sqlite3_file *base)
{
	(void)base;
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods handle_methods = {
	.iVersion = 1,
	.xClose = handle_close,
	.xRead = handle_read,
	.xWrite = handle_write,
	.xTruncate = handle_truncate,
	.xSync = handle_sync,
	.xFileSize = handle_size,
	.xLock = handle_lock,
	.xUnlock = handle_unlock,
	.xCheckReservedLock = handle_reserved,
	.xFileControl = handle_control,
	.xSectorSize = handle_sector,
	.xDeviceCharacteristics = handle_traits,
};

/* ---- The VFS -------------------------------------------------------------------------------- */

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags,
		    int *flags_out)
{
	struct disk *disk = vfs->pAppData;
	struct disk_handle *h = (struct disk_handle *)base;
	struct disk_device *device = path ? device_of(disk, path) : NULL;

	memset(h, 0, sizeof(*h));
	if (path && (!device || device->stopped))
		return SQLITE_CANTOPEN;
	struct disk_file *f = path ? file_find(device, path) : NULL;
	if (!f && path && !(flags & SQLITE_OPEN_CREATE))
		return SQLITE_CANTOPEN;
	if (!f)
		f = file_new(device, path);
	must(f->handles == 0); /* two connections without locks would damage it: a bug */
	f->handles++;
	h->disk = disk;
	h->file = f;
	h->life = device ? device->life : 0;
	h->base.pMethods = &handle_methods;
	if (flags_out)
		*flags_out = flags;
	return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync_dir)
{
	struct disk *disk = vfs->pAppData;
	struct disk_device *device = device_of(disk, path);
	struct disk_file *f = file_find(device, path);
	if (!f)
		return SQLITE_IOERR_DELETE_NOENT;
	if (device->stopped || !device_operate(device))
		return SQLITE_IOERR_DELETE;
	f->removed = true;
	if (sync_dir || !f->made) {
		f->made = false;
		if (f->handles == 0)
			file_unlink(f);
	}
	return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *out)
{
	struct disk *disk = vfs->pAppData;
	struct disk_file *f = file_find(device_of(disk, path), path);
	*out = f && (flags != SQLITE_ACCESS_EXISTS || f->now.len > 0);
	return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *path, int size, char *out)
{
	(void)vfs;
	return snprintf(out, (size_t)size, "%s", path) < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int vfs_random(sqlite3_vfs *vfs, int n, char *out)
{
	struct disk *disk = vfs->pAppData;
	dice_fill(&disk->dice, (uint8_t *)out, (size_t)n);
	return n;
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
	(void)vfs;
	return us;
}

static int vfs_time(sqlite3_vfs *vfs, sqlite3_int64 *ms)
{
	(void)vfs;
	*ms = 210866760000000 +
	      1700000000000; /* of a fixed day: nothing here may ask SQLite for it */
	return SQLITE_OK;
}

static int vfs_day(sqlite3_vfs *vfs, double *day)
{
	sqlite3_int64 ms;
	vfs_time(vfs, &ms);
	*day = (double)ms / 86400000.0;
	return SQLITE_OK;
}

static int vfs_error(sqlite3_vfs *vfs, int size, char *out)
{
	(void)vfs;
	if (size > 0)
		out[0] = 0;
	return 0;
}

struct disk *disk_new(const char *name, uint64_t seed)
{
	struct disk *disk = mem_alloc(sizeof(*disk));
	disk->name = mem_copy_text(name);
	disk->dice = dice_fork(seed, 0xd15c);
	disk->vfs = (sqlite3_vfs){
	    .iVersion = 2,
	    .szOsFile = sizeof(struct disk_handle),
	    .mxPathname = 512,
	    .zName = disk->name,
	    .pAppData = disk,
	    .xOpen = vfs_open,
	    .xDelete = vfs_delete,
	    .xAccess = vfs_access,
	    .xFullPathname = vfs_full_path,
	    .xRandomness = vfs_random,
	    .xSleep = vfs_sleep,
	    .xCurrentTime = vfs_day,
	    .xGetLastError = vfs_error,
	    .xCurrentTimeInt64 = vfs_time,
	};
	must(sqlite3_initialize() == SQLITE_OK);
	/* By default too, and with SQLite's own dice thrown anew: they are part of what a seed
	 * repeats. */
	must(sqlite3_vfs_register(&disk->vfs, 1) == SQLITE_OK);
	sqlite3_randomness(0, NULL);
	return disk;
}

void disk_free(struct disk **disk)
{
	struct disk *d = *disk;
	if (!d)
		return;
	sqlite3_vfs_unregister(&d->vfs);
	while (d->devices) {
		struct disk_device *device = d->devices;
		d->devices = device->next;
		while (device->files)
			file_unlink(device->files);
		free(device->path);
		free(device);
	}
	free(d->name);
	free(d);
	*disk = NULL;
}

const struct disk_counts *disk_counts(const struct disk *disk)
{
	return &disk->counts;
}
