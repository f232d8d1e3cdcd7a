/*
 * Checks of this computer first, then of the way to the server, step by step as far as it goes. The
 * probe comes as one who wants to enrol: that proves the server's certificate, but opens no
 * session, so a `serve` beside it is left alone.
 */
#include "client/doctor.h"

#include "client/errand.h"
#include "client/line.h"
#include "client/proxy.h"
#include "common/invitation.h"
#include "common/keys.h"
#include "common/os.h"
#include "common/program.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
	DISK_LOW_MIB = 500,
	DISK_OUT_MIB = 50,
	SKEW_ODD_MS = 120 * 1000,
	SKEW_BAD_MS = 300 * 1000,
	PROBE_MS = 30 * 1000,
	DAY_MS = 86400 * 1000,
};

struct doctor {
	const char *home;
	struct copy *copy;
	doctor_fn fn;
	void *arg;
	int bad, end; /* end: somebody wants no more of it */
};

const char *doctor_word(enum doctor_state state)
{
	return state == DOCTOR_GOOD ? "good" : state == DOCTOR_ODD ? "look" : "bad";
}

__attribute__((format(printf, 4, 5))) static void
doctor_say(struct doctor *d, enum doctor_state state, const char *check, const char *format, ...)
{
	char words[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(words, sizeof(words), format, ap);
	va_end(ap);
	words[0] = (char)toupper((unsigned char)words[0]);
	d->bad += state == DOCTOR_BAD;
	d->fn(d->arg, state, check, words);
}

/* ---- This computer -------------------------------------------------------------------------- */

static void doctor_programs(struct doctor *d)
{
	char sqlite[32] = "not asked";

	if (d->copy) {
		struct db_stmt *st = db_query(copy_db(d->copy), "SELECT sqlite_version()", "");
		if (db_step(st) == 1) {
			snprintf(sqlite, sizeof(sqlite), "%s", db_text(st, 0));
			db_reset(st);
		}
	}
	doctor_say(d, DOCTOR_GOOD, "programs", "fivepits %s, SQLite %s, OpenSSL %s, libevent %s.",
		   program_version(), sqlite, tls_version(), loop_version());
}

/* False: there is nothing here to look at. */
static bool doctor_folder(struct doctor *d)
{
	struct stat st;
	struct cause cause;

	if (stat(d->home, &st) != 0) {
		doctor_say(d, DOCTOR_BAD, "folder",
			   "There is no folder %s: 'fivepits join INVITATION' makes it.", d->home);
		return false;
	}
	char *path = mem_format("%s/doctor.tmp", d->home);
	int rc = os_write_file(path, BYTES("fivepits", 8), true, &cause);
	unlink(path);
	free(path);
	if (rc)
		doctor_say(d, DOCTOR_BAD, "folder", "Nothing can be written to %s: %s.", d->home,
			   cause.words);
	else if (st.st_mode & 077)
		doctor_say(d, DOCTOR_ODD, "folder",
			   "Other users of this computer can look into %s: 'chmod 700' it.",
			   d->home);
	else
		doctor_say(d, DOCTOR_GOOD, "folder", "%s can be written to, by you alone.",
			   d->home);
	return true;
}

static void doctor_disk(struct doctor *d)
{
	struct statvfs vfs;

	if (statvfs(d->home, &vfs) != 0) {
		doctor_say(d, DOCTOR_BAD, "disk", "The disk can't be asked for its room: %s.",
			   strerror(errno));
		return;
	}
	uint64_t mib = (uint64_t)vfs.f_bavail * vfs.f_frsize / (1024 * 1024);
	enum doctor_state state = mib < DISK_OUT_MIB   ? DOCTOR_BAD
				  : mib < DISK_LOW_MIB ? DOCTOR_ODD
						       : DOCTOR_GOOD;
	doctor_say(d, state, "disk", "%" PRIu64 " MiB are free%s.", mib,
		   state == DOCTOR_GOOD ? "" : ": make room before you go on");
}

static void doctor_file_system(struct doctor *d)
{
	struct statfs fs;

	if (statfs(d->home, &fs) != 0)
		return;
	switch ((unsigned long)fs.f_type) {
	case NFS_SUPER_MAGIC:
	case SMB_SUPER_MAGIC:
	case CIFS_SUPER_MAGIC:
	case SMB2_SUPER_MAGIC:
	case V9FS_MAGIC:
	case FUSE_SUPER_MAGIC:
		doctor_say(d, DOCTOR_BAD, "file system",
			   "The folder %s lies on a network or foreign file system, whose locks "
			   "can't be relied on: keep the copy on this computer's own disk.",
			   d->home);
		break;
	case TMPFS_MAGIC:
	case RAMFS_MAGIC:
		doctor_say(d, DOCTOR_ODD, "file system",
			   "The folder %s lies in memory: it is lost when this computer restarts.",
			   d->home);
		break;
	case MSDOS_SUPER_MAGIC:
		doctor_say(d, DOCTOR_BAD, "file system",
			   "%s lies on a stick's file system (FAT), where nothing can be kept for "
			   "you alone.",
			   d->home);
		break;
	default:
		doctor_say(d, DOCTOR_GOOD, "file system", "A file system of this computer's own.");
	}
}

static void doctor_keys(struct doctor *d)
{
	struct tls *tls = NULL;
	struct x509_st *cert = NULL;
	struct cause cause;
	struct stat st;
	uint64_t from, until, now = env_now_ms(os_env());
	char *key = mem_format("%s/key.pem", d->home), *path = mem_format("%s/device.pem", d->home);

	if (tls_device_new(&tls, d->home, &cause) != 0 || cert_load(&cert, path, &cause) != 0) {
		doctor_say(d, DOCTOR_BAD, "keys",
			   "%s. Join again with a new invitation, into another folder.",
			   cause.words);
	} else {
		cert_times(cert, &from, &until);
		if (now > until || now < from)
			doctor_say(d, DOCTOR_BAD, "keys",
				   "This device's certificate is not valid today: either it has "
				   "run out, then join again with a new invitation, or this "
				   "computer's clock is wrong.");
		else if (stat(key, &st) == 0 && st.st_mode & 077)
			doctor_say(d, DOCTOR_BAD, "keys",
				   "Others can read this device's key: 'chmod 600 %s'.", key);
		else
			doctor_say(d, DOCTOR_GOOD, "keys",
				   "This device's key and certificate belong together; it is good "
				   "for %" PRIu64 " more days and is renewed by itself.",
				   (until - now) / DAY_MS);
	}
	tls_free(&tls);
	cert_free(&cert);
	free(key);
	free(path);
}

static void doctor_copy(struct doctor *d)
{
	int64_t unsent, refused, conflicts;

	if (!d->copy) {
		doctor_say(d, DOCTOR_BAD, "copy", "There is no copy in %s that can be opened.",
			   d->home);
		return;
	}
	if (copy_counts(d->copy, &unsent, &refused, &conflicts) < 0)
		doctor_say(d, DOCTOR_BAD, "copy",
			   "The copy can't be read: 'fivepits fsck' says more.");
	else if (refused > 0)
		doctor_say(d, DOCTOR_ODD, "copy",
			   "%" PRId64 " refused: 'fivepits outbox' says why.", refused);
	else
		doctor_say(d, DOCTOR_GOOD, "copy", "It opens; %" PRId64 " not sent yet.", unsent);
}

/* ---- The way to the server ------------------------------------------------------------------ */

struct probe {
	struct loop *loop;
	struct line *line;
	struct tls *tls;
	enum line_stage stage; /* how far it came */
	bool through;	       /* all the way */
	char words[512];
	bool refused;	    /* a certificate came that we do not accept */
	char stranger[256]; /* whose certificate came, if not the area's; else empty */
	bool timed;
	int64_t skew_ms; /* the server's clock ahead of this one's */
};

static void probe_end(struct probe *p, const char *words)
{
	p->stage = line_stage(p->line);
	snprintf(p->words, sizeof(p->words), "%s", words);
	struct conn *conn = line_conn(p->line);
	if (conn && tls_line_refused(conn_tls(conn)))
		p->refused = true;
	const char *stranger = conn ? tls_line_stranger(conn_tls(conn)) : NULL;
	if (stranger)
		snprintf(p->stranger, sizeof(p->stranger), "%s", stranger);
	loop_stop(p->loop);
}

static void probe_clock(struct probe *p, const struct frame *frame)
{
	struct arena arena;

	arena_init(&arena, FRAME_BUDGET);
	const Wire__Pong *m =
	    (const Wire__Pong *)frame_unpack(frame, &wire__pong__descriptor, &arena, NULL);
	if (m && m->has_time_ms) {
		p->timed = true;
		p->skew_ms = env_skew_ms(m->time_ms, env_now_ms(os_env()));
	}
	arena_fini(&arena);
}

static void probe_event(void *arg, enum conn_event event, const struct frame *frame,
			const char *words)
{
	struct probe *p = arg;

	if (event == CONN_READY) {
		p->through = true;
		conn_ping(line_conn(p->line));
	} else if (event == CONN_FRAME && frame->kind == WIRE__KIND__PONG) {
		probe_clock(p, frame);
		probe_end(p, "");
	} else if (event == CONN_CLOSED) {
		probe_end(p, words);
	}
}

static void probe_timeout(void *arg)
{
	struct probe *p = arg;
	probe_end(p, "nothing came back in half a minute");
}

/* Takes `tls`. */
static void probe_run(struct probe *p, const struct copy_identity *me, struct tls *tls)
{
	struct cause cause;

	*p = (struct probe){.loop = loop_new(), .tls = tls};
	struct loop_timer *timer = loop_timer_new(p->loop, probe_timeout, p);
	loop_timer_set(timer, PROBE_MS);
	if (line_open(&p->line, p->loop, me->address, me->proxy, &me->area, p->tls, probe_event, p,
		      &cause) == 0)
		loop_run(p->loop);
	else
		snprintf(p->words, sizeof(p->words), "%s", cause.words);
	line_free(&p->line);
	loop_timer_free(&timer);
	tls_free(&p->tls);
	loop_free(&p->loop);
}

/* False: what is set makes no sense. */
static bool doctor_proxy(struct doctor *d, const struct copy_identity *me, char name[300])
{
	char host[256], port[6];
	struct proxy proxy;
	struct cause cause;

	name[0] = 0;
	if (!address_split(me->address, host, port)) {
		doctor_say(d, DOCTOR_BAD, "address",
			   "The server's address \"%s\" is not HOST:PORT.", me->address);
		return false;
	}
	int rc = proxy_choose(&proxy, me->proxy, host, &cause);
	if (rc < 0) {
		doctor_say(d, DOCTOR_BAD, "proxy", "The proxy that is set can't be used: %s.",
			   cause.words);
		return false;
	}
	if (rc == 0) {
		doctor_say(d, DOCTOR_GOOD, "proxy", "None; the server is called directly.");
		return true;
	}
	snprintf(name, 300, "%s:%s", proxy.host, proxy.port);
	doctor_say(d, DOCTOR_GOOD, "proxy", "%s, %s, %s.", name,
		   me->proxy[0] ? "as given to 'fivepits join'" : "from HTTPS_PROXY",
		   proxy.secret[0] ? "with a name and password" : "without a name");
	return true;
}

static void doctor_tls(struct doctor *d, const struct copy_identity *me, const struct probe *p)
{
	struct probe second;
	const char *stranger = p->stranger;

	if (p->through) {
		doctor_say(
		    d, DOCTOR_GOOD, "TLS",
		    "The server shows the area's own certificate: nobody listens in between.");
		return;
	}
	if (!p->refused) { /* an old filter does not even get so far: ask it in a way that it
			      understands */
		probe_run(&second, me, tls_prober_new());
		stranger = second.stranger;
	}
	if (*stranger)
		doctor_say(d, DOCTOR_BAD, "TLS",
			   "A certificate came back that is not the area's but was issued by "
			   "\"%s\". Most likely a filter of your school or its provider decrypts "
			   "TLS; Fivepits does not work through that, and sends nothing. Ask "
			   "whoever runs the filter to let %s through undecrypted.",
			   stranger, me->address);
	else
		doctor_say(d, DOCTOR_BAD, "TLS", "The handshake with %s fails: %s.", me->address,
			   p->words);
}

static void doctor_clock(struct doctor *d, const struct probe *p)
{
	if (!p->timed)
		return;
	int64_t off = p->skew_ms < 0 ? -p->skew_ms : p->skew_ms;
	enum doctor_state state = off >= SKEW_BAD_MS   ? DOCTOR_BAD
				  : off >= SKEW_ODD_MS ? DOCTOR_ODD
						       : DOCTOR_GOOD;
	if (state == DOCTOR_GOOD)
		doctor_say(d, state, "clock", "This computer's clock agrees with the server's.");
	else
		doctor_say(d, state, "clock",
			   "This computer's clock is %" PRId64
			   " minutes %s the server's: set it, or times are shown wrong and, far "
			   "ahead, certificates count as run out.",
			   off / 60000, p->skew_ms > 0 ? "behind" : "ahead of");
}

/* As far as it goes: what was passed is good, where it stopped is bad. */
static void doctor_way(struct doctor *d, const struct copy_identity *me, struct x509_st *ca)
{
	char proxy[300];
	uint8_t fingerprint[SHA256_LEN];
	struct probe p;

	if (!doctor_proxy(d, me, proxy))
		return;
	cert_fingerprint(ca, fingerprint);
	probe_run(&p, me, tls_joiner_new(fingerprint));
	const char *first = proxy[0] ? proxy : me->address;
	if (p.stage == LINE_LOOKING_UP) {
		doctor_say(d, DOCTOR_BAD, "name", "%s.", p.words);
		return;
	}
	doctor_say(d, DOCTOR_GOOD, "name", "The address of %s is known.", first);
	if (p.stage == LINE_CONNECTING) {
		doctor_say(d, DOCTOR_BAD, "connection", "%s.", p.words);
		return;
	}
	doctor_say(d, DOCTOR_GOOD, "connection", "%s answers.", first);
	if (p.stage == LINE_AT_PROXY) {
		doctor_say(d, DOCTOR_BAD, "tunnel", "%s.", p.words);
		return;
	}
	if (proxy[0])
		doctor_say(d, DOCTOR_GOOD, "tunnel", "The proxy lets us through to %s.",
			   me->address);
	doctor_tls(d, me, &p);
	doctor_clock(d, &p);
}

/* Is a `serve` at work, and does it get through? */
static void doctor_serve(struct doctor *d)
{
	struct errand sync = {.kind = ERRAND_SYNC};
	struct os_lock *lock = NULL;
	struct cause cause;
	char *path = mem_format("%s/line", d->home);

	bool held =
	    os_lock_open(&lock, path, &cause) == 0 && os_lock_take(lock, true, false) == ERR_AGAIN;
	os_lock_close(&lock);
	free(path);
	int64_t unsent = 0, refused, conflicts;
	int rc = errand_run(d->copy, &sync, NULL, NULL, &cause);
	const char *who = held ? "'fivepits serve' is running"
			       : "No 'fivepits serve' is running; a sync was made";
	if (rc == 0)
		(void)copy_counts(d->copy, &unsent, &refused, &conflicts);
	if (err_is_end(rc))
		d->end = rc;
	else if (rc < 0)
		doctor_say(d, DOCTOR_BAD, "session", "%s: %s.", who, cause.words);
	else if (unsent > 0)
		doctor_say(d, DOCTOR_ODD, "session",
			   "%s; %" PRId64 " not sent yet: 'fivepits outbox' says for what.", who,
			   unsent);
	else
		doctor_say(d, DOCTOR_GOOD, "session", "%s: all is sent and fetched.", who);
}

int doctor_run(const char *home, struct copy *copy, doctor_fn fn, void *arg)
{
	struct doctor d = {.home = home, .copy = copy, .fn = fn, .arg = arg};
	struct x509_st *ca = NULL;
	char *path = mem_format("%s/ca.pem", home);

	doctor_programs(&d);
	if (doctor_folder(&d)) {
		doctor_disk(&d);
		doctor_file_system(&d);
		doctor_copy(&d);
		doctor_keys(&d);
		if (copy && cert_load(&ca, path, NULL) == 0) {
			int before = d.bad;
			doctor_way(&d, copy_identity(copy), ca);
			if (d.bad == before)
				doctor_serve(&d);
		}
	}
	cert_free(&ca);
	free(path);
	return d.end < 0 ? d.end : d.bad;
}
