/* The sandbox that documents are read in. */
#include "client/extract/extract.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>

bool sandbox_close(void)
{
	static const int allowed[] = {
		SCMP_SYS(read),	     SCMP_SYS(write),	  SCMP_SYS(lseek),	SCMP_SYS(close),
		SCMP_SYS(fstat),     SCMP_SYS(mmap),	  SCMP_SYS(munmap),	SCMP_SYS(mremap),
		SCMP_SYS(brk),	     SCMP_SYS(madvise),	  SCMP_SYS(exit_group), SCMP_SYS(exit),
		SCMP_SYS(futex),     SCMP_SYS(getrandom), SCMP_SYS(clock_gettime),
		SCMP_SYS(gettimeofday), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
	};
	static const int in_vain[] = {
		SCMP_SYS(open),	    SCMP_SYS(openat), SCMP_SYS(stat),	SCMP_SYS(readlink),
		SCMP_SYS(access), SCMP_SYS(ioctl),	SCMP_SYS(fcntl),
		SCMP_SYS(getpid),   SCMP_SYS(mprotect),
	};
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	/* fstat() is this call, of a descriptor and no name. */
	const struct scmp_arg_cmp no_name = {3, SCMP_CMP_EQ, AT_EMPTY_PATH, 0};
	bool good = filter != NULL;

	for (size_t i = 0; good && i < sizeof(allowed) / sizeof(*allowed); i++)
		good = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0) == 0;
	for (size_t i = 0; good && i < sizeof(in_vain) / sizeof(*in_vain); i++)
		good = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), in_vain[i], 0) == 0;
	good = good && seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
					      &no_name) == 0;
	good = good && seccomp_load(filter) == 0; /* sets no_new_privs */
	seccomp_release(filter);
	return good;
}
