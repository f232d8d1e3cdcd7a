/*
 * fivepits-extract: the text of one document, for the search index. It reads the document on its
 * standard input and writes UTF-8 on its standard output. Documents come from anywhere and their
 * parsers have had many holes, so that this is a process of its own which, before it looks at a
 * byte, gives up every right but reading and writing what it has open.
 */
#ifndef FIVEPITS_EXTRACT_H
#define FIVEPITS_EXTRACT_H

#include "common/mem.h"

#include <stdbool.h>

enum {
	EXTRACT_TEXT = 1024 * 1024,	 /* bytes of text taken of one document */
	EXTRACT_INPUT = 32 * 1024 * 1024, /* bytes read of what holds it, unpacked */
};

/* The text as it gathers: runs of white space are one space, or one line end. */
struct text {
	struct buf out;
	bool space, line; /* what stands between what was added and what comes */
};

/* False: there is enough of it, stop. */
bool text_add(struct text *t, const char *s, size_t n);
void text_break(struct text *t); /* what comes next stands on a line of its own */

/* Each reads a document of its kind from descriptor 0. False: it is none, or is damaged. */
bool extract_office(struct text *t); /* .docx, .odt */
/* `first` is what was read of it already. */
bool extract_html(struct text *t, struct bytes first);
bool extract_plain(struct text *t, struct bytes first);

/*
 * From here on this process has its memory, what is open, and its end. Looking for files is
 * answered with an error, since libraries do so for locales and the like; anything else ends it.
 * False: the system does not have that.
 */
bool sandbox_close(void);

/* Up to `most` bytes more of standard input, appended. False: it can't be read. */
bool extract_read(struct buf *in, size_t most);

#endif
