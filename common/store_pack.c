/*
 * Pack files. A chunk stands there as "FPck", its size as it is, its size as it is stored (the form
 * in the upper 8 bits), its hash, and its bytes, so that a pack can be read without the tables. A
 * pack is appended to by the one process that holds its lock, from where the tables end: what is
 * behind that was never committed.
 */
#include "common/store_inside.h"

#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	PACK_TRIES = 1000,
	PACK_FLUSH = 1024 * 1024,
	PACK_JOIN = 256 * 1024, /* bytes from which on a job for the hand is not added to */
	PACK_RUN = 16,		/* chunks in one write */
	FORM_SHIFT = 24,
};

static const uint8_t pack_magic[4] = {'F', 'P', 'c', 'k'};

char *pack_path(const struct store *s, uint64_t pack)
{
	return mem_format("%s/pack-%llu", s->dir, (unsigned long long)pack);
}

static int pack_fail(struct cause *cause, const char *what)
{
	int error = errno;
	int err = error == ENOSPC || error == EDQUOT || error == EFBIG ? ERR_FULL : ERR_IO;

	log_error("store.write", "what=%s words=\"%s\"", what, strerror(error));
	return cause_set(cause, err, "documents can't be stored: %s", strerror(error));
}

/* ---- Writing -------------------------------------------------------------------------------- */

void pack_wait(struct store *s)
{
	if (s->out.behind)
		hand_wait(s->hand);
	s->out.behind = false;
}

void pack_let_go(struct store *s)
{
	pack_wait(s);
	hand_wait(s->syncer);
	if (s->out.fd >= 0)
		close(s->out.fd);
	os_lock_close(&s->out.lock);
	buf_fini(&s->out.bad);
	atomic_store(&s->word.error, 0);
	atomic_store(&s->word.suspect, false);
	s->out = (struct packing){.fd = -1};
}

int pack_end(struct store *s, uint64_t pack, uint64_t *end)
{
	struct db_stmt *st = db_query(s->db, "SELECT size FROM pack WHERE number = $1", "u", pack);
	int got = db_step(st);

	*end = got > 0 ? (uint64_t)db_int(st, 0) : 0;
	if (got > 0)
		db_reset(st);
	return got < 0 ? got : 0;
}

void pack_cut(struct store *s)
{
	uint64_t end;

	pack_wait(s);
	hand_wait(s->syncer);
	if (s->out.fd >= 0 && pack_end(s, s->out.pack, &end) == 0 &&
	    ftruncate(s->out.fd, (off_t)end) < 0)
		log_warn("store.cut", "words=\"%s\"", strerror(errno));
	pack_let_go(s);
}

/* Take a pack for our own, if nobody has it. 1, 0: it is taken or full, or an error. */
static int pack_take(struct store *s, uint64_t pack, struct cause *cause)
{
	char *path = pack_path(s, pack);
	struct packing *p = &s->out;
	int err = os_lock_open(&p->lock, path, cause);

	p->pack = pack;
	if (err == 0)
		err = os_lock_take(p->lock, true, false);
	if (err == 0)
		err = pack_end(s, pack, &p->end);
	if (err == 0 && p->end < PACK_MOST) {
		p->fd = open(path, O_RDWR | O_CLOEXEC);
		p->flushed = p->passed = p->end;
		atomic_store(&s->word.written, p->end);
		/* A pack that was removed meanwhile is another file, or none. */
		struct stat mine, named;
		bool same = p->fd >= 0 && fstat(p->fd, &mine) == 0 && stat(path, &named) == 0 &&
			    mine.st_ino == named.st_ino;
		if (!same || ftruncate(p->fd, (off_t)p->end) < 0 || os_sync_dir(s->dir) < 0)
			err = pack_fail(cause, "open");
	}
	free(path);
	bool mine = err == 0 && p->fd >= 0;
	if (!mine)
		pack_let_go(s);
	return mine ? 1 : err == ERR_AGAIN ? 0 : err;
}

/* The newest pack, or the first behind it that is free. */
static int pack_choose(struct store *s, struct cause *cause)
{
	struct db_stmt *st = db_query(s->db, "SELECT coalesce(max(number), 1) FROM pack", "");
	int got = db_step(st);
	uint64_t pack = got > 0 ? (uint64_t)db_int(st, 0) : 1;

	if (got > 0)
		db_reset(st);
	int err = got < 0 ? got : os_make_dir(s->dir, cause);
	for (int i = 0; err == 0 && i < PACK_TRIES; i++) {
		err = pack_take(s, pack + (uint64_t)i, cause);
		if (err != 0)
			return err < 0 ? err : 0;
	}
	return err < 0 ? err : cause_set(cause, ERR_IO, "no pack is free in %s", s->dir);
}

static int pack_write(int fd, uint64_t at, struct iovec *v, int n)
{
	while (n) {
		ssize_t done = pwritev(fd, v, n, (off_t)at);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return -1;
		at += (size_t)done;
		while (n && (size_t)done >= v->iov_len) {
			done -= (ssize_t)v->iov_len;
			v++;
			n--;
		}
		if (n) {
			v->iov_base = (uint8_t *)v->iov_base + done;
			v->iov_len -= (size_t)done;
		}
	}
	return 0;
}

/* By the syncer, or while it rests: an error is told once by the system, so it is kept for whoever
 * asks. */
static void pack_fdatasync(struct store *s)
{
	uint64_t written = atomic_load(&s->word.written);

	if (fdatasync(s->out.fd) < 0)
		atomic_store(&s->word.error, errno ? errno : EIO);
	else if (atomic_load(&s->word.stays))
		s->out.passed = written;
	else
		s->out.passed = passing_written(s->out.fd, s->out.passed, written);
}

static void pack_flush_job(void *arg, struct bytes none)
{
	struct store *s = arg;

	(void)none;
	pack_fdatasync(s);
	atomic_store(&s->word.flushing, false);
}

/* Have it brought to the disk meanwhile, so that the sync is short: ours, and that of every edit
 * beside, which waits for all that the disk has taken and not yet kept. */
static void pack_flush(struct store *s, uint64_t end)
{
	if (end - s->out.flushed < PACK_FLUSH || atomic_exchange(&s->word.flushing, true))
		return;
	s->out.flushed = end;
	hand_room(s->syncer);
	hand_do(s->syncer, pack_flush_job, s);
}

/* A job for the hand: chunks with their headers, each behind one of these. */
struct job {
	uint64_t at;
	size_t len;
	bool check;
	struct sha256 *whole;
};

static struct bytes job_next(struct bytes *rest, struct job *j)
{
	memcpy(j, rest->data, sizeof(*j));
	struct bytes chunk = {rest->data + sizeof(*j), j->len};
	*rest = BYTES(chunk.data + chunk.len, rest->len - sizeof(*j) - chunk.len);
	return chunk;
}

/* A chunk that is something else leaves a hole, as one that was erased does. */
static bool job_is_bad(struct store *s, const struct job *j, struct bytes chunk)
{
	struct bytes raw = {chunk.data + PACK_HEADER, chunk.len - PACK_HEADER};
	const uint8_t *hash = chunk.data + PACK_HEADER - SHA256_LEN;
	uint8_t is[SHA256_LEN];

	if (!j->check)
		return false;
	sha256(raw, is);
	if (memcmp(is, hash, SHA256_LEN) != 0) {
		buf_add(&s->out.bad, hash, SHA256_LEN);
		atomic_store(&s->word.suspect, true);
		return true;
	}
	if (j->whole)
		sha256_add(j->whole, raw);
	return false;
}

/* Chunks that stand behind each other in the pack are written at once: a write for each costs the
 * kernel nearly twice the time. */
struct run {
	uint64_t at, end;
	struct iovec v[PACK_RUN];
	int n;
};

static void run_write(struct store *s, struct run *r)
{
	if (r->n && pack_write(s->out.fd, r->at, r->v, r->n) < 0)
		atomic_store(&s->word.error, errno ? errno : EIO);
	else if (r->n)
		atomic_store(&s->word.written, r->end);
	if (r->n)
		pack_flush(s, r->end);
	r->n = 0;
}

static void run_add(struct store *s, struct run *r, uint64_t at, struct bytes chunk)
{
	if (r->n == PACK_RUN || at != r->end)
		run_write(s, r);
	if (r->n == 0)
		r->at = at;
	r->v[r->n++] = (struct iovec){(void *)chunk.data, chunk.len};
	r->end = at + chunk.len;
}

static void pack_write_job(void *arg, struct bytes rest)
{
	struct store *s = arg;
	struct run run = {.n = 0};
	struct job j;

	while (rest.len && !atomic_load(&s->word.error)) {
		struct bytes chunk = job_next(&rest, &j);
		if (!job_is_bad(s, &j, chunk))
			run_add(s, &run, j.at, chunk);
	}
	run_write(s, &run);
}

static int pack_put(struct store *s, const uint8_t header[PACK_HEADER], struct bytes packed,
		    const struct unchecked *unchecked)
{
	struct packing *p = &s->out;

	if (unchecked || s->unsynced >= PACK_BEHIND) {
		struct job j = {p->end, PACK_HEADER + packed.len, unchecked != NULL,
				unchecked ? unchecked->whole : NULL};
		struct buf *job = hand_join(s->hand, pack_write_job, s, PACK_JOIN);
		buf_add(job, &j, sizeof(j));
		buf_add(job, header, PACK_HEADER);
		buf_add_bytes(job, packed);
		p->behind = true;
		hand_do(s->hand, pack_write_job, s);
		return 0;
	}
	pack_wait(s);
	struct iovec v[2] = {{(void *)header, PACK_HEADER}, {(void *)packed.data, packed.len}};
	if (pack_write(p->fd, p->end, v, packed.len ? 2 : 1) < 0)
		return -1;
	atomic_store(&s->word.written, p->end + PACK_HEADER + packed.len);
	pack_flush(s, p->end + PACK_HEADER + packed.len);
	return 0;
}

/* Who takes it next believes the tables: they must be on disk. */
void pack_rest(struct store *s)
{
	if (pack_is_full(s) && s->n_fresh == 0 && !db_in_transaction(s->db))
		pack_let_go(s);
}

int pack_append(struct store *s, const uint8_t hash[SHA256_LEN], struct stored *is,
		struct bytes packed, const struct unchecked *unchecked, struct cause *cause)
{
	struct packing *p = &s->out;
	uint8_t header[PACK_HEADER];

	pack_rest(s);
	int err = p->fd < 0 ? pack_choose(s, cause) : 0;
	if (err < 0)
		return err;
	memcpy(header, pack_magic, 4);
	write_u32be(header + 4, is->raw);
	write_u32be(header + 8, (uint32_t)is->form << FORM_SHIFT | is->size);
	memcpy(header + 12, hash, SHA256_LEN);
	if (pack_put(s, header, packed, unchecked) < 0)
		return pack_fail(cause, "append");
	is->pack = p->pack;
	is->at = p->end;
	p->end += PACK_HEADER + packed.len;
	return 0;
}

/* By the syncer, to which the hand gives it behind what it has written. */
static void pack_sync_job(void *arg, struct bytes none)
{
	struct store *s = arg;

	(void)none;
	pack_fdatasync(s);
	atomic_store(&s->word.synced, true);
}

static void pack_pass_job(void *arg, struct bytes none)
{
	struct store *s = arg;

	(void)none;
	hand_room(s->syncer);
	hand_do(s->syncer, pack_sync_job, s);
}

void pack_sync_begin(struct store *s)
{
	s->out.behind = true;
	atomic_store(&s->word.synced, false);
	hand_room(s->hand);
	hand_do(s->hand, pack_pass_job, s);
}

/* What the hands have found. */
static int pack_word(struct store *s, struct cause *cause)
{
	errno = atomic_exchange(&s->word.error, 0);
	return errno ? pack_fail(cause, "sync") : 0;
}

int pack_sync_end(struct store *s, struct cause *cause)
{
	if (!atomic_load(&s->word.synced)) {
		pack_wait(s);
		hand_wait(s->syncer);
	}
	return pack_word(s, cause);
}

int pack_sync(struct store *s, struct cause *cause)
{
	pack_wait(s);
	hand_wait(s->syncer);
	if (s->out.fd >= 0)
		pack_fdatasync(s);
	return pack_word(s, cause);
}

bool pack_is_full(const struct store *s)
{
	return s->out.fd >= 0 && s->out.end >= PACK_MOST;
}

/* ---- Reading -------------------------------------------------------------------------------- */

static int pack_open(struct store *s, uint64_t pack)
{
	for (size_t i = 0; i < PACK_OPEN; i++)
		if (s->files[i].fd > 0 && s->files[i].pack == pack)
			return s->files[i].fd;
	char *path = pack_path(s, pack);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	free(path);
	if (fd < 0)
		return errno == ENOENT ? ERR_MISSING : ERR_IO;
	struct pack_file *f = &s->files[s->next_file++ % PACK_OPEN];
	if (f->fd > 0)
		close(f->fd);
	*f = (struct pack_file){pack, fd};
	return fd;
}

/* Into two places, one behind the other; `n` short at the end of the pack. */
static int pack_readv(struct store *s, uint64_t pack, uint64_t at, struct iovec v[2], size_t *n)
{
	int fd = pack_open(s, pack);
	size_t len = v[0].iov_len + v[1].iov_len;

	*n = 0;
	if (fd < 0)
		return fd;
	if (pack == s->out.pack && at + len > atomic_load(&s->word.written))
		pack_wait(s);
	while (*n < len) {
		ssize_t got = preadv(fd, v, 2, (off_t)(at + *n));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			log_error("store.read", "words=\"%s\"", strerror(errno));
			return ERR_IO;
		}
		if (got == 0)
			break;
		*n += (size_t)got;
		for (int i = 0; i < 2; i++) {
			size_t part = (size_t)got < v[i].iov_len ? (size_t)got : v[i].iov_len;
			v[i] = (struct iovec){(uint8_t *)v[i].iov_base + part, v[i].iov_len - part};
			got -= (ssize_t)part;
		}
	}
	passing_read(&s->passing, pack, fd, at, *n);
	return 0;
}

int pack_bytes(struct store *s, uint64_t pack, uint64_t at, uint8_t *out, size_t len, size_t *n)
{
	struct iovec v[2] = {{out, len}, {NULL, 0}};

	return pack_readv(s, pack, at, v, n);
}

int pack_read(struct store *s, const uint8_t hash[SHA256_LEN], const struct stored *is,
	      struct buf *out)
{
	uint8_t h[PACK_HEADER];
	size_t n;

	buf_reset(out);
	struct iovec v[2] = {{h, sizeof(h)}, {buf_reserve(out, is->size + 1), is->size}};
	int err = pack_readv(s, is->pack, is->at, v, &n);
	if (err < 0)
		return err;
	if (n != PACK_HEADER + (size_t)is->size || memcmp(h, pack_magic, 4) != 0 ||
	    read_u32be(h + 4) != is->raw ||
	    read_u32be(h + 8) != ((uint32_t)is->form << FORM_SHIFT | is->size) ||
	    memcmp(h + 12, hash, SHA256_LEN) != 0)
		return ERR_CORRUPT;
	out->len = is->size;
	return 0;
}

uint64_t pack_size(const struct store *s, uint64_t pack)
{
	char *path = pack_path(s, pack);
	struct stat st;
	uint64_t size = stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;

	free(path);
	return size;
}

/* ---- Erasing -------------------------------------------------------------------------------- */

int pack_erase(struct store *s, uint64_t pack, uint64_t at, uint64_t len)
{
	static const uint8_t zeros[16 * 1024];
	char *path = pack_path(s, pack);
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW), err = 0;

	free(path);
	if (fd < 0)
		return errno == ENOENT ? 0 : ERR_IO;
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)len) < 0) {
		struct stat st;
		uint64_t end = fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
		while (err == 0 && len && at < end) {
			size_t n = len < sizeof(zeros) ? (size_t)len : sizeof(zeros);
			struct iovec v = {(void *)zeros, n};
			if (pack_write(fd, at, &v, 1) < 0)
				err = ERR_IO;
			at += n;
			len -= n;
		}
	}
	if (fdatasync(fd) < 0)
		err = ERR_IO;
	close(fd);
	return err;
}

void pack_remove(struct store *s, uint64_t pack)
{
	char *path = pack_path(s, pack);

	for (size_t i = 0; i < PACK_OPEN; i++)
		if (s->files[i].fd > 0 && s->files[i].pack == pack) {
			close(s->files[i].fd);
			s->files[i] = (struct pack_file){0};
		}
	unlink(path);
	free(path);
}
