/*
 * Errands between processes: HOME/errands/TOKEN.ask holds one, TOKEN.taken too while it is run,
 * TOKEN.done its answer. All are one line of words and hex digits, seen whole or not at all. The
 * answer is written over what was asked, since a disk that is full has room for that.
 */
#include "client/errand.h"

#include "client/bell.h"
#include "common/os.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MOST = 2048 };

static char *errand_path(const char *home, const char *token, const char *what)
{
	return mem_format("%s/errands/%s%s", home, token, what);
}

static void hex_write(char *out, const uint8_t *data, size_t n)
{
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", data[i]);
}

static bool hex_read(const char *text, uint8_t *out, size_t n)
{
	if (strlen(text) != 2 * n || strspn(text, "0123456789abcdef") != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned v;
		if (sscanf(text + 2 * i, "%2x", &v) != 1)
			return false;
		out[i] = (uint8_t)v;
	}
	return true;
}

static void errand_format(const struct errand *e, char line[LINE_MOST])
{
	char root[65], content[65], person[33], school[33], invitation[33], verifier[65];
	char change[33];

	hex_write(root, e->content.root, SHA256_LEN);
	hex_write(content, e->content.sha, SHA256_LEN);
	hex_write(person, e->person.b, 16);
	hex_write(school, e->school.b, 16);
	hex_write(invitation, e->invitation, 16);
	hex_write(verifier, e->verifier, SHA256_LEN);
	hex_write(change, e->change.b, 16);
	snprintf(line, LINE_MOST, "%d %s %s %" PRIu64 " %s %s %s %s %s %" PRIu64 " %s\n",
		 (int)e->kind, root, content, e->content.bytes, person, school, invitation,
		 verifier, change, e->limit, e->words);
}

static bool errand_parse(struct errand *e, const char *line)
{
	char root[65], content[65], person[33], school[33], invitation[33], verifier[65];
	char change[33];
	int kind, words = 0;

	memset(e, 0, sizeof(*e));
	if (sscanf(line, "%d %64s %64s %" SCNu64 " %32s %32s %32s %64s %32s %" SCNu64 " %n", &kind,
		   root, content, &e->content.bytes, person, school, invitation, verifier, change,
		   &e->limit, &words) != 10 ||
	    kind < ERRAND_SYNC || kind > ERRAND_REFUSE)
		return false;
	e->kind = (enum errand_kind)kind;
	snprintf(e->words, sizeof(e->words), "%s", words ? line + words : "");
	e->words[strcspn(e->words, "\n")] = '\0';
	return hex_read(root, e->content.root, SHA256_LEN) &&
	       hex_read(content, e->content.sha, SHA256_LEN) && hex_read(person, e->person.b, 16) &&
	       hex_read(school, e->school.b, 16) && hex_read(invitation, e->invitation, 16) &&
	       hex_read(verifier, e->verifier, SHA256_LEN) && hex_read(change, e->change.b, 16);
}

int errand_post(const char *home, const struct errand *e, char token[ERRAND_TOKEN],
		struct cause *cause)
{
	uint8_t random[16];
	char line[LINE_MOST];
	char *dir = mem_format("%s/errands", home);
	int rc = os_make_dir(dir, cause);

	free(dir);
	if (rc)
		return rc;
	env_random(os_env(), random, sizeof(random));
	hex_write(token, random, sizeof(random));
	errand_format(e, line);
	char *path = errand_path(home, token, ".ask");
	rc = os_write_file(path, BYTES(line, strlen(line)), true, cause);
	free(path);
	if (rc == 0)
		bell_ring(home);
	return rc;
}

int errand_answer(const char *home, const char *token, struct errand *e, int *result,
		  struct cause *cause)
{
	char *path = errand_path(home, token, ".done");
	struct buf line = {0};
	int words = 0;

	bool there = os_read_file(path, LINE_MOST, &line, NULL) == 0;
	if (there) {
		buf_add_u8(&line, 0);
		char *text = (char *)line.data;
		text[strcspn(text, "\n")] = 0;
		int verdict = 0;
		if (sscanf(text, "%d %" SCNu64 " %d %n", result, &e->expires_ms, &verdict,
			   &words) < 3)
			*result = cause_set(cause, ERR_FULL,
					    "there is no room for what the 'fivepits serve' that "
					    "runs here has to say, so this may be done or not");
		else
			cause_set(cause, 0, "%.500s", text + words);
		e->verdict = (enum verdict)verdict;
		unlink(path);
	}
	free(path);
	buf_fini(&line);
	return there;
}

void errand_withdraw(const char *home, const char *token)
{
	static const char *const whats[] = {".ask", ".taken", ".done"};

	for (int i = 0; i < 3; i++) {
		char *path = errand_path(home, token, whats[i]);
		unlink(path);
		free(path);
	}
}

/* The name of a file here that ends in `what`, up to there; false: there is none. */
static bool errand_find(const char *home, const char *what, char token[ERRAND_TOKEN])
{
	char *path = mem_format("%s/errands", home);
	DIR *dir = opendir(path);
	struct dirent *entry = NULL;

	free(path);
	while (dir && (entry = readdir(dir))) {
		const size_t n = ERRAND_TOKEN - 1;
		if (strspn(entry->d_name, "0123456789abcdef") == n &&
		    strcmp(entry->d_name + n, what) == 0) {
			memcpy(token, entry->d_name, n);
			token[n] = 0;
			break;
		}
	}
	if (dir)
		closedir(dir);
	return entry != NULL;
}

int errand_take(const char *home, struct errand *e, char token[ERRAND_TOKEN])
{
	while (errand_find(home, ".ask", token)) {
		char *path = errand_path(home, token, ".ask");
		char *taken = errand_path(home, token, ".taken");
		struct buf line = {0};
		bool read = os_read_file(path, LINE_MOST, &line, NULL) == 0;
		bool mine = rename(path, taken) == 0;
		buf_add_u8(&line, 0);
		bool good = read && mine && errand_parse(e, (const char *)line.data);
		buf_fini(&line);
		free(taken);
		free(path);
		if (good)
			return 1;
		if (!mine)
			break; /* it can't be taken away: don't turn round it for ever */
		*e = (struct errand){.kind = ERRAND_SYNC};
		errand_reply(home, token, e, ERR_INVALID, /* else who left it would wait for ever */
			     "the 'fivepits serve' that runs here is of another version: start it "
			     "anew, then try again");
	}
	return 0;
}

/* What stood there is longer, but for its first line nothing counts. */
static void errand_write_over(const char *path, struct bytes line)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, line.data, line.len) != (ssize_t)line.len && ftruncate(fd, 0) != 0)
		(void)unlink(path); /* it is not to be read as an answer */
	close(fd);
}

void errand_reply(const char *home, const char *token, const struct errand *e, int result,
		  const char *words)
{
	char *taken = errand_path(home, token, ".taken");
	char *path = errand_path(home, token, ".done");
	char *line =
	    mem_format("%d %" PRIu64 " %d %.1000s\n", result, e->expires_ms, (int)e->verdict,
		       words ? words : "");

	errand_write_over(taken, BYTES(line, strlen(line)));
	rename(taken, path);
	free(line);
	free(path);
	free(taken);
}

void errand_sweep(const char *home)
{
	char token[ERRAND_TOKEN];

	for (int i = 0;
	     i < 1000 && (errand_find(home, ".done", token) || errand_find(home, ".taken", token));
	     i++)
		errand_withdraw(home, token);
}
