/*
 * Joining: an invitation becomes this device's key, certificate and copy. PROTOCOL.md, "Enrolment".
 */
#ifndef FIVEPITS_JOIN_H
#define FIVEPITS_JOIN_H

#include "common/err.h"

/*
 * Make a key in `home` (made if absent), have it signed by the area's server, and make the empty
 * copy. `proxy` as in proxy_choose, NULL or empty: what the environment says. `label` names the
 * device for people, NULL: the computer's name. ERR_EXISTS: there is a copy in `home`; ERR_INVALID:
 * this is no invitation; ERR_AUTH: it was not accepted; ERR_OFFLINE: the server can't be reached.
 * With a cause.
 */
int join_run(const char *home, const char *invitation, const char *proxy, const char *label,
	     struct cause *cause);

#endif
