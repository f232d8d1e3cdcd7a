/*
 * Files coming into the store: see contents.h. What comes in is cut as it is read, and synced a few
 * MiB at a time: a crash leaves chunks that nothing names, which are found again when the file is
 * put again.
 */
#include "client/contents_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BLOCK = 1024 * 1024,	       /* read at once; four chunks at least */
	SYNC_BYTES = 16 * 1024 * 1024, /* are put before they are made to last */
	READ_TRIES = 3,		       /* of a file that changes */
};

int contents_sync(struct copy *copy, struct cause *cause)
{
	struct store *store = copy_store(copy);
	int err = inside_commit_others(copy);

	store_set_day(store, inside_today(copy));
	if (err == 0)
		err = copy_begin(copy);
	if (err == 0)
		err = store_sync(store, cause);
	if (err == 0)
		err = copy_commit(copy);
	if (err < 0) {
		copy_rollback(copy);
		store_forget(store);
		if (cause && !cause->words[0])
			cause_set(cause, err, "the document could not be stored: %s",
				  err_words(err));
	}
	return err;
}

struct intake {
	struct copy *copy;
	int fd;
	const char *path;
	struct stat before;
	struct buf data; /* read and not cut */
	struct buf there; /* a chunk that was here before */
	struct buf last;  /* the chunk before; of a file with holes it is often the same again */
	uint8_t last_hash[SHA256_LEN];
	size_t at;	 /* up to here it is cut */
	uint64_t done;
	struct listing *list;
	struct sha256 *sha;
	uint64_t gear[256];
	void (*progress)(void *arg, uint64_t done, uint64_t all);
	void *arg;
	struct cause *cause;
};

/* Keep a chunk, unless it is here; one that is here and can't be read is replaced. */
static int intake_put(struct intake *in, const uint8_t hash[SHA256_LEN], bool node,
		      struct bytes raw)
{
	struct store *store = copy_store(in->copy);
	struct stored is;
	int got = store_find(store, hash, &is);

	if (got > 0)
		got = store_get(store, hash, &in->there);
	if (got == ERR_CORRUPT) {
		got = copy_begin(in->copy);
		if (got == 0)
			got = store_take_out(store, hash);
		if (got == 0)
			got = copy_commit(in->copy);
	}
	return got < 0 ? got : store_put_raw(store, hash, node, raw, in->cause);
}

static int intake_node(void *arg, unsigned level, const uint8_t hash[SHA256_LEN], struct bytes node)
{
	(void)level;
	return intake_put(arg, hash, true, node);
}

static int intake_chunk(struct intake *in, struct bytes chunk)
{
	struct store *store = copy_store(in->copy);
	bool again = in->done && bytes_equal(chunk, buf_bytes(&in->last));
	int err = 0;

	sha256_add(in->sha, chunk);
	if (!again) {
		sha256(chunk, in->last_hash);
		buf_reset(&in->last);
		buf_add_bytes(&in->last, chunk);
		err = intake_put(in, in->last_hash, false, chunk);
	}
	if (err >= 0)
		err = listing_add(in->list, in->last_hash, chunk.len);
	if (err >= 0 && store_unsynced(store) >= SYNC_BYTES)
		err = contents_sync(in->copy, in->cause);
	in->done += chunk.len;
	if (in->progress)
		in->progress(in->arg, in->done, (uint64_t)in->before.st_size);
	return err < 0 ? err : 0;
}

/* More of the file behind what is not cut yet. 1: some came; 0: the end. */
static int intake_read(struct intake *in)
{
	size_t left = in->data.len - in->at;

	if (left)
		memmove(in->data.data, in->data.data + in->at, left);
	in->data.len = left;
	in->at = 0;
	for (;;) {
		ssize_t n = read(in->fd, buf_reserve(&in->data, BLOCK), BLOCK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cause_set(in->cause, ERR_IO, "can't read %s to its end: %s",
					 in->path, strerror(errno));
		in->data.len += (size_t)n;
		return n > 0;
	}
}

static int intake_cut(struct intake *in)
{
	bool last = false;
	int err = 0;

	while (err == 0) {
		struct bytes rest = BYTES(in->data.data + in->at, in->data.len - in->at);
		size_t n = chunk_cut(in->gear, rest, last);
		if (n) {
			in->at += n;
			err = intake_chunk(in, BYTES(rest.data, n));
		} else if (last) {
			return in->done ? 0 : intake_chunk(in, BYTES("", 0));
		} else {
			int got = intake_read(in);
			last = got == 0;
			err = got < 0 ? got : 0;
		}
	}
	return err;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* A regular file to read. */
static int intake_open(struct intake *in)
{
	in->fd = open(in->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (in->fd < 0)
		return cause_set(in->cause, inside_file_err(), "can't read %s: %s", in->path,
				 strerror(errno));
	if (fstat(in->fd, &in->before) < 0 || !S_ISREG(in->before.st_mode))
		return cause_set(in->cause, ERR_INVALID, "%s is not a file", in->path);
	if ((uint64_t)in->before.st_size > CONTENT_MOST)
		return cause_set(in->cause, ERR_LIMIT, "%s is too large for a document", in->path);
	return 0;
}

/* Once through the file. ERR_AGAIN: it changed meanwhile. */
static int intake_once(struct intake *in, struct content *out)
{
	struct stat after;
	unsigned level;
	int err = intake_open(in);

	in->list = listing_new(intake_node, in);
	in->sha = sha256_begin();
	if (err == 0)
		err = intake_cut(in);
	if (err == 0 && (fstat(in->fd, &after) < 0 || !same_file(&in->before, &after) ||
			 in->done != (uint64_t)after.st_size))
		err = cause_set(in->cause, ERR_AGAIN,
				"%s goes on changing while it is read: try again when it is "
				"finished",
				in->path);
	if (err == 0)
		err = listing_end(in->list, out->root, &level);
	sha256_end(&in->sha, out->sha);
	out->bytes = in->done;
	listing_free(&in->list);
	if (in->fd >= 0)
		close(in->fd);
	in->fd = -1;
	in->done = in->at = 0;
	buf_reset(&in->data);
	return err;
}

/* All of it is in the store: make that last, and that it is whole. */
static int intake_keep(struct copy *copy, const struct content *c, struct cause *cause)
{
	int err = contents_sync(copy, cause);

	if (err == 0)
		err = copy_begin(copy);
	if (err == 0)
		err = store_content_set(copy_store(copy), c);
	if (err == 0)
		err = copy_commit(copy);
	if (err < 0) {
		copy_rollback(copy);
		if (cause && !cause->words[0])
			cause_set(cause, err, "the document could not be stored: %s",
				  err_words(err));
	}
	return err;
}

int contents_add(struct copy *copy, const char *path, struct content *out,
		 void (*progress)(void *arg, uint64_t done, uint64_t all), void *arg,
		 struct cause *cause)
{
	struct intake in = {.copy = copy,
			    .fd = -1,
			    .path = path,
			    .progress = progress,
			    .arg = arg,
			    .cause = cause};
	int err = ERR_AGAIN;

	if (cause)
		cause->words[0] = '\0';
	chunk_gear(in.gear);
	for (int i = 0; err == ERR_AGAIN && i < READ_TRIES; i++)
		err = intake_once(&in, out);
	if (err == 0)
		err = intake_keep(copy, out, cause);
	buf_fini(&in.data);
	buf_fini(&in.there);
	buf_fini(&in.last);
	return err;
}
