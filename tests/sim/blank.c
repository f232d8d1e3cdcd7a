/*
 * A copy that knows nobody yet: making the tables costs more than a small world's whole life, so they
 * are made once a process, and most devices begin from that file. The rest are made from nothing.
 */
#include "tests/sim/world.h"

#include "common/os.h"

#include <string.h>

static int blank_forget(struct copy *copy)
{
	int err = db_begin(copy_db(copy));
	if (err == 0)
		err = db_run(copy_db(copy), "DELETE FROM meta WHERE key <> 'tables'", "");
	if (err == 0)
		err = db_commit(copy_db(copy));
	return err < 0 || db_checkpoint(copy_db(copy), true) ? err : ERR_IO;
}

struct image *blank_make(const char *dir)
{
	struct copy_identity nobody = {.address = "sim:1"};
	struct disk *disk = disk_new("sim", 0);
	struct disk_device *device = disk_device(disk, dir);
	struct copy *copy = NULL;
	struct image *image = NULL;
	int err = os_make_dir(dir, NULL);

	if (err == 0)
		err = copy_create(dir, &nobody, "sim", NULL);
	if (err == 0)
		err = copy_open(&copy, dir, "sim", NULL, NULL);
	if (err == 0)
		err = blank_forget(copy);
	copy_close(&copy);
	if (err == 0)
		image = image_take(device, dir);
	disk_free(&disk);
	return image;
}
