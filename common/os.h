/*
 * What is asked of the operating system beside sockets and SQL: files that last, locks between
 * processes, wake-ups, chance, the terminal, the editor. All of it is here, since a client for
 * another system is to come.
 */
#ifndef FIVEPITS_OS_H
#define FIVEPITS_OS_H

#include "common/env.h"
#include "common/err.h"
#include "common/mem.h"

#include <stdbool.h>
#include <stdio.h>

/* The system's clock and entropy. */
const struct env *os_env(void);
uint64_t os_monotonic_us(void);

/* Let the allocator keep a few MiB that come and go with each chunk of a document: returned to the
 * system each time, they cost more than what is done with them. Once, at the start of a program. */
void os_keep_memory(void);

/* Make a directory (parents too) for this user alone. 0, also if it is there; ERR_IO, ERR_FULL. */
int os_make_dir(const char *path, struct cause *cause);
bool os_exists(const char *path);
/* Write a whole file so that it is there whole or not at all, also after a power cut: temporary,
 * fsync, rename, fsync of the directory. `secret`: for this user alone (0600). */
int os_write_file(const char *path, struct bytes data, bool secret, struct cause *cause);
/* Read a whole file of at most `most` bytes into `out`. ERR_MISSING, ERR_LIMIT, ERR_IO. */
int os_read_file(const char *path, size_t most, struct buf *out, struct cause *cause);
/* fsync the directory, so that names in it last. */
int os_sync_dir(const char *path);

/* A lock file: one process (or one owner in it) at a time. Made if absent; freed by the system when
 * the process ends. os_lock_take: `exclusive` or shared; `wait`: ERR_AGAIN at once if false. */
struct os_lock;
int os_lock_open(struct os_lock **out, const char *path, struct cause *cause);
/* The same on a directory that is there: nothing is made. ERR_MISSING: it is not. */
int os_lock_open_dir(struct os_lock **out, const char *path, struct cause *cause);
int os_lock_take(struct os_lock *lock, bool exclusive, bool wait);
void os_lock_free(struct os_lock *lock); /* let go of it, keep the file open */
void os_lock_close(struct os_lock **lock);

/* A doorbell at `path`: os_bell_open makes it and returns a descriptor that becomes readable when
 * another process rings; os_bell_clear takes the rings. Ringing where nobody listens does nothing.
 */
int os_bell_open(const char *path, struct cause *cause); /* descriptor or error */
void os_bell_clear(int fd);
void os_bell_ring(const char *path);

/* Is this stream a terminal, and how wide (80 if not known)? */
bool os_is_terminal(FILE *stream);
int os_terminal_width(FILE *stream);
/* Let the person edit `text` in $VISUAL or $EDITOR or vi, on a private temporary file. ERR_IO with
 * a cause; ERR_LIMIT with one where it is too long to be read, and is left in that file; so is what
 * was saved by an editor that failed then. */
int os_edit_text(struct bytes text, struct buf *out, struct cause *cause);

/* What a program may use before it is ended. */
struct os_limits {
	uint64_t memory;      /* bytes of address space */
	unsigned cpu_seconds, seconds; /* of the processor, of the clock */
	size_t out;	      /* bytes that it may print */
};

/*
 * Run a program with the descriptor `in` as its standard input and without an environment, and
 * append what it prints to `out`. Its standard error is lost. Its exit status, 0 to 255;
 * ERR_LIMIT: it went beyond a limit or was ended by a signal; ERR_MISSING: there is no such
 * program; ERR_IO. What it had started ends with it.
 */
int os_run(const char *const argv[], int in, const struct os_limits *limits, struct buf *out);
/* Start a program by itself, in the background: it gives way to others, and nothing that it says is
 * heard. A handle for os_ended, or ERR_IO. */
int os_start(const char *const argv[]);
bool os_ended(int started);
/* Where this program's own file lies, without its name; free() it. NULL: the system does not say.
 */
char *os_program_dir(void);
/* A file without a name, of `path`'s directory, for reading and writing. Descriptor or an error. */
int os_scratch(const char *dir, struct cause *cause);

#endif
