/* A laptop's disk is copied to another: both are the same device then, and both go on. */
#include "tests/sim/world.h"

#include "common/os.h"

#include <dirent.h>
#include <stdlib.h>

/* What lies in real files, documents: folders `deep` deep. */
static void copy_folder(struct world *w, const char *from, const char *to, int deep)
{
	DIR *dir = os_make_dir(to, NULL) == 0 ? opendir(from) : NULL;
	struct dirent *e;
	if (!dir) {
		world_fail(w, "the folder %s can't be copied", from);
		return;
	}
	while ((e = readdir(dir))) {
		struct buf b = {0};
		if (e->d_name[0] == '.')
			continue;
		char *inner = mem_format("%s/%s", from, e->d_name), *copy = mem_format("%s/%s", to, e->d_name);
		if (e->d_type == DT_DIR && deep > 0)
			copy_folder(w, inner, copy, deep - 1);
		else if (e->d_type == DT_REG && (os_read_file(inner, 16 * 1024 * 1024, &b, NULL) < 0 ||
						 os_write_file(copy, buf_bytes(&b), false, NULL) < 0))
			world_fail(w, "the file %s can't be copied", inner);
		buf_fini(&b);
		free(inner);
		free(copy);
	}
	closedir(dir);
}

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
	image_lay(image, d->disk, d->home);
	image_free(&image);
	copy_folder(w, of->home, d->home, 2);
	device_start(d);
}
