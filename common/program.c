/* Owns the version: nothing else is compiled again when only the commit has changed. */
#include "common/program.h"

#include "version.h"

const char *program_version(void)
{
	return FIVEPITS_VERSION;
}
