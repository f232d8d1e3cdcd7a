/*
 * Keys and certificates on OpenSSL 3. Failures of OpenSSL on material of our own making are bugs or
 * lack of memory, and end the program; failures on bytes from outside are errors with a cause.
 */
#include "common/keys.h"

#include "common/os.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MOST = 64 * 1024 };

static const char DEVICE_URN[] = "urn:fivepits:device:";

EVP_PKEY *key_make(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	must(key);
	return key;
}

EVP_PKEY *key_make_signing(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	must(key);
	return key;
}

void key_free(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
	*key = NULL;
}

static void bio_take(BIO *bio, struct buf *out)
{
	char *data;
	long n = BIO_get_mem_data(bio, &data);
	buf_add(out, data, (size_t)n);
	BIO_free(bio);
}

void key_write(EVP_PKEY *key, struct buf *pem)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	must(bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
	bio_take(bio, pem);
}

void key_wipe(struct buf *secret)
{
	if (secret->data)
		OPENSSL_cleanse(secret->data, secret->cap);
	buf_fini(secret);
}

static void *read_key(BIO *bio)
{
	return PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
}

static void *read_cert(BIO *bio)
{
	return PEM_read_bio_X509(bio, NULL, NULL, NULL);
}

/* What `read` makes of a PEM file; its bytes are wiped, since they may be a secret. */
static int pem_load(void *(*read)(BIO *bio), const char *path, const char *what, void **out,
		    struct cause *cause)
{
	struct buf pem = {0};
	int rc = os_read_file(path, FILE_MOST, &pem, cause);

	*out = NULL;
	if (rc == 0) {
		BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
		*out = read(bio);
		BIO_free(bio);
		ERR_clear_error();
		if (!*out)
			rc = cause_set(cause, ERR_CORRUPT, "%s does not hold a %s", path, what);
	}
	key_wipe(&pem);
	return rc;
}

int key_load(EVP_PKEY **out, const char *path, struct cause *cause)
{
	void *key;
	int rc = pem_load(read_key, path, "key", &key, cause);

	*out = key;
	return rc;
}

int key_save(EVP_PKEY *key, const char *path, struct cause *cause)
{
	struct buf pem = {0};

	key_write(key, &pem);
	int rc = os_write_file(path, buf_bytes(&pem), true, cause);
	key_wipe(&pem);
	return rc;
}

void key_public(EVP_PKEY *key, struct buf *spki)
{
	uint8_t *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	must(n > 0);
	buf_add(spki, der, (size_t)n);
	OPENSSL_free(der);
}

void key_request(EVP_PKEY *key, struct buf *out)
{
	X509_REQ *request = X509_REQ_new();
	uint8_t *der = NULL;

	must(request && X509_REQ_set_pubkey(request, key) == 1 &&
	     X509_REQ_sign(request, key, EVP_sha256()) > 0);
	int n = i2d_X509_REQ(request, &der);
	must(n > 0);
	buf_add(out, der, (size_t)n);
	OPENSSL_free(der);
	X509_REQ_free(request);
}

void key_sign(EVP_PKEY *key, struct bytes statement, uint8_t signature[64])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = 64;

	must(ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
	     EVP_DigestSign(ctx, signature, &n, statement.data, statement.len) == 1 && n == 64);
	EVP_MD_CTX_free(ctx);
}

void key_signing_public(EVP_PKEY *key, uint8_t out[32])
{
	size_t n = 32;
	must(EVP_PKEY_get_raw_public_key(key, out, &n) == 1 && n == 32);
}

int cert_read(X509 **out, struct bytes der, struct cause *cause)
{
	const uint8_t *p = der.data;

	*out = der.len && der.len < FILE_MOST ? d2i_X509(NULL, &p, (long)der.len) : NULL;
	if (*out && p == der.data + der.len)
		return 0;
	ERR_clear_error();
	cert_free(out);
	return cause_set(cause, ERR_CORRUPT, "these bytes are not a certificate");
}

int cert_load(X509 **out, const char *path, struct cause *cause)
{
	void *cert;
	int rc = pem_load(read_cert, path, "certificate", &cert, cause);

	*out = cert;
	return rc;
}

int cert_save(X509 *cert, const char *path, struct cause *cause)
{
	struct buf pem = {0};
	BIO *bio = BIO_new(BIO_s_mem());

	must(bio && PEM_write_bio_X509(bio, cert) == 1);
	bio_take(bio, &pem);
	int rc = os_write_file(path, buf_bytes(&pem), true, cause);
	buf_fini(&pem);
	return rc;
}

void cert_free(X509 **cert)
{
	X509_free(*cert);
	*cert = NULL;
}

void cert_write(X509 *cert, struct buf *out)
{
	uint8_t *der = NULL;
	int n = i2d_X509(cert, &der);
	must(n > 0);
	buf_add(out, der, (size_t)n);
	OPENSSL_free(der);
}

void cert_fingerprint(X509 *cert, uint8_t out[SHA256_LEN])
{
	uint8_t *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	must(n > 0);
	sha256(BYTES(der, (size_t)n), out);
	OPENSSL_free(der);
}

bool cert_is_under(X509 *cert, X509 *ca)
{
	EVP_PKEY *key = X509_get0_pubkey(ca);
	bool under = key && X509_check_issued(ca, cert) == X509_V_OK && X509_verify(cert, key) == 1;
	ERR_clear_error();
	return under;
}

bool cert_has_key(X509 *cert, EVP_PKEY *key)
{
	EVP_PKEY *its = X509_get0_pubkey(cert);
	bool same = its && EVP_PKEY_eq(its, key) == 1;
	ERR_clear_error();
	return same;
}

bool cert_signing_key(X509 *cert, uint8_t out[32])
{
	EVP_PKEY *key = X509_get0_pubkey(cert);
	size_t n = 32;
	bool good = key && EVP_PKEY_get_raw_public_key(key, out, &n) == 1 && n == 32;
	ERR_clear_error();
	return good;
}

static uint64_t time_ms(const ASN1_TIME *t)
{
	struct tm tm;
	if (ASN1_TIME_to_tm(t, &tm) != 1)
		return 0;
	time_t seconds = timegm(&tm);
	return seconds < 0 ? 0 : (uint64_t)seconds * 1000;
}

void cert_times(X509 *cert, uint64_t *from_ms, uint64_t *until_ms)
{
	*from_ms = time_ms(X509_get0_notBefore(cert));
	*until_ms = time_ms(X509_get0_notAfter(cert));
}

bool cert_is_due(X509 *cert, uint64_t now_ms)
{
	uint64_t from, until;

	cert_times(cert, &from, &until);
	return until < from || now_ms > from + (until - from) / 3 * 2;
}

bool cert_device(X509 *cert, struct id *device)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	const size_t prefix = sizeof(DEVICE_URN) - 1;
	bool found = false;

	for (int i = 0; !found && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type != GEN_URI)
			continue;
		const uint8_t *uri = ASN1_STRING_get0_data(name->d.uniformResourceIdentifier);
		size_t n = (size_t)ASN1_STRING_length(name->d.uniformResourceIdentifier);
		char text[ID_TEXT] = "";
		if (n != prefix + ID_TEXT - 1 || memcmp(uri, DEVICE_URN, prefix) != 0)
			continue;
		memcpy(text, uri + prefix, ID_TEXT - 1);
		found = strlen(text) == ID_TEXT - 1 && id_parse(device, text);
	}
	GENERAL_NAMES_free(names);
	ERR_clear_error();
	return found;
}

struct id area_of_fingerprint(const uint8_t fingerprint[SHA256_LEN])
{
	struct id area;

	memcpy(area.b, fingerprint, sizeof(area.b));
	area.b[6] = (uint8_t)((area.b[6] & 0x0f) | 0x80);
	area.b[8] = (uint8_t)((area.b[8] & 0x3f) | 0x80);
	return area;
}

void area_server_name(const struct id *area, char name[SERVER_NAME])
{
	for (size_t i = 0; i < sizeof(area->b); i++)
		snprintf(name + 2 * i, 3, "%02x", area->b[i]);
	strcpy(name + 2 * sizeof(area->b), ".fivepits");
}

void key_derive(struct bytes secret, struct bytes salt, const char *info, uint8_t *out, size_t n)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);

	must(ctx && EVP_PKEY_derive_init(ctx) == 1 &&
	     EVP_PKEY_CTX_set_hkdf_md(ctx, EVP_sha256()) == 1 &&
	     EVP_PKEY_CTX_set1_hkdf_salt(ctx, salt.data, (int)salt.len) == 1 &&
	     EVP_PKEY_CTX_set1_hkdf_key(ctx, secret.data, (int)secret.len) == 1 &&
	     EVP_PKEY_CTX_add1_hkdf_info(ctx, (const uint8_t *)info, (int)strlen(info)) == 1 &&
	     EVP_PKEY_derive(ctx, out, &n) == 1);
	EVP_PKEY_CTX_free(ctx);
}

void key_hmac(struct bytes key, struct bytes one, struct bytes two, uint8_t out[SHA256_LEN])
{
	struct buf whole = {0};
	unsigned n = SHA256_LEN;

	buf_add_bytes(&whole, one);
	buf_add_bytes(&whole, two);
	must(HMAC(EVP_sha256(), key.data, (int)key.len, whole.data, whole.len, out, &n) &&
	     n == SHA256_LEN);
	key_wipe(&whole);
}

bool key_same(const uint8_t *a, const uint8_t *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}
