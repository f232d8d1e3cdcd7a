/*
 * How much documents may weigh: Limit records of the space `admin`, per file, per school and in
 * all. What a school uses is the sum of the sizes of the Versions that its devices made, and of
 * what they have brought to name. It is counted when it is first asked for, and kept in step from
 * then on.
 */
#ifndef FIVEPITS_QUOTA_H
#define FIVEPITS_QUOTA_H

#include "server/area.h"

struct quota;

struct quota *quota_new(struct area *a);
void quota_free(struct quota **q);

/* Is there any limit? */
bool quota_is_on(struct quota *q);
/* More of this device's school. */
void quota_add(struct quota *q, const struct id *device, uint64_t bytes);
/* What was counted may not stand any more: count anew when it is asked for. */
void quota_forget(struct quota *q);
/*
 * May a device bring a file of so many bytes? 0; ERR_LIMIT with a cause that says which limit, what
 * is used and what is free; or an error.
 */
int quota_check(struct quota *q, const struct id *device, uint64_t bytes, struct cause *cause);
/* Behind a commit: tell each session what its school may use, where that has moved. */
int quota_tell(struct quota *q);

#endif
