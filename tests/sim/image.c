/* A list of files with their bytes. */
#include "tests/sim/image.h"

#include <stdlib.h>
#include <string.h>

struct image_file {
	struct image_file *next;
	char *name;
	struct buf data;
};

struct image {
	size_t prefix; /* of the paths of the device that is being read */
	struct image_file *files;
};

static void image_add(void *arg, const char *path, struct bytes data)
{
	struct image *image = arg;
	struct image_file *f = mem_alloc(sizeof(*f));
	f->name = mem_copy_text(path + image->prefix);
	buf_add_bytes(&f->data, data);
	f->next = image->files;
	image->files = f;
}

struct image *image_take(struct disk_device *device, const char *path)
{
	struct image *image = mem_alloc(sizeof(*image));
	image->prefix = strlen(path);
	disk_each(device, image_add, image);
	return image;
}

void image_lay(const struct image *image, struct disk_device *device, const char *path)
{
	disk_wipe(device);
	for (const struct image_file *f = image->files; f; f = f->next) {
		char *full = mem_format("%s%s", path, f->name);
		disk_put(device, full, buf_bytes(&f->data));
		free(full);
	}
}

void image_free(struct image **image)
{
	if (!*image)
		return;
	for (struct image_file *f = (*image)->files, *next; f; f = next) {
		next = f->next;
		buf_fini(&f->data);
		free(f->name);
		free(f);
	}
	free(*image);
	*image = NULL;
}
