/* What kind of document it is, and who reads it. */
#include "client/extract/extract.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { EXIT_NO_TEXT = 1, EXIT_NO_SANDBOX = 3, HEAD = 1024 };

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
