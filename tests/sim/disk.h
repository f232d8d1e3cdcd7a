/*
 * Disks in memory, as an SQLite VFS that knows what was synced. Each device has its own files, told
 * apart by the start of their paths. A crash ends the process and leaves everything that was
 * written; a power cut also decides, sector by sector, about each write that was not synced: it is
 * kept, lost, or garbage. No shared memory and no real locks: one connection uses a file at a time
 * (which the VFS checks), so databases must be opened with locking_mode=EXCLUSIVE.
 */
#ifndef FIVEPITS_SIM_DISK_H
#define FIVEPITS_SIM_DISK_H

#include "common/mem.h"

enum { DISK_SECTOR = 512 };

enum disk_end { DISK_CRASH, DISK_POWER_CUT };

struct disk;
struct disk_device;

struct disk_counts {
	uint64_t writes, syncs;
	uint64_t kept, lost, torn; /* sectors of unsynced writes at power cuts; torn is garbage */
	uint64_t unmade, revived;  /* files whose making or removal had not reached the disk */
	uint64_t full;		   /* writes refused for want of room */
};

/* Register the VFS `name` (kept until disk_free). One by a name at a time. */
struct disk *disk_new(const char *name, uint64_t seed);
void disk_free(struct disk **disk);
const struct disk_counts *disk_counts(const struct disk *disk);

/* The device whose files begin with `path` and a slash. Lives as long as the disk. */
struct disk_device *disk_device(struct disk *disk, const char *path);

/*
 * The process on this device ends now. Every open handle is dead: what its owner still does while
 * it is taken apart fails and leaves no trace. disk_start, once every handle is closed, lets a new
 * process open the files.
 */
void disk_stop(struct disk_device *device, enum disk_end how);
void disk_start(struct disk_device *device);
/* The same in the middle of what comes: after `operations` more writes, syncs and removals. */
void disk_stop_after(struct disk_device *device, uint64_t operations, enum disk_end how);
bool disk_stopped(const struct disk_device *device);
/* Take back a stop that has not come yet. */
void disk_stop_never(struct disk_device *device);

/* Files may grow by at most `room` bytes in all from now on (SIZE_MAX: without a limit). */
void disk_room(struct disk_device *device, size_t room);

/* Forget all files of a device, as when the laptop is thrown away. It must be stopped. */
void disk_wipe(struct disk_device *device);
/* A file as it was some time, synced. The device must be stopped, or never have been used. */
void disk_put(struct disk_device *device, const char *path, struct bytes data);
/* Call `see` with each file as it stands. Borrowed for the call. */
void disk_each(struct disk_device *device,
	       void (*see)(void *arg, const char *path, struct bytes data), void *arg);

#endif
