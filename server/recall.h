/* Asking back of a copy what it holds and this server does not: PROTOCOL.md, "Recovery". */
#ifndef FIVEPITS_RECALL_H
#define FIVEPITS_RECALL_H

#include "server/hello.h"

/* Ask for a space that is not on the line. 0 or an error. */
int recall_send(struct session *s, struct told *t);
void recall_on_run(struct session *s, const struct frame *f, void *message);
/* Nothing more comes of what it was handing in. */
void recall_drop(struct session *s);
/* The same, since it is not what this server has signed; the session ends with that. */
void recall_refuse(struct session *s, const char *why);
/* Of what the copy has and was entered anew: tell it to go back, where it may read that. */
void recall_rewind(struct session *s);

#endif
