/*
 * Backups: made by SQLite's own copying of a database that is in use, and put back with the word
 * that they are one, so that the server gathers what it lacks before it serves anybody.
 */
#include "server/cmd_backup.h"

#include "common/db.h"
#include "common/os.h"
#include "server/archive.h"
#include "server/command.h"
#include "server/config.h"
#include "server/shelf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- backup --------------------------------------------------------------------------------- */

/* Can such a file be made? Better asked before than after all was read. */
static int backup_check_file(const char *file, const char *copy, struct cause *cause)
{
	if (os_exists(file))
		return cause_set(cause, ERR_EXISTS, "there is a file %s already", file);
	int fd = open(copy, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		return cause_set(cause, ERR_EXISTS,
				 "%s is in the way, of a backup that was cut off: remove it", copy);
	if (fd < 0)
		return cause_set(cause, ERR_IO, "%s can't be written: %s", file, strerror(errno));
	close(fd);
	unlink(copy);
	return 0;
}

/* What the copy names stays where it is meanwhile. */
static int backup_write(struct db *db, const char *dir, const char *file, const char *copy,
			struct cause *cause)
{
	struct os_lock *hold = NULL;
	int err = shelf_hold(dir, &hold, cause);

	if (err == 0)
		err = db_copy(db, copy, cause);
	if (err == 0)
		err = archive_write(file, dir, copy, cause);
	unlink(copy);
	os_lock_close(&hold);
	return err;
}

int backup_run(const char *dir, const char *file, struct cause *cause)
{
	char *path = mem_format("%s/area.db", dir), *copy = mem_format("%s.database", file);
	struct db *db = NULL;
	int err = config_look(dir, cause);

	if (err == 0)
		err = backup_check_file(file, copy, cause);
	if (err == 0)
		err = db_open(&db, path, DB_READ, NULL, AREA_SCHEMA, NULL, cause);
	if (err == 0)
		err = backup_write(db, dir, file, copy, cause);
	db_close(&db);
	free(copy);
	free(path);
	return err;
}

/* ---- verify --------------------------------------------------------------------------------- */

static struct area_options read_options(const char *dir)
{
	return (struct area_options){.dir = dir, .env = os_env(), .read_only = true};
}

static int check_extracted(const char *dir, void (*fault)(void *arg, const char *words), void *arg,
			   struct cause *cause)
{
	struct area_options o = read_options(dir);
	struct area *area;
	int err = area_open(&area, &o, cause);

	if (err < 0)
		return err;
	err = main_check(area, dir, fault, arg);
	area_close(&area);
	return err < 0 ? cause_set(cause, err, "the backup can't be read: %s", err_words(err)) : 0;
}

int backup_verify(const char *file, void (*fault)(void *arg, const char *words), void *arg,
		  struct cause *cause)
{
	char *dir = mem_format("%s.verify", file);
	int err = os_exists(dir)
			  ? cause_set(cause, ERR_EXISTS, "%s is in the way: remove it first", dir)
			  : os_make_dir(dir, cause);

	if (err < 0) {
		free(dir);
		return err;
	}
	err = archive_extract(file, dir, cause);
	if (err == 0)
		err = check_extracted(dir, fault, arg, cause);
	archive_remove_tree(dir);
	free(dir);
	return err;
}

/* ---- restore -------------------------------------------------------------------------------- */

static void no_signature(void *arg, struct bytes statement, uint8_t signature[64])
{
	(void)arg;
	(void)statement;
	memset(signature, 0, 64); /* nothing is sent, so that nothing is signed */
}

/* What was extracted is of this area, can be opened, and says that it is a backup. */
static int restore_mark(const char *dir, const char *extracted, struct cause *cause)
{
	struct area_options o = {
		.dir = extracted, .env = os_env(), .sign = no_signature, .set_back = true};
	char *own = mem_format("%s/ca.pem", dir), *other = mem_format("%s/ca.pem", extracted);
	struct buf one = {0}, two = {0};
	struct area *area;
	int err = ca_is_here(dir) ? os_read_file(own, 65536, &one, cause) : 0;

	if (err == 0)
		err = os_read_file(other, 65536, &two, cause);
	if (err == 0 && one.len && !bytes_equal(buf_bytes(&one), buf_bytes(&two)))
		err = cause_set(cause, ERR_INVALID, "the backup is another area's than %s", dir);
	if (err == 0 && (err = area_open(&area, &o, cause)) == 0) {
		if (!area_is_recovering(area))
			err = cause_set(cause, ERR_FULL, "%s can't be written: %s", extracted,
					err_words(ERR_FULL));
		area_close(&area);
	}
	buf_fini(&one);
	buf_fini(&two);
	free(own);
	free(other);
	return err;
}

static int is_named(const struct dirent *e)
{
	return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

static int restore_move(const char *from, const char *to, const char *name, struct cause *cause)
{
	char *one = mem_format("%s/%s", from, name), *two = mem_format("%s/%s", to, name);
	int err = rename(one, two) < 0 && errno != ENOENT
			  ? cause_set(cause, ERR_IO, "%s: %s", two, strerror(errno))
			  : 0;
	free(one);
	free(two);
	return err;
}

/* What root puts back belongs to whom the directory does: the server that runs as somebody else
 * could not open it. */
static int restore_owner(const char *path, const struct stat *owner)
{
	struct dirent **names;
	struct stat st;
	int n = 0, err = lstat(path, &st) < 0 ? ERR_IO : 0;

	if (err == 0 && (st.st_uid != owner->st_uid || st.st_gid != owner->st_gid) &&
	    lchown(path, owner->st_uid, owner->st_gid) < 0)
		err = ERR_IO;
	if (err < 0 || !S_ISDIR(st.st_mode) || (n = scandir(path, &names, is_named, NULL)) < 0)
		return n < 0 ? ERR_IO : err;
	for (int i = 0; i < n; i++) {
		char *below = mem_format("%s/%s", path, names[i]->d_name);
		err = err < 0 ? err : restore_owner(below, owner);
		free(below);
		free(names[i]);
	}
	free(names);
	return err;
}

static int restore_give(const char *dir, const char *extracted, struct cause *cause)
{
	char *lock = mem_format("%s/lock", dir);
	struct stat owner;
	int err = stat(dir, &owner) < 0 ? ERR_IO : 0;

	if (err == 0 && geteuid() == 0)
		err = restore_owner(extracted, &owner);
	if (err == 0 && geteuid() == 0)
		err = restore_owner(lock, &owner);
	if (err < 0)
		cause_set(cause, err, "what is restored can't be given to the owner of %s: %s", dir,
			  strerror(errno));
	free(lock);
	return err;
}

/* What a backup replaces, in the order in which it is moved into place: the log never without its
 * file, and where the file is, all is. A pack of the same number may hold other documents by now,
 * or lack some, or be damaged. */
static const char *const replaced[] = {"documents", "area.db-wal", "area.db-shm", "area.db"};
enum { REPLACED = sizeof(replaced) / sizeof(*replaced) };

static bool is_replaced(const char *name)
{
	for (size_t i = 0; i < REPLACED; i++)
		if (strcmp(name, replaced[i]) == 0)
			return true;
	return false;
}

/* A directory in `dir` that is not there yet, named by the time. */
static int restore_make_aside(const char *dir, char aside[512], struct cause *cause)
{
	time_t now = (time_t)(env_now_ms(os_env()) / 1000);
	char stamp[32];
	struct tm tm;

	do {
		strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
		snprintf(aside, 512, "%.400s/before-restore-%s", dir, stamp);
		now++;
	} while (os_exists(aside));
	return os_make_dir(aside, cause);
}

/* What is there now is put aside, not removed: it may know more than the backup. */
static int restore_aside(const char *dir, char aside[512], const char *name, struct cause *cause)
{
	char *path = mem_format("%s/%s", dir, name);
	bool there = os_exists(path);
	int err = there && !aside[0] ? restore_make_aside(dir, aside, cause) : 0;

	free(path);
	return err < 0 || !there ? err : restore_move(dir, aside, name, cause);
}

static bool is_same(const char *one, const char *two)
{
	struct buf a = {0}, b = {0};
	bool same = os_read_file(one, 65536, &a, NULL) == 0 &&
		    os_read_file(two, 65536, &b, NULL) == 0 &&
		    bytes_equal(buf_bytes(&a), buf_bytes(&b));

	buf_fini(&a);
	buf_fini(&b);
	return same;
}

/* A config that can be read may have been changed since. Keys are as they were made: one that is
 * not is damaged (and the server's certificate is made anew where it is time). */
static int restore_key(const char *from, const char *to, const char *name, char aside[512],
		       struct cause *cause)
{
	char *source = mem_format("%s/%s", from, name), *target = mem_format("%s/%s", to, name);
	struct config config;
	bool keep = strcmp(name, "config") == 0 ? config_read(&config, to, NULL) == 0
						: is_same(source, target);
	int err = keep ? 0 : restore_aside(to, aside, name, cause);

	if (err == 0 && !keep)
		err = restore_move(from, to, name, cause);
	free(source);
	free(target);
	return err;
}

static int restore_keys(const char *from, const char *to, char aside[512], struct cause *cause)
{
	struct dirent **names;
	int n = scandir(from, &names, is_named, alphasort), err = 0;

	if (n < 0)
		return cause_set(cause, ERR_IO, "%s: %s", from, strerror(errno));
	for (int i = 0; i < n; i++) {
		const char *name = names[i]->d_name;
		if (err == 0 && names[i]->d_type != DT_DIR && !is_replaced(name) &&
		    strcmp(name, "lock") != 0)
			err = restore_key(from, to, name, aside, cause);
		free(names[i]);
	}
	free(names);
	return err;
}

static int restore_extracted(const char *dir, const char *extracted, char aside[512],
			     struct cause *cause)
{
	int err = restore_mark(dir, extracted, cause);

	if (err == 0)
		err = restore_give(dir, extracted, cause);
	for (size_t i = REPLACED; err == 0 && i--;)
		err = restore_aside(dir, aside, replaced[i], cause);
	if (err == 0)
		err = restore_keys(extracted, dir, aside, cause);
	if (err == 0 && aside[0])
		err = os_sync_dir(aside);
	for (size_t i = 0; err == 0 && i < REPLACED; i++)
		err = restore_move(extracted, dir, replaced[i], cause);
	return err < 0 ? err : os_sync_dir(dir);
}

int backup_restore(const char *dir, const char *file, char aside[512], struct cause *cause)
{
	char *lock_path = mem_format("%s/lock", dir), *extracted = mem_format("%s/restoring", dir);
	struct os_lock *lock = NULL;
	int err = os_make_dir(dir, cause);

	aside[0] = '\0';
	if (err == 0)
		err = os_lock_open(&lock, lock_path, cause);
	if (err == 0 && os_lock_take(lock, true, false) < 0)
		err = cause_set(cause, ERR_AGAIN,
				"the server is running: stop it, restore, and start it again");
	if (err == 0) {
		archive_remove_tree(extracted); /* of one that was interrupted */
		err = os_make_dir(extracted, cause);
		if (err == 0)
			err = archive_extract(file, extracted, cause);
		if (err == 0)
			err = restore_extracted(dir, extracted, aside, cause);
		archive_remove_tree(extracted);
	}
	os_lock_close(&lock);
	free(extracted);
	free(lock_path);
	return err;
}

/* ---- recovery --serve beside a running server ----------------------------------------------- */

int backup_ask_to_serve(const char *dir, const struct id *space, struct cause *cause)
{
	const struct timespec rest = {.tv_nsec = 100 * 1000 * 1000};
	char *path = mem_format("%s/serve", dir), text[ID_TEXT];
	int err = os_write_file(path, BYTES(id_format(space, text), strlen(text)), true, cause);

	for (int i = 0; err == 0 && i < 100 && os_exists(path); i++)
		nanosleep(&rest, NULL);
	if (err == 0 && os_exists(path))
		err = cause_set(cause, ERR_AGAIN,
				"the server has not taken it yet: see its log, or stop it first");
	if (err == ERR_AGAIN)
		unlink(path);
	free(path);
	return err;
}
