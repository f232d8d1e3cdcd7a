/*
 * Files coming into the store: see intake.h. What comes in is cut as it is read, and synced a few
 * MiB at a time: a crash leaves chunks that nothing names, which are found again when the file is
 * put again.
 */
#include "client/intake.h"

#include "client/contents_inside.h"
#include "client/texts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	BLOCK = 1024 * 1024,	       /* read at once; four chunks at least */
	SYNC_BYTES = 16 * 1024 * 1024, /* are put before they are made to last */
	READ_TRIES = 3,		       /* of a file that changes */
};

struct intake {
	struct copy *copy;
	void (*progress)(void *arg, uint64_t done, uint64_t all);
	void *arg;
	struct buf files; /* of struct content: read, and not kept yet */
	struct buf mute;  /* roots of those that can have no text */
	struct buf found; /* chunks of them, and of the one under way, that were here before */
	size_t n_found;	  /* bytes of that which are of files that were read */
	int lost;	  /* why what was read is not there any more; 0: it is */
	uint64_t gear[256];
	/* Of the file under way: */
	int fd;
	const char *path;
	struct stat before;
	struct buf head;
	struct buf data;  /* read and not cut */
	struct buf there; /* a chunk that was here before */
	struct buf last;  /* the chunk before; of a file with holes it is often the same again */
	uint8_t last_hash[SHA256_LEN];
	size_t at; /* up to here it is cut */
	uint64_t done;
	struct listing *list;
	struct sha256 *sha;
	struct cause *cause;
};

struct intake *intake_new(struct copy *copy,
			  void (*progress)(void *arg, uint64_t done, uint64_t all), void *arg)
{
	struct intake *in = mem_alloc(sizeof(*in));

	in->copy = copy;
	in->progress = progress;
	in->arg = arg;
	in->fd = -1;
	chunk_gear(in->gear);
	return in;
}

void intake_free(struct intake **intake)
{
	struct intake *in = *intake;

	if (!in)
		return;
	buf_fini(&in->files);
	buf_fini(&in->mute);
	buf_fini(&in->found);
	buf_fini(&in->head);
	buf_fini(&in->data);
	buf_fini(&in->there);
	buf_fini(&in->last);
	free(in);
	*intake = NULL;
}

struct bytes intake_head(const struct intake *in)
{
	return buf_bytes(&in->head);
}

/* ---- Keeping -------------------------------------------------------------------------------- */

/* What was here when it was read may have been dropped since, by another process. */
static int intake_check_found(struct intake *in, struct cause *cause)
{
	struct stored is;
	int got = 1;

	for (size_t i = 0; got > 0 && i < in->n_found; i += SHA256_LEN)
		got = store_find(copy_store(in->copy), in->found.data + i, &is);
	return got == 0 ? cause_set(cause, ERR_AGAIN,
				    INTAKE_AGAIN)
			: got < 0 ? got : 0;
}

/* Those that were read are through; of the one under way it goes on. */
static void intake_pass_found(struct intake *in)
{
	in->found.len -= in->n_found;
	if (in->found.len)
		memmove(in->found.data, in->found.data + in->n_found, in->found.len);
	in->n_found = 0;
}

/* That the files are whole, and those of them that the search need not look at. */
static int intake_note(struct intake *in, struct cause *cause)
{
	const struct content *list = (const struct content *)in->files.data;
	int err = intake_check_found(in, cause);

	for (size_t i = 0; err == 0 && i < in->files.len / sizeof(*list); i++)
		err = store_content_set(copy_store(in->copy), &list[i]);
	for (size_t i = 0; err == 0 && i < in->mute.len; i += SHA256_LEN)
		err = texts_note_none(in->copy, in->mute.data + i);
	return err;
}

/* Make last what was put into the store; of `in` (may be NULL) its files too. */
static int contents_keep(struct copy *copy, int (*sync)(struct store *s, struct cause *cause),
			 struct intake *in, struct cause *cause)
{
	struct store *store = copy_store(copy);
	int err = inside_commit_others(copy);

	store_set_day(store, inside_today(copy));
	if (err == 0)
		err = copy_begin(copy);
	if (err == 0)
		err = sync(store, cause);
	if (err == 0 && in)
		err = intake_note(in, cause);
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

int contents_sync(struct copy *copy, struct cause *cause)
{
	return contents_keep(copy, store_sync, NULL, cause);
}

int contents_sync_end(struct copy *copy, struct cause *cause)
{
	return contents_keep(copy, store_sync_end, NULL, cause);
}

/* Of many files those that were read, and of a large one what there is so far. */
static int intake_keep_some(struct intake *in)
{
	int err = contents_keep(in->copy, store_sync, in, in->cause);

	if (in->files.len)
		in->lost = err;
	buf_reset(&in->files);
	buf_reset(&in->mute);
	intake_pass_found(in);
	return err;
}

int intake_keep(struct intake *in, struct cause *cause)
{
	int err = in->lost;

	if (cause)
		cause->words[0] = '\0';
	if (err < 0)
		cause_set(cause, err, "the document could not be stored: %s", err_words(err));
	else
		err = contents_keep(in->copy, store_sync, in, cause);
	buf_reset(&in->files);
	buf_reset(&in->mute);
	intake_pass_found(in);
	in->lost = 0;
	return err;
}

/* ---- One file ------------------------------------------------------------------------------- */

/* Keep a chunk, unless it is here; one that is here and can't be read is replaced. */
static int intake_put(struct intake *in, const uint8_t hash[SHA256_LEN], bool node,
		      struct bytes raw)
{
	struct store *store = copy_store(in->copy);
	struct stored is;
	int got = store_find(store, hash, &is);
	bool found = got > 0;

	if (found)
		got = store_get(store, hash, &in->there);
	found = found && got == 0;
	if (got == ERR_CORRUPT) {
		got = copy_begin(in->copy);
		if (got == 0)
			got = store_take_out(store, hash);
		if (got == 0)
			got = copy_commit(in->copy);
		else
			copy_rollback(in->copy);
	}
	if (found)
		buf_add(&in->found, hash, SHA256_LEN);
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
		err = intake_keep_some(in);
	if (in->head.len < INTAKE_HEAD)
		buf_add(&in->head, chunk.data,
			chunk.len < INTAKE_HEAD - in->head.len ? chunk.len
							       : INTAKE_HEAD - in->head.len);
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

static int intake_changed(struct intake *in)
{
	return cause_set(in->cause, ERR_AGAIN,
			 "%s goes on changing while it is read: try again when it is finished",
			 in->path);
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
			/* One that grows as fast as it is read would have no end. */
			if (err == 0 && in->done > (uint64_t)in->before.st_size)
				err = intake_changed(in);
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

	if (err == 0) /* it may release what is found here */
		err = inside_commit_others(in->copy);
	in->done = in->at = 0;
	in->found.len = in->n_found;
	buf_reset(&in->data);
	buf_reset(&in->head);
	in->list = listing_new(intake_node, in);
	in->sha = sha256_begin();
	if (err == 0)
		err = intake_cut(in);
	if (err == 0 && (fstat(in->fd, &after) < 0 || !same_file(&in->before, &after) ||
			 in->done != (uint64_t)after.st_size))
		err = intake_changed(in);
	if (err == 0)
		err = listing_end(in->list, out->root, &level);
	sha256_end(&in->sha, out->sha);
	out->bytes = in->done;
	listing_free(&in->list);
	if (in->fd >= 0)
		close(in->fd);
	in->fd = -1;
	return err;
}

int intake_file(struct intake *in, const char *path, struct content *out, struct cause *cause)
{
	int err = ERR_AGAIN;

	if (cause)
		cause->words[0] = '\0';
	in->path = path;
	in->cause = cause;
	for (int i = 0; err == ERR_AGAIN && i < READ_TRIES; i++)
		err = intake_once(in, out);
	if (err == 0) {
		buf_add(&in->files, out, sizeof(*out));
		in->n_found = in->found.len;
	}
	if (err == 0 && texts_none(intake_head(in)))
		buf_add(&in->mute, out->root, SHA256_LEN);
	if (err < 0 && cause && !cause->words[0])
		cause_set(cause, err, "%s could not be kept: %s", path, err_words(err));
	return err;
}
