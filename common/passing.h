/*
 * What only passes through a file is let go from the system's page cache behind it: documents go
 * to the disk or come from it once, and would push out what the people at the computer work with.
 * It is quicker, too, where fresh memory is dear: on a virtual machine whose host takes back what
 * is free, a page new to the cache costs several times what writing it does (measured: 1 GiB in
 * pieces of 1 MiB, each synced, 0.9 s instead of 2.8 s; read from the disk 0.4 s instead of 2 s).
 *
 * Sources: posix_fadvise(2), POSIX_FADV_DONTNEED: only pages that are on the disk are let go.
 */
#ifndef FIVEPITS_PASSING_H
#define FIVEPITS_PASSING_H

#include <stddef.h>
#include <stdint.h>

enum {
	PASSING_BLOCK = 2 * 1024 * 1024, /* let go at once; the kernel's largest folio on x86-64 */
	PASSING_BLOCKS = 64,		 /* that are followed: so many readers side by side */
};

/* Blocks that are being read, of several files; {0} is a new one. */
struct passing {
	struct block {
		uint64_t file, from, read; /* `read` 0: unused */
	} blocks[PASSING_BLOCKS];
	size_t next;
};

/* `n` bytes at `at` were read from `fd`, which is `file` of whoever asks, by whatever number. A
 * block is let go when nearly all of it was read: that of a few chunks stays. */
void passing_read(struct passing *p, uint64_t file, int fd, uint64_t at, size_t n);

/* All up to `to` was written and synced, and let go before up to `from`. Returns the next `from`:
 * the block that is not full stays with the next. */
uint64_t passing_written(int fd, uint64_t from, uint64_t to);

#endif
