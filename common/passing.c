#include "common/passing.h"

#include <fcntl.h>

/* What the list of a document or another reader takes of a block need not be read with the rest. */
enum { PASSING_REST = PASSING_BLOCK / 32 };

/* Advice: where it can't be taken nothing is lost. */
static void passing_let_go(int fd, uint64_t from, uint64_t len)
{
	(void)posix_fadvise(fd, (off_t)from, (off_t)len, POSIX_FADV_DONTNEED);
}

static struct block *passing_block(struct passing *p, uint64_t file, uint64_t from)
{
	for (size_t i = 0; i < PASSING_BLOCKS; i++) {
		struct block *b = &p->blocks[i];
		if (b->read && b->file == file && b->from == from)
			return b;
	}
	struct block *b = &p->blocks[p->next++ % PASSING_BLOCKS];
	*b = (struct block){file, from, 0};
	return b;
}

/* By blocks, and not by how far a reader has come, since several read side by side, and a reader
 * looks elsewhere in between. */
void passing_read(struct passing *p, uint64_t file, int fd, uint64_t at, size_t n)
{
	while (n) {
		struct block *b = passing_block(p, file, at - at % PASSING_BLOCK);
		uint64_t rest = b->from + PASSING_BLOCK - at;
		size_t here = rest < n ? (size_t)rest : n;
		b->read += here;
		if (b->read >= PASSING_BLOCK - PASSING_REST) {
			passing_let_go(fd, b->from, PASSING_BLOCK);
			b->read = 0;
		}
		at += here;
		n -= here;
	}
}

uint64_t passing_written(int fd, uint64_t from, uint64_t to)
{
	if (to > from)
		passing_let_go(fd, from, to - from);
	return to - to % PASSING_BLOCK;
}
