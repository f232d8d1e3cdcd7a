/* What kind of document it is, and who reads it. */
#include "client/extract/extract.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { EXIT_NO_TEXT = 1, EXIT_NO_SANDBOX = 3, HEAD = 1024 };

bool extract_read(struct buf *in, size_t most)
{
	while (most) {
		size_t n = most < 65536 ? most : 65536;
		ssize_t got = read(STDIN_FILENO, buf_reserve(in, n), n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (got == 0)
			break;
		in->len += (size_t)got;
		most -= (size_t)got;
	}
	return true;
}

bool text_add(struct text *t, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c <= ' ' || c == 0x7f) {
			t->space = true;
			continue;
		}
		if (t->out.len && (t->line || t->space))
			buf_add_u8(&t->out, t->line ? '\n' : ' ');
		t->line = t->space = false;
		buf_add_u8(&t->out, c);
	}
	return t->out.len < EXTRACT_TEXT;
}

void text_break(struct text *t)
{
	t->line = true;
}

/* A reader of PDF is a program of its own, shut in with nothing but the system's libraries. */
static int extract_pdf(void)
{
	static char *const argv[] = {
		"bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv",
		"--cap-drop", "ALL", "--ro-bind", "/usr", "/usr",
		"--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64",
		"/usr/bin/pdftotext", "-q", "-nopgbrk", "-enc", "UTF-8", "-l", "2000",
		"-", "-", NULL,
	};
	if (access("/usr/bin/pdftotext", X_OK) != 0 || lseek(STDIN_FILENO, 0, SEEK_SET) != 0)
		return EXIT_NO_SANDBOX;
	execv("/usr/bin/bwrap", argv);
	return EXIT_NO_SANDBOX;
}

static bool looks_like_html(struct bytes head)
{
	static const char *const starts[] = {"<!doctype html", "<html", "<head", "<body"};
	const char *p = (const char *)head.data;
	size_t left = head.len;

	if (left >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
		p += 3;
		left -= 3;
	}
	for (; left && (*p == ' ' || (*p >= '\t' && *p <= '\r')); p++)
		left--;
	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
		if (left >= strlen(starts[i]) && strncasecmp(p, starts[i], strlen(starts[i])) == 0)
			return true;
	return false;
}

int main(void)
{
	struct buf head = {0};
	struct text t = {0};
	bool good;

	if (!extract_read(&head, HEAD))
		return EXIT_NO_TEXT;
	struct bytes b = buf_bytes(&head);
	if (b.len >= 5 && memcmp(b.data, "%PDF-", 5) == 0)
		return extract_pdf();
	if (!sandbox_close())
		return EXIT_NO_SANDBOX;
	if (b.len >= 4 && memcmp(b.data, "PK\3\4", 4) == 0)
		good = lseek(STDIN_FILENO, 0, SEEK_SET) == 0 && extract_office(&t);
	else if (looks_like_html(b))
		good = extract_html(&t, b);
	else
		good = extract_plain(&t, b);
	for (size_t done = 0; good && done < t.out.len;) {
		ssize_t n = write(STDOUT_FILENO, t.out.data + done, t.out.len - done);
		if (n < 0 && errno != EINTR)
			return EXIT_NO_TEXT;
		done += n > 0 ? (size_t)n : 0;
	}
	_exit(good ? 0 : EXIT_NO_TEXT); /* no library tidies up in here */
}
