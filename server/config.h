/* DIR/config of the server: where it listens, and what invitations say. Text that a person may
 * edit. */
#ifndef FIVEPITS_CONFIG_H
#define FIVEPITS_CONFIG_H

#include "common/err.h"

struct config {
	char listen[300];  /* HOST:PORT */
	char address[256]; /* HOST:PORT by which schools reach it */
};

int config_write(const char *dir, const struct config *c, struct cause *cause);
/* It is written last when an area is made: where it is, there is one. */
bool config_is_there(const char *dir);
/* Look for the database of an area. ERR_MISSING with a cause: there is no area, or its database is
 * lost; to open it would make an empty one, and remove the log beside it. */
int config_look(const char *dir, struct cause *cause);
/* ERR_MISSING, ERR_INVALID with a cause. */
int config_read(struct config *c, const char *dir, struct cause *cause);
/* What a new area listens on and is reached by, from what was said (either may be NULL). Port 0 is
 * replaced by one that is free now. */
int config_make(struct config *c, const char *listen, const char *address, struct cause *cause);

#endif
