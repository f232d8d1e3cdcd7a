/*
 * The joiner's side of enrolment: wait for the Challenge, prove the code, take the certificate. The
 * key never leaves this device. Files are written before the copy's database, so where that is, all
 * are.
 */
#include "client/join.h"

#include "client/copy.h"
#include "client/line.h"
#include "common/invitation.h"
#include "common/keys.h"
#include "common/os.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a new copy takes, and more. */
enum { JOIN_ROOM = 1024 * 1024 };

struct join {
	const char *home, *proxy;
	struct os_lock *lock; /* nobody else joins in this folder meanwhile */
	char label[100];
	struct invitation invitation;
	struct id area;
	struct loop *loop;
	struct tls *tls;
	struct line *line;
	struct evp_pkey_st *key;
	struct x509_st *ca, *cert, *head;
	struct copy_identity identity;
	bool asked;
	int result;
	struct cause *cause;
};

static void join_end(struct join *j, int result)
{
	j->result = result;
	loop_stop(j->loop);
}

/* The proof holds on this line alone: another line, to somebody in between, has another secret. */
static void join_ask(struct join *j)
{
	uint8_t id[INVITATION_ID], verifier[SHA256_LEN], exported[32], proof[SHA256_LEN];
	Wire__Enrol m = WIRE__ENROL__INIT;
	struct buf request = {0};

	invitation_derive(&j->invitation, id, verifier);
	key_request(j->key, &request);
	tls_line_export(conn_tls(line_conn(j->line)), INVITATION_EXPORT, exported);
	invitation_proof(verifier, exported, buf_bytes(&request), proof);
	m.invitation = (ProtobufCBinaryData){sizeof(id), id};
	m.request = PB_BYTES(request);
	m.proof = (ProtobufCBinaryData){sizeof(proof), proof};
	m.label = j->label;
	link_send(conn_link(line_conn(j->line)), WIRE__KIND__ENROL, &m.base, BYTES_NONE);
	buf_fini(&request);
	j->asked = true;
}

/* Is what came back for us, and from the area that the invitation named? */
static int join_check(struct join *j, const Wire__Enrolled *m)
{
	uint8_t head_key[32];
	struct id device;

	int rc = cert_read(&j->cert, BYTES_OF(m->certificate), j->cause);
	if (rc == 0)
		rc = cert_read(&j->head, BYTES_OF(m->head_certificate), j->cause);
	if (rc)
		return rc;
	if (!id_from(&j->identity.area, BYTES_OF(m->area)) ||
	    !id_equal(&j->identity.area, &j->area) ||
	    !id_from(&j->identity.device, BYTES_OF(m->device)) ||
	    !id_from(&j->identity.person, BYTES_OF(m->person)) || !cert_device(j->cert, &device) ||
	    !id_equal(&device, &j->identity.device) || !cert_has_key(j->cert, j->key) ||
	    !cert_is_under(j->cert, j->ca))
		return cause_set(j->cause, ERR_PROTO,
				 "the server sent a certificate that is not for this device");
	if (!cert_is_under(j->head, j->ca) || !cert_signing_key(j->head, head_key) ||
	    !bytes_equal(BYTES(head_key, 32), BYTES_OF(m->head_key)))
		return cause_set(j->cause, ERR_PROTO,
				 "the server sent a head key that the area does not certify");
	memcpy(j->identity.head_key, head_key, sizeof(head_key));
	return 0;
}

static int join_save_cert(struct join *j, const char *name, struct x509_st *cert)
{
	char *path = mem_format("%s/%s", j->home, name);
	int rc = cert_save(cert, path, j->cause);
	free(path);
	return rc;
}

/* Is there room for what is to be saved? Asked before the invitation is used: it is good once. */
static int join_try_room(struct join *j)
{
	char *path = mem_format("%s/room", j->home);
	uint8_t *room = mem_alloc(JOIN_ROOM);
	int rc = os_write_file(path, BYTES(room, JOIN_ROOM), true, j->cause);

	unlink(path);
	free(room);
	free(path);
	return rc;
}

static int join_save_all(struct join *j)
{
	char *path = mem_format("%s/key.pem", j->home);
	int rc = key_save(j->key, path, j->cause);

	free(path);
	if (rc == 0)
		rc = join_save_cert(j, "ca.pem", j->ca);
	if (rc == 0)
		rc = join_save_cert(j, "head.pem", j->head);
	if (rc == 0)
		rc = join_save_cert(j, "device.pem", j->cert);
	return rc ? rc : copy_create(j->home, &j->identity, NULL, j->cause);
}

static int join_save(struct join *j)
{
	struct cause why;
	int rc = join_save_all(j);

	if (rc == 0)
		return 0;
	why = *j->cause;
	return cause_set(j->cause, rc,
			 "%.400s; the invitation is used up by now: put this right, then join with "
			 "a new one",
			 why.words);
}

static void join_on_enrolled(struct join *j, const Wire__Enrolled *m)
{
	int rc = j->asked ? join_check(j, m)
			  : cause_set(j->cause, ERR_PROTO, "the server answers what was not asked");

	join_end(j, rc ? rc : join_save(j));
}

static void join_on_bye(struct join *j, const Wire__Bye *m)
{
	int rc = m->reason == WIRE__REASON__BAD_CODE ? ERR_AUTH
		 : m->reason == WIRE__REASON__BUSY || m->reason == WIRE__REASON__STOPPING
		     ? ERR_OFFLINE
		     : ERR_PROTO;
	join_end(j, cause_set(j->cause, rc, "the server says: %.400s",
			      m->words ? m->words : "no, without saying why"));
}

static void join_frame(struct join *j, const struct frame *f)
{
	const ProtobufCMessageDescriptor *d =
	    f->kind == WIRE__KIND__CHALLENGE  ? &wire__challenge__descriptor
	    : f->kind == WIRE__KIND__ENROLLED ? &wire__enrolled__descriptor
	    : f->kind == WIRE__KIND__BYE      ? &wire__bye__descriptor
					      : NULL;
	struct arena arena;

	if (!d)
		return; /* of a later version */
	arena_init(&arena, FRAME_BUDGET);
	ProtobufCMessage *m = frame_unpack(f, d, &arena, j->cause);
	if (!m)
		join_end(j, ERR_PROTO);
	else if (f->kind == WIRE__KIND__BYE)
		join_on_bye(j, (const Wire__Bye *)m);
	else if (f->kind == WIRE__KIND__ENROLLED)
		join_on_enrolled(j, (const Wire__Enrolled *)m);
	else if (((const Wire__Challenge *)m)->version < WIRE_VERSION)
		join_end(j, cause_set(j->cause, ERR_PROTO,
				      "the server is of an older version; it must be updated"));
	else if (!j->asked)
		join_ask(j);
	arena_fini(&arena);
}

static void join_event(void *arg, enum conn_event event, const struct frame *frame,
		       const char *words)
{
	struct join *j = arg;

	if (loop_stopping(j->loop))
		return;
	if (event == CONN_READY)
		j->ca = tls_line_ca(conn_tls(line_conn(j->line)));
	else if (event == CONN_FRAME)
		join_frame(j, frame);
	else if (event == CONN_CLOSED)
		join_end(j, cause_set(j->cause, ERR_OFFLINE, "%.500s", words));
}

static int join_check_home(struct join *j)
{
	int exists = copy_exists(j->home, j->cause);

	if (exists <= 0)
		return exists;
	return cause_set(j->cause, ERR_EXISTS,
			 "%s holds a copy already: to join again, give another --home", j->home);
}

static int join_lock(struct join *j)
{
	char *path = mem_format("%s/line", j->home);
	int rc = os_lock_open(&j->lock, path, j->cause);

	free(path);
	if (rc == 0 && (rc = os_lock_take(j->lock, true, false)) != 0)
		cause_set(j->cause, rc,
			  "another 'fivepits join' is at work in %s: see what it says", j->home);
	return rc;
}

/* The folder is there, nobody's, and has room. */
static int join_take_home(struct join *j)
{
	int rc = join_check_home(j);

	if (rc == 0)
		rc = os_make_dir(j->home, j->cause);
	if (rc == 0)
		rc = join_lock(j);
	if (rc == 0)
		rc = join_check_home(j); /* another may have been before us */
	return rc ? rc : join_try_room(j);
}

static int join_begin(struct join *j, const char *invitation, const char *label)
{
	int rc = invitation_parse(&j->invitation, invitation, j->cause);
	if (rc == 0)
		rc = join_take_home(j);
	if (rc)
		return rc;
	if (label)
		snprintf(j->label, sizeof(j->label), "%s", label);
	else if (gethostname(j->label, sizeof(j->label) - 1) != 0 || !j->label[0])
		strcpy(j->label, "a computer");
	j->area = area_of_fingerprint(j->invitation.fingerprint);
	snprintf(j->identity.address, sizeof(j->identity.address), "%s", j->invitation.address);
	if (strlen(j->proxy) >= sizeof(j->identity.proxy))
		return cause_set(j->cause, ERR_INVALID, "the proxy's address is too long");
	strcpy(j->identity.proxy, j->proxy);
	j->key = key_make();
	j->tls = tls_joiner_new(j->invitation.fingerprint);
	return 0;
}

int join_run(const char *home, const char *invitation, const char *proxy, const char *label,
	     struct cause *cause)
{
	struct cause own = {""};
	struct join j = {.home = home, .proxy = proxy ? proxy : "", .cause = cause ? cause : &own};
	int rc = join_begin(&j, invitation, label);

	if (rc == 0) {
		j.loop = loop_new();
		rc = line_open(&j.line, j.loop, j.invitation.address, j.proxy, &j.area, j.tls,
			       join_event, &j, j.cause);
		if (rc == 0 && (rc = loop_run(j.loop)) == 0)
			rc = j.result;
		line_free(&j.line);
		loop_free(&j.loop);
	}
	tls_free(&j.tls);
	key_free(&j.key);
	cert_free(&j.ca);
	cert_free(&j.cert);
	cert_free(&j.head);
	os_lock_close(&j.lock);
	return rc;
}
