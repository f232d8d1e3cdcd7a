/* Ringing for `serve`: see bell.h. */
#include "client/bell.h"

#include "common/mem.h"
#include "common/os.h"

#include <stdlib.h>

char *bell_path(const char *home)
{
	return mem_format("%s/wake", home);
}

void bell_ring(const char *home)
{
	char *path = bell_path(home);

	os_bell_ring(path);
	free(path);
}
