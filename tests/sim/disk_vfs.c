/* A disk as SQLite sees it: the VFS, and the handles that it opens. */
#include "tests/sim/disk_inside.h"

#include "common/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct disk_handle {
	sqlite3_file base;
	struct disk *disk;
	struct disk_file *file;
	unsigned life;
	bool temporary, keeps_wal;
};

/* ---- Handles -------------------------------------------------------------------------------- */

static bool handle_lives(const struct disk_handle *h)
{
	const struct disk_device *d = h->file->device;
	return !d || (!d->stopped && d->life == h->life);
}

static int handle_close(sqlite3_file *base)
{
	struct disk_handle *h = (struct disk_handle *)base;
	if (!h->file->device)
		disk_file_free(h->file);
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
	if (!handle_lives(h) || !disk_operate(d))
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
	disk_lay(&h->file->now, at, data, len);
	if (d)
		disk_note_write(h->file, at, data, len, false);
	return SQLITE_OK;
}

static int handle_truncate(sqlite3_file *base, sqlite3_int64 size)
{
	struct disk_handle *h = (struct disk_handle *)base;
	if (!handle_lives(h) || !disk_operate(h->file->device))
		return SQLITE_IOERR_TRUNCATE;
	if ((size_t)size < h->file->now.len)
		h->file->now.len = (size_t)size;
	if (h->file->device)
		disk_note_write(h->file, (size_t)size, NULL, 0, true);
	return SQLITE_OK;
}

static int handle_sync(sqlite3_file *base, int flags)
{
	struct disk_handle *h = (struct disk_handle *)base;
	(void)flags;
	if (!handle_lives(h) || !disk_operate(h->file->device))
		return SQLITE_IOERR_FSYNC;
	h->disk->counts.syncs++;
	disk_file_sync(h->file);
	/* As the unix VFS does: the first sync of a new log or journal also syncs its directory. */
	if (h->file->device && !h->file->made)
		disk_sync_names(h->file->device);
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
	struct disk_device *device = path ? disk_device_of(disk, path) : NULL;

	memset(h, 0, sizeof(*h));
	if (path && (!device || device->stopped))
		return SQLITE_CANTOPEN;
	struct disk_file *f = path ? disk_file_find(device, path) : NULL;
	if (!f && path && !(flags & SQLITE_OPEN_CREATE))
		return SQLITE_CANTOPEN;
	if (!f)
		f = disk_file_new(device, path);
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
	struct disk_device *device = disk_device_of(disk, path);
	struct disk_file *f = disk_file_find(device, path);
	if (!f)
		return SQLITE_IOERR_DELETE_NOENT;
	if (device->stopped || !disk_operate(device))
		return SQLITE_IOERR_DELETE;
	f->removed = true;
	if (sync_dir || !f->made) {
		f->made = false;
		if (f->handles == 0)
			disk_file_unlink(f);
	}
	return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *out)
{
	struct disk *disk = vfs->pAppData;
	struct disk_file *f = disk_file_find(disk_device_of(disk, path), path);
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
			disk_file_unlink(device->files);
		free(device->path);
		free(device);
	}
	free(d->name);
	free(d);
	*disk = NULL;
}
