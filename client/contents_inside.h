/*
 * What the files of contents share: contents.c has their names, how far their sending is, and their
 * way out; intake.c has files come in; contents_care.c removes, mends and checks. Nobody else
 * includes it.
 */
#ifndef FIVEPITS_CONTENTS_INSIDE_H
#define FIVEPITS_CONTENTS_INSIDE_H

#include "client/contents.h"
#include "client/copy_inside.h"

/* What errno says of a file. */
int inside_file_err(void);
/* Today, as the store counts. */
uint64_t inside_today(struct copy *copy);

#endif
