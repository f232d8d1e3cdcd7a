/* A laptop's disk is copied to another: both are the same device then, and both go on. */
#include "tests/sim/world.h"

#include "common/os.h"

void device_clone(struct device *of, struct device *d, unsigned number)
{
	struct world *w = of->world;
	struct image *image = image_take(of->disk, of->home);
	device_init(w, d, number);
	d->id = of->id;
	d->person = of->person;
	d->school = of->school;
	d->disk = disk_device(w->disk, d->home);
	d->enrolled = d->online = d->littered = true;
	d->old = of->old;
	w->rights_moved = true;
	disk_stop(d->disk, DISK_CRASH);
	if (os_make_dir(d->home, NULL) < 0)
		world_fail(w, "the folder %s can't be made", d->home);
	image_lay(image, d->disk, d->home);
	image_free(&image);
	device_start(d);
}
