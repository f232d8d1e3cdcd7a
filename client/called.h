/* What people call the documents that a content is a version of, for fsck. */
#ifndef FIVEPITS_CALLED_H
#define FIVEPITS_CALLED_H

#include "client/copy.h"
#include "common/checkup.h"

struct called;

/* Reads nothing before the first name is asked for. Borrows `copy`. */
struct called *called_new(struct copy *copy);
void called_free(struct called **c);
/* Those of one content, by its root; `called` is a struct called *. Fits checkup.call. 0 or an
 * error. */
int called_names(void *called, const uint8_t root[SHA256_LEN], struct checkup_names *names);

#endif
