/*
 * Two versions of the schema in one process: the whole one, and an older one that lacks a few types
 * and the newest fields of others. Whose code runs next says which it knows.
 */
#ifndef FIVEPITS_SIM_VIEW_H
#define FIVEPITS_SIM_VIEW_H

#include <stdbool.h>

void view_take(bool old);

#endif
