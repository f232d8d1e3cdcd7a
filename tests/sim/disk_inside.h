/* What disk.c (files, devices and what a power cut leaves of them) and disk_vfs.c share. */
#ifndef FIVEPITS_SIM_DISK_INSIDE_H
#define FIVEPITS_SIM_DISK_INSIDE_H

#include "tests/sim/dice.h"
#include "tests/sim/disk.h"

#include <sqlite3.h>

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

/* A file that has a name on the device; NULL: there is none. */
struct disk_file *disk_file_find(struct disk_device *device, const char *path);
/* Without a device and a path: a temporary one, which disk_file_free ends. */
struct disk_file *disk_file_new(struct disk_device *device, const char *path);
void disk_file_free(struct disk_file *f);
/* Take a file that nobody holds open off its device. */
void disk_file_unlink(struct disk_file *f);
/* Lay bytes on a file as the process sees it, or on its platter. */
void disk_lay(struct buf *b, size_t offset, const uint8_t *data, size_t n);
/* A write (or, `cuts`, a cut) that has not reached the platter yet. */
void disk_note_write(struct disk_file *f, size_t offset, const uint8_t *data, size_t n, bool cuts);
void disk_file_sync(struct disk_file *f);
/* The device on which a path is; NULL: none. */
struct disk_device *disk_device_of(struct disk *disk, const char *path);
/* Count an operation that changes the disk; false: the process is no more. */
bool disk_operate(struct disk_device *device);
/* The directory is synced: names made are there, names removed are gone. */
void disk_sync_names(struct disk_device *device);

#endif
