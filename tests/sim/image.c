/* A list of files with their bytes. Documents lie in real files, in one folder. */
#include "tests/sim/image.h"

#include "common/os.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct image_file {
	struct image_file *next;
	char *name;
	struct buf data;
	bool real; /* a document's */
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

/* Each file of DEVICE/documents. */
static void each_real(const char *device, void (*row)(void *arg, const char *path), void *arg)
{
	char *dir = mem_format("%s/documents", device);
	DIR *d = opendir(dir);
	struct dirent *e;
	while (d && (e = readdir(d))) {
		char *path = mem_format("%s/%s", dir, e->d_name);
		if (e->d_type == DT_REG)
			row(arg, path);
		free(path);
	}
	if (d)
		closedir(d);
	free(dir);
}

static void real_add(void *arg, const char *path)
{
	struct image *image = arg;
	struct buf b = {0};
	if (os_read_file(path, 64 * 1024 * 1024, &b, NULL) == 0) {
		image_add(image, path, buf_bytes(&b));
		image->files->real = true;
	}
	buf_fini(&b);
}

static void real_remove(void *arg, const char *path)
{
	(void)arg;
	unlink(path);
}

static void real_put(const char *path, const struct image_file *f)
{
	char *dir = mem_format("%s/documents", path), *full = mem_format("%s%s", path, f->name);
	must(os_make_dir(dir, NULL) == 0 && os_write_file(full, buf_bytes(&f->data), false, NULL) == 0);
	free(dir);
	free(full);
}

struct image *image_take(struct disk_device *device, const char *path)
{
	struct image *image = mem_alloc(sizeof(*image));
	image->prefix = strlen(path);
	disk_each(device, image_add, image);
	each_real(path, real_add, image);
	return image;
}

void image_lay(const struct image *image, struct disk_device *device, const char *path)
{
	disk_wipe(device);
	each_real(path, real_remove, NULL);
	for (const struct image_file *f = image->files; f; f = f->next) {
		if (f->real) {
			real_put(path, f);
			continue;
		}
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
