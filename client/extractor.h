/*
 * The text of a document's bytes, by fivepits-extract (client/extract/extract.h): a process of its
 * own without network and with bounded memory and time. A document that is hostile, damaged or of
 * another kind costs a text that is not there, nothing else.
 */
#ifndef FIVEPITS_EXTRACTOR_H
#define FIVEPITS_EXTRACTOR_H

#include "common/err.h"
#include "common/mem.h"

enum {
	EXTRACTOR_MAX = 64 * 1024 * 1024, /* documents beyond this are not read */
	EXTRACTOR_TEXT = 1024 * 1024,	  /* of text that is taken of one */
};

/*
 * Append the text of the document that the descriptor `in` reads from its start, as UTF-8 without
 * NUL. 0; ERR_INVALID: nothing can be read from it, now or later; ERR_MISSING: a program that it
 * needs is not installed (fivepits-extract, or for PDF bubblewrap and pdftotext); ERR_IO.
 */
int extractor_run(int in, struct buf *text, struct cause *cause);

#endif
