/* What people call the documents that a content is a version of, for fsck. */
#ifndef FIVEPITS_TITLES_H
#define FIVEPITS_TITLES_H

#include "common/checkup.h"

/*
 * Those of one content, by its root; `area` is a struct area *. Fits checkup.call. What is
 * confidential, or one person's own, is called by its id alone: who runs the server need not read
 * it. 0 or an error.
 */
int titles_of(void *area, const uint8_t root[SHA256_LEN], struct checkup_names *names);

#endif
