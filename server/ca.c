/*
 * The private CA on OpenSSL's X509 API. The CA signs three kinds of certificate and nothing else:
 * the server's (serverAuth, the area's name), a device's (clientAuth, its id as a URI), the head
 * key's.
 */
#include "server/ca.h"

#include "common/keys.h"
#include "common/log.h"
#include "common/os.h"

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum { REQUEST_MOST = 4096, CLOCK_SLACK = 5 * 60 };

struct ca {
	char *dir;
	struct id area;
	EVP_PKEY *key, *head_key, *server_key;
	X509 *cert, *head_cert, *server_cert;
	struct tls *tls;
};

static char *ca_path(const char *dir, const char *name)
{
	return mem_format("%s/%s", dir, name);
}

static void cert_extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	must(extension && X509_add_ext(cert, extension, -1) == 1);
	X509_EXTENSION_free(extension);
}

/* 128 random bits, positive: nobody can guess the next, and none comes twice. */
static void cert_set_serial(X509 *cert)
{
	uint8_t bytes[16];

	must(RAND_bytes(bytes, sizeof(bytes)) == 1);
	bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40);
	BIGNUM *n = BN_bin2bn(bytes, sizeof(bytes), NULL);
	must(n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert)));
	BN_free(n);
}

static X509 *cert_new(EVP_PKEY *key, const char *name, int days)
{
	X509 *cert = X509_new();

	must(cert && X509_set_version(cert, X509_VERSION_3) == 1 &&
	     X509_set_pubkey(cert, key) == 1);
	cert_set_serial(cert);
	/* A school's clock may be some minutes behind. */
	must(X509_gmtime_adj(X509_getm_notBefore(cert), -CLOCK_SLACK) &&
	     X509_time_adj_ex(X509_getm_notAfter(cert), days, 0, NULL));
	must(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
					(const uint8_t *)name, -1, -1, 0) == 1);
	return cert;
}

static void cert_sign(X509 *cert, X509 *issuer, EVP_PKEY *issuer_key)
{
	must(X509_set_issuer_name(cert, X509_get_subject_name(issuer)) == 1);
	cert_extend(cert, issuer, NID_subject_key_identifier, "hash");
	cert_extend(cert, issuer, NID_authority_key_identifier, "keyid");
	must(X509_sign(cert, issuer_key, EVP_sha256()) > 0);
}

static X509 *ca_make_root(EVP_PKEY *key, const char *area_name)
{
	/* A common name has at most 64 characters; the area's own name may be longer. */
	X509 *cert = cert_new(key, "Fivepits area", CA_DAYS);
	char name[64];
	size_t n = strlen(area_name) < 60 ? strlen(area_name) : 60;

	while (n > 0 && ((uint8_t)area_name[n] & 0xc0) == 0x80)
		n--; /* not in the middle of a character */
	memcpy(name, area_name, n);
	name[n] = 0;
	if (n)
		must(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "O", MBSTRING_UTF8,
						(const uint8_t *)name, -1, -1, 0) == 1);
	cert_extend(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
	cert_extend(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign");
	must(X509_set_issuer_name(cert, X509_get_subject_name(cert)) == 1);
	cert_extend(cert, cert, NID_subject_key_identifier, "hash");
	must(X509_sign(cert, key, EVP_sha256()) > 0);
	return cert;
}

static X509 *ca_make_head(const struct ca *ca)
{
	X509 *cert = cert_new(ca->head_key, "Fivepits head key", CA_DAYS);

	cert_extend(cert, ca->cert, NID_basic_constraints, "critical,CA:FALSE");
	cert_extend(cert, ca->cert, NID_key_usage, "critical,digitalSignature");
	cert_sign(cert, ca->cert, ca->key);
	return cert;
}

static X509 *ca_make_server(const struct ca *ca)
{
	char name[SERVER_NAME], alternative[SERVER_NAME + 4] = "DNS:";
	X509 *cert;

	area_server_name(&ca->area, name);
	strcat(alternative, name);
	cert = cert_new(ca->server_key, name, CA_SERVER_DAYS);
	cert_extend(cert, ca->cert, NID_basic_constraints, "critical,CA:FALSE");
	cert_extend(cert, ca->cert, NID_key_usage, "critical,digitalSignature");
	cert_extend(cert, ca->cert, NID_ext_key_usage, "serverAuth");
	cert_extend(cert, ca->cert, NID_subject_alt_name, alternative);
	cert_sign(cert, ca->cert, ca->key);
	return cert;
}

static void ca_set_area(struct ca *ca)
{
	uint8_t fingerprint[SHA256_LEN];

	cert_fingerprint(ca->cert, fingerprint);
	ca->area = area_of_fingerprint(fingerprint);
}

void ca_close(struct ca **ca)
{
	if (!*ca)
		return;
	key_free(&(*ca)->key);
	key_free(&(*ca)->head_key);
	key_free(&(*ca)->server_key);
	cert_free(&(*ca)->cert);
	cert_free(&(*ca)->head_cert);
	cert_free(&(*ca)->server_cert);
	tls_free(&(*ca)->tls);
	free((*ca)->dir);
	free(*ca);
	*ca = NULL;
}

static int save_key(const char *dir, const char *name, EVP_PKEY *key, struct cause *cause)
{
	char *path = ca_path(dir, name);
	int rc = key_save(key, path, cause);
	free(path);
	return rc;
}

static int save_cert(const char *dir, const char *name, X509 *cert, struct cause *cause)
{
	char *path = ca_path(dir, name);
	int rc = cert_save(cert, path, cause);
	free(path);
	return rc;
}

int ca_create(const char *dir, const char *area_name, struct cause *cause)
{
	struct ca *ca = mem_alloc(sizeof(*ca));
	char *path = ca_path(dir, "ca.key");
	int rc = 0;

	if (os_exists(path))
		rc = cause_set(cause, ERR_EXISTS, "there is an area in %s already", dir);
	free(path);
	ca->key = key_make();
	ca->head_key = key_make_signing();
	ca->server_key = key_make();
	ca->cert = ca_make_root(ca->key, area_name);
	ca_set_area(ca);
	ca->head_cert = ca_make_head(ca);
	ca->server_cert = ca_make_server(ca);
	if (rc == 0)
		rc = save_cert(dir, "ca.pem", ca->cert, cause);
	if (rc == 0)
		rc = save_key(dir, "head.key", ca->head_key, cause);
	if (rc == 0)
		rc = save_cert(dir, "head.pem", ca->head_cert, cause);
	if (rc == 0)
		rc = save_key(dir, "server.key", ca->server_key, cause);
	if (rc == 0)
		rc = save_cert(dir, "server.pem", ca->server_cert, cause);
	if (rc == 0) /* the last: where it is, all are */
		rc = save_key(dir, "ca.key", ca->key, cause);
	ca_close(&ca);
	return rc;
}

static int load_key(const char *dir, const char *name, EVP_PKEY **key, struct cause *cause)
{
	char *path = ca_path(dir, name);
	int rc = key_load(key, path, cause);
	free(path);
	return rc;
}

static int load_cert(const char *dir, const char *name, X509 **cert, struct cause *cause)
{
	char *path = ca_path(dir, name);
	int rc = cert_load(cert, path, cause);
	free(path);
	return rc;
}

int ca_refresh(struct ca *ca, struct cause *cause)
{
	if (ca->server_cert && !cert_is_due(ca->server_cert, env_now_ms(os_env())))
		return 0;
	X509 *fresh = ca_make_server(ca);
	int rc = save_cert(ca->dir, "server.pem", fresh, cause);
	if (rc) {
		cert_free(&fresh);
		return rc;
	}
	cert_free(&ca->server_cert);
	ca->server_cert = fresh;
	tls_free(&ca->tls);
	ca->tls = tls_server_new(ca->server_key, ca->server_cert, ca->cert);
	log_info("ca.server_certificate", "days=%d", CA_SERVER_DAYS);
	return 0;
}

/* All that was made with ca_create, and that it belongs together. */
static int ca_load(struct ca *ca, const char *dir, struct cause *cause)
{
	int rc = load_key(dir, "ca.key", &ca->key, cause);
	if (rc == 0)
		rc = load_cert(dir, "ca.pem", &ca->cert, cause);
	if (rc == 0)
		rc = load_key(dir, "head.key", &ca->head_key, cause);
	if (rc == 0)
		rc = load_cert(dir, "head.pem", &ca->head_cert, cause);
	if (rc == 0)
		rc = load_key(dir, "server.key", &ca->server_key, cause);
	if (rc == 0)
		rc = load_cert(dir, "server.pem", &ca->server_cert, cause);
	if (rc == 0 &&
	    (!cert_has_key(ca->cert, ca->key) || !cert_has_key(ca->head_cert, ca->head_key) ||
	     !cert_is_under(ca->head_cert, ca->cert) ||
	     !cert_has_key(ca->server_cert, ca->server_key) ||
	     !cert_is_under(ca->server_cert, ca->cert)))
		rc = cause_set(cause, ERR_CORRUPT,
			       "the keys and certificates in %s do not belong together", dir);
	if (rc == 0)
		ca_set_area(ca);
	return rc;
}

bool ca_is_here(const char *dir)
{
	X509 *cert = NULL;
	bool here = load_cert(dir, "ca.pem", &cert, NULL) == 0;

	cert_free(&cert);
	return here;
}

int ca_check(const char *dir, const struct id *area, struct cause *cause)
{
	struct ca *ca = mem_alloc(sizeof(*ca));
	int rc = ca_load(ca, dir, cause);

	if (rc == 0 && !id_equal(&ca->area, area))
		rc = cause_set(cause, ERR_CORRUPT, "the keys in %s are another area's", dir);
	ca_close(&ca);
	return rc;
}

int ca_open(struct ca **out, const char *dir, struct cause *cause)
{
	struct ca *ca = mem_alloc(sizeof(*ca));
	struct cause why = {{0}};
	int rc = ca_load(ca, dir, cause);

	ca->dir = mem_copy_text(dir);
	if (rc == 0 && ca_refresh(ca, &why) < 0) /* the one that is there serves on */
		log_error("ca.server_certificate", "why=\"%s\"", why.words);
	if (rc) {
		ca_close(&ca);
		*out = NULL;
		return rc;
	}
	if (!ca->tls)
		ca->tls = tls_server_new(ca->server_key, ca->server_cert, ca->cert);
	*out = ca;
	return 0;
}

const struct id *ca_area(const struct ca *ca)
{
	return &ca->area;
}

void ca_fingerprint(const struct ca *ca, uint8_t out[SHA256_LEN])
{
	cert_fingerprint(ca->cert, out);
}

void ca_server_key(const struct ca *ca, struct buf *spki)
{
	key_public(ca->server_key, spki);
}

void ca_head_key(const struct ca *ca, uint8_t out[32])
{
	key_signing_public(ca->head_key, out);
}

void ca_head_certificate(const struct ca *ca, struct buf *der)
{
	cert_write(ca->head_cert, der);
}

void ca_sign_head(void *ca, struct bytes statement, uint8_t signature[64])
{
	key_sign(((struct ca *)ca)->head_key, statement, signature);
}

struct tls *ca_tls(struct ca *ca)
{
	return ca->tls;
}

/* A request whose own signature holds, with a key on P-256; else NULL with a cause. */
static X509_REQ *request_read(struct bytes der, struct cause *cause)
{
	const uint8_t *p = der.data;
	char group[32] = "";
	size_t n;

	X509_REQ *request =
	    der.len && der.len <= REQUEST_MOST ? d2i_X509_REQ(NULL, &p, (long)der.len) : NULL;
	EVP_PKEY *key = request ? X509_REQ_get0_pubkey(request) : NULL;
	if (!key || p != der.data + der.len)
		cause_set(cause, ERR_INVALID, "this is not a certificate request");
	else if (EVP_PKEY_get_group_name(key, group, sizeof(group), &n) != 1 ||
		 strcmp(group, "prime256v1") != 0)
		cause_set(cause, ERR_INVALID, "a device's key must be on the curve P-256");
	else if (X509_REQ_verify(request, key) != 1)
		cause_set(cause, ERR_INVALID,
			  "the certificate request is not signed by its own key");
	else
		return request;
	ERR_clear_error();
	X509_REQ_free(request);
	return NULL;
}

int ca_request_key(struct bytes request, struct buf *spki, struct cause *cause)
{
	X509_REQ *asked = request_read(request, cause);

	if (!asked)
		return ERR_INVALID;
	key_public(X509_REQ_get0_pubkey(asked), spki);
	X509_REQ_free(asked);
	return 0;
}

int ca_issue(struct ca *ca, struct bytes request, const struct id *device, struct buf *der,
	     struct cause *cause)
{
	X509_REQ *asked = request_read(request, cause);
	char text[ID_TEXT],
	    alternative[sizeof("URI:urn:fivepits:device:") + ID_TEXT] = "URI:urn:fivepits:device:";

	if (!asked)
		return ERR_INVALID;
	/* Of the request only the key counts: whatever else it asks for is not looked at. */
	X509 *cert = cert_new(X509_REQ_get0_pubkey(asked), "Fivepits device", CA_DEVICE_DAYS);
	strcat(alternative, id_format(device, text));
	cert_extend(cert, ca->cert, NID_basic_constraints, "critical,CA:FALSE");
	cert_extend(cert, ca->cert, NID_key_usage, "critical,digitalSignature");
	cert_extend(cert, ca->cert, NID_ext_key_usage, "clientAuth");
	cert_extend(cert, ca->cert, NID_subject_alt_name, alternative);
	cert_sign(cert, ca->cert, ca->key);
	cert_write(cert, der);
	cert_free(&cert);
	X509_REQ_free(asked);
	return 0;
}

int ca_renew(void *ca, struct bytes request, const struct id *device, struct bytes public_key,
	     struct buf *der, struct cause *cause)
{
	struct buf spki = {0};
	int rc = ca_request_key(request, &spki, cause);

	if (rc == 0 && !bytes_equal(buf_bytes(&spki), public_key))
		rc = cause_set(cause, ERR_INVALID,
			       "the certificate request is for another key than this device's");
	buf_fini(&spki);
	return rc ? rc : ca_issue(ca, request, device, der, cause);
}
