/* What a file is, as a media type: guessed from its first bytes by libmagic, and from its name. */
#ifndef FIVEPITS_MEDIA_H
#define FIVEPITS_MEDIA_H

#include "common/mem.h"

enum { MEDIA_MOST = 128 }; /* bytes of a type, with the 0 behind it */

struct media;

/* Opens libmagic's database, for many files. Where it is not there, names alone are asked. */
struct media *media_new(void);
void media_free(struct media **m);
/*
 * What the bytes say wins; where that is only that they are text, an archive or bytes, the name
 * says more (data.csv, minutes.docx). `head`: how the file begins, 16 KiB of it are enough.
 */
void media_guess(struct media *m, struct bytes head, const char *name, char out[MEDIA_MOST]);

#endif
