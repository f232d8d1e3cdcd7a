/*
 * A disk's files as they stood once: to clone a laptop, to set one back to yesterday, to begin every
 * copy from one that was made before.
 */
#ifndef FIVEPITS_SIM_IMAGE_H
#define FIVEPITS_SIM_IMAGE_H

#include "tests/sim/disk.h"

struct image;

/* All files of a device as they stand now, by their names behind `path`, the device's own. */
struct image *image_take(struct disk_device *device, const char *path);
/* Lay them on a device, in place of what it has. It must be stopped, or never have been used. */
void image_lay(const struct image *image, struct disk_device *device, const char *path);
void image_free(struct image **image);

#endif
