/*
 * Is a write-ahead log damaged? SQLite takes what follows the first bad frame for a power cut's
 * leavings and drops it without a word; this tells the two apart where that can be done. By the
 * published format (sqlite.org/fileformat2.html, 4). Pure: reads through what it is given.
 */
#ifndef FIVEPITS_DB_LOG_H
#define FIVEPITS_DB_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Read `n` bytes at `offset`; false: there are not as many, or they can't be read. */
typedef bool (*db_log_read)(void *arg, uint64_t offset, void *out, size_t n);

/* How many transactions that were saved stand behind damage, where SQLite does not come: so many
 * at least, 0 where none can be proved. Others may go on writing meanwhile. */
unsigned db_log_lost(db_log_read read, void *arg);

#endif
