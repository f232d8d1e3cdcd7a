/* Running fivepits-extract: see extractor.h. */
#include "client/extractor.h"

#include "common/os.h"
#include "common/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NO_SANDBOX = 3 }; /* its exit status, beside 1: no text */

/* Beside this program in a build folder, or where `make install` puts it. */
static char *extractor_path(void)
{
	static const char *const places[] = {"", "/../libexec", "/../.."};
	char *dir = os_program_dir(), *path = NULL;

	for (size_t i = 0; dir && !path && i < sizeof(places) / sizeof(*places); i++) {
		path = mem_format("%s%s/fivepits-extract", dir, places[i]);
		if (!os_exists(path)) {
			free(path);
			path = NULL;
		}
	}
	free(dir);
	return path;
}

/* What came is text, whatever the process was brought to print. */
static void text_clean(struct buf *text, size_t from)
{
	size_t kept = from;

	for (size_t i = from, n; i < text->len; i += n) {
		n = utf8_next(text->data + i, text->len - i, NULL);
		if (n && text->data[i]) {
			memmove(text->data + kept, text->data + i, n);
			kept += n;
		}
		n = n ? n : 1;
	}
	text->len = kept;
}

int extractor_run(int in, struct buf *text, struct cause *cause)
{
	static const struct os_limits limits = {.memory = 512 * 1024 * 1024,
						.cpu_seconds = 10,
						.seconds = 20,
						.out = 2 * EXTRACTOR_TEXT};
	char *path = extractor_path();
	const char *argv[] = {path, NULL};
	size_t from = text->len;

	if (!path || lseek(in, 0, SEEK_SET) != 0) {
		free(path);
		return cause_set(cause, path ? ERR_IO : ERR_MISSING,
				 "fivepits-extract is not installed: the text of documents is"
				 " not searched");
	}
	int status = os_run(argv, in, &limits, text);
	free(path);
	if (status == 0) {
		if (text->len > from + EXTRACTOR_TEXT)
			text->len = from + EXTRACTOR_TEXT;
		text_clean(text, from);
		return 0;
	}
	text->len = from;
	if (status == ERR_IO)
		return cause_set(cause, ERR_IO, "the text of a document could not be read");
	if (status == NO_SANDBOX)
		return cause_set(cause, ERR_MISSING,
				 "bubblewrap and poppler-utils are needed to search the text of"
				 " PDF documents");
	return cause_set(cause, ERR_INVALID, "no text can be read from this document");
}
