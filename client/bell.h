/* The bell HOME/wake: a running `serve` hears it, and looks at what was left for it. */
#ifndef FIVEPITS_BELL_H
#define FIVEPITS_BELL_H

/* Where it is; new. */
char *bell_path(const char *home);
/* Where nobody listens, nothing happens. */
void bell_ring(const char *home);

#endif
