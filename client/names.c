/* Names of files, as data and on disks: see names.h. */
#include "client/names.h"

#include "client/screen.h"
#include "common/sha.h"
#include "common/utf8.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <wctype.h>

const char *name_base(struct arena *arena, const char *path)
{
	size_t n = strlen(path);

	while (n > 0 && path[n - 1] == '/')
		n--;
	size_t from = n;
	while (from > 0 && path[from - 1] != '/')
		from--;
	return arena_text(arena, BYTES(path + from, n - from));
}

const char *name_kept(struct arena *arena, const char *name, bool *changed)
{
	struct buf b = {0};

	*changed = !utf8_is_valid(BYTES(name, strlen(name)));
	if (!*changed)
		return arena_text(arena, BYTES(name, strlen(name)));
	for (const unsigned char *p = (const unsigned char *)name; *p; p++)
		utf8_add(&b, *p);
	const char *kept = arena_text(arena, buf_bytes(&b));
	buf_fini(&b);
	return kept;
}

/* Is it one line without control characters? */
static bool name_is_line(const char *name)
{
	for (const unsigned char *p = (const unsigned char *)name; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			return false;
	return true;
}

/* The length of a text of `most` bytes at most that ends where a character does. */
static size_t name_fit(const char *text, size_t most)
{
	size_t n = strlen(text);

	if (n <= most)
		return n;
	n = most;
	while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	return n;
}

const char *name_title(struct arena *arena, const char *name)
{
	if (!name_is_line(name))
		name = screen_line(arena, BYTES(name, strlen(name)));
	return *name ? arena_text(arena, BYTES(name, name_fit(name, NAME_KEPT_MOST)))
		     : "document";
}

/* ---- Safe ones ------------------------------------------------------------------------------ */

/* Names that Windows keeps for itself, with any ending: CON, NUL.txt, COM1, LPT9 .doc. */
static bool name_is_reserved(const char *name)
{
	static const char *const words[] = {"con", "prn", "aux", "nul", "conin$", "conout$"};
	static const char *const ports[] = {"com", "lpt"};
	static const char *const raised[] = {"\xc2\xb9", "\xc2\xb2", "\xc2\xb3"}; /* as digits */
	size_t n = strcspn(name, ".");

	while (n > 0 && name[n - 1] == ' ')
		n--;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (n == strlen(words[i]) && strncasecmp(name, words[i], n) == 0)
			return true;
	for (size_t i = 0; i < 2; i++) {
		if (strncasecmp(name, ports[i], 3) != 0)
			continue;
		if (n == 4 && name[3] >= '0' && name[3] <= '9')
			return true;
		for (size_t k = 0; k < 3; k++)
			if (n == 5 && memcmp(name + 3, raised[k], 2) == 0)
				return true;
	}
	return false;
}

/* Where the ending begins that stays when the rest is cut: ".docx", not a sentence behind a dot. */
static size_t name_ending(const char *name)
{
	enum { ENDING_MOST = 16 };
	const char *dot = strrchr(name, '.');
	size_t n = strlen(name);

	return dot && dot != name && n - (size_t)(dot - name) <= ENDING_MOST && !strchr(dot, ' ')
		       ? (size_t)(dot - name)
		       : n;
}

const char *name_safe(struct arena *arena, struct bytes raw)
{
	char *name = arena_format(arena, "%s", screen_line(arena, raw));

	for (char *p = name; *p; p++)
		if (strchr("/\\<>:\"|?*", *p))
			*p = '_';
	name += strspn(name, ".- ~");
	size_t n = strlen(name), ending = name_ending(name);
	if (n > NAME_SAFE_MOST) {
		size_t stem = name_fit(name, NAME_SAFE_MOST - (n - ending));
		memmove(name + stem, name + ending, n - ending + 1);
		n = stem + n - ending;
	}
	while (n > 0 && (name[n - 1] == '.' || name[n - 1] == ' '))
		n--;
	name[n] = '\0';
	if (!*name)
		return "document";
	return name_is_reserved(name) ? arena_format(arena, "_%s", name) : name;
}

/* ---- A folder's names ----------------------------------------------------------------------- */

/* One key for names that a disk may take for the same: capitals make no difference. */
static void name_key(const char *name, uint8_t key[SHA256_LEN])
{
	struct buf b = {0};
	size_t n = strlen(name);

	for (size_t i = 0, size; i < n; i += size) {
		uint32_t c = 0;
		size = utf8_next((const uint8_t *)name + i, n - i, &c);
		if (size) {
			utf8_add(&b, (uint32_t)towlower((wint_t)c));
		} else {
			size = 1;
			buf_add(&b, name + i, 1);
		}
	}
	sha256(buf_bytes(&b), key);
	buf_fini(&b);
}

void names_init(struct names *n, const char *dir)
{
	uint8_t key[SHA256_LEN];
	struct dirent *entry;
	DIR *d = opendir(dir);

	*n = (struct names){{0}};
	while (d && (entry = readdir(d))) {
		name_key(entry->d_name, key);
		hashes_put(&n->taken, key, 1);
	}
	if (d)
		closedir(d);
}

void names_fini(struct names *n)
{
	hashes_fini(&n->taken);
}

const char *names_take(struct names *n, struct arena *arena, const char *dir, const char *name,
		       struct cause *cause)
{
	enum { MOST = 10000 };
	int stem = (int)name_ending(name);
	uint8_t key[SHA256_LEN];

	for (int i = 1; i <= MOST; i++) {
		const char *try =
			i == 1 ? name
			       : arena_format(arena, "%.*s (%d)%s", stem, name, i, name + stem);
		const char *path =
			strcmp(dir, ".") ? arena_format(arena, "%s/%s", dir, try) : try;
		name_key(try, key);
		if (hashes_find(&n->taken, key))
			continue;
		FILE *f = fopen(path, "wxe");
		if (f || errno == EEXIST)
			hashes_put(&n->taken, key, 1);
		if (f) {
			fclose(f);
			return path;
		}
		if (errno != EEXIST) {
			cause_set(cause, errno == ENOSPC ? ERR_FULL : ERR_IO,
				  "can't write %.200s: %s", path, strerror(errno));
			return NULL;
		}
	}
	cause_set(cause, ERR_EXISTS, "there are %d files called %.200s in that folder", MOST, name);
	return NULL;
}
