/* The CA: what it makes, what it signs, what it refuses, and when it makes it anew. */
#include "common/keys.h"
#include "common/os.h"
#include "server/ca.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct id device = {
    {0x01, 0x92, 3, 4, 5, 6, 0x77, 8, 0x89, 10, 11, 12, 13, 14, 15, 16}};

static struct ca *made(const char *name)
{
	char *dir = mem_format("%s/%s", tap_dir(), name);
	struct cause cause = {""};
	struct ca *ca = NULL;

	os_make_dir(dir, &cause);
	bool good = ca_create(dir, "5 Pits Partnership of Schools", &cause) == 0 &&
		    ca_open(&ca, dir, &cause) == 0;
	ok(good, "a CA is made and opened again (%s)", cause.words);
	free(dir);
	return ca;
}

static void test_files(void)
{
	struct cause cause;
	struct stat st;
	static const char *const names[] = {"ca.key",	"ca.pem",     "head.key",
					    "head.pem", "server.key", "server.pem"};
	bool private = true;

	struct ca *ca = made("files");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = mem_format("%s/files/%s", tap_dir(), names[i]);
		private &= stat(path, &st) == 0 && (st.st_mode & 0777) == 0600;
		free(path);
	}
	ok(private, "all six files are there, for this user alone");
	char *dir = mem_format("%s/files", tap_dir());
	ok(ca_create(dir, "Another", &cause) == ERR_EXISTS && cause.words[0],
	   "a second area in it is refused");
	uint8_t fingerprint[SHA256_LEN];
	ca_fingerprint(ca, fingerprint);
	struct id area = area_of_fingerprint(fingerprint);
	ok(id_equal(&area, ca_area(ca)) && area.b[6] >> 4 == 8 && area.b[8] >> 6 == 2,
	   "the area's id derives from the CA's key and is a UUID of version 8");
	char name[SERVER_NAME];
	area_server_name(&area, name);
	ok(strlen(name) == SERVER_NAME - 1 && strcmp(name + 32, ".fivepits") == 0,
	   "its server's name from the id");
	ca_close(&ca);
	free(dir);
}

static void test_issue(void)
{
	struct ca *ca = made("issue"), *other = made("other");
	struct evp_pkey_st *key = key_make();
	struct buf request = {0}, der = {0}, again = {0}, spki = {0}, mine = {0};
	struct x509_st *cert = NULL, *root = NULL, *stranger = NULL;
	struct cause cause;
	struct id got;
	uint64_t from, until;

	key_request(key, &request);
	key_public(key, &mine);
	ok(ca_request_key(buf_bytes(&request), &spki, &cause) == 0 &&
	       bytes_equal(buf_bytes(&spki), buf_bytes(&mine)),
	   "a request gives its key");
	ok(ca_issue(ca, buf_bytes(&request), &device, &der, &cause) == 0 &&
	       cert_read(&cert, buf_bytes(&der), &cause) == 0,
	   "a device's certificate is issued");
	ok(cert_device(cert, &got) && id_equal(&got, &device), "it names the device");
	ok(cert_has_key(cert, key), "it has the device's key");
	char *path = mem_format("%s/issue/ca.pem", tap_dir());
	ok(cert_load(&root, path, &cause) == 0 && cert_is_under(cert, root), "it is under the CA");
	free(path);
	path = mem_format("%s/other/ca.pem", tap_dir());
	ok(cert_load(&stranger, path, &cause) == 0 && !cert_is_under(cert, stranger),
	   "and under no other");
	free(path);
	cert_times(cert, &from, &until);
	uint64_t now = env_now_ms(os_env());
	ok(from < now - 4 * 60 * 1000 && until > now + 399ull * 86400 * 1000 &&
	       until < now + 401ull * 86400 * 1000,
	   "it is valid from five minutes ago, for 400 days");
	ok(!cert_is_due(cert, now) && cert_is_due(cert, now + 280ull * 86400 * 1000),
	   "it is due for renewal after two thirds of that");
	ok(ca_issue(ca, buf_bytes(&request), &device, &again, &cause) == 0 &&
	       !bytes_equal(buf_bytes(&der), buf_bytes(&again)),
	   "each certificate has a serial number of its own");
	buf_reset(&again);
	ok(ca_renew(ca, buf_bytes(&request), &device, buf_bytes(&mine), &again, &cause) == 0 &&
	       again.len > 0,
	   "it is renewed for the same key");
	mine.data[mine.len - 1] ^= 1;
	ok(ca_renew(ca, buf_bytes(&request), &device, buf_bytes(&mine), &again, &cause) ==
	       ERR_INVALID,
	   "but not for another");
	cert_free(&cert);
	cert_free(&root);
	cert_free(&stranger);
	key_free(&key);
	buf_fini(&request);
	buf_fini(&der);
	buf_fini(&again);
	buf_fini(&spki);
	buf_fini(&mine);
	ca_close(&ca);
	ca_close(&other);
}

static void test_refuse(void)
{
	struct ca *ca = made("refuse");
	struct evp_pkey_st *key = key_make(), *signing = key_make_signing();
	struct buf request = {0}, out = {0};
	struct cause cause;
	int taken = 0;

	key_request(key, &request);
	for (size_t n = 0; n < request.len; n++)
		taken += ca_request_key(BYTES(request.data, n), &out, &cause) == 0;
	ok(taken == 0, "a request cut short anywhere is refused");
	for (size_t n = 0; n < request.len; n++) {
		request.data[n] ^= 0x10;
		taken += ca_request_key(buf_bytes(&request), &out, &cause) == 0;
		request.data[n] ^= 0x10;
	}
	ok(taken == 0, "a request with one bit turned anywhere is refused");
	buf_add_u8(&request, 0);
	ok(ca_issue(ca, buf_bytes(&request), &device, &out, &cause) == ERR_INVALID,
	   "a request with something behind it is refused");
	char *path = mem_format("%s/p384.der", tap_dir());
	char *command = mem_format(
	    "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout "
	    "/dev/null -subj / -outform DER -out %s 2>/dev/null",
	    path);
	if (system(command) == 0) {
		buf_reset(&request);
		ok(os_read_file(path, 4096, &request, &cause) == 0 &&
		       ca_request_key(buf_bytes(&request), &out, &cause) == ERR_INVALID &&
		       strstr(cause.words, "P-256"),
		   "a key of another kind is refused");
	}
	free(path);
	free(command);
	key_free(&key);
	key_free(&signing);
	buf_fini(&request);
	buf_fini(&out);
	ca_close(&ca);
}

static void test_heads(void)
{
	struct ca *ca = made("heads");
	uint8_t key[32], signature[64];
	struct buf der = {0};
	struct x509_st *cert = NULL;
	struct cause cause;

	ca_head_key(ca, key);
	ca_sign_head(ca, BYTES("a statement", 11), signature);
	ok(head_verify(key, BYTES("a statement", 11), signature), "a head's signature holds");
	ok(!head_verify(key, BYTES("A statement", 11), signature), "not for another statement");
	signature[5] ^= 1;
	ok(!head_verify(key, BYTES("a statement", 11), signature), "and not with a bit turned");
	ca_head_certificate(ca, &der);
	ok(cert_read(&cert, buf_bytes(&der), &cause) == 0, "the head key has a certificate");
	cert_free(&cert);
	buf_fini(&der);
	ca_close(&ca);
}

static void test_damage(void)
{
	struct ca *ca = made("damage"), *again = NULL;
	char *dir = mem_format("%s/damage", tap_dir()),
	     *key = mem_format("%s/damage/head.key", tap_dir());
	struct cause cause;

	ca_close(&ca);
	struct evp_pkey_st *other = key_make_signing();
	key_save(other, key, &cause);
	ok(ca_open(&again, dir, &cause) == ERR_CORRUPT && strstr(cause.words, "belong"),
	   "a key that does not belong to its certificate is found");
	os_write_file(key, BYTES("nonsense", 8), true, &cause);
	ok(ca_open(&again, dir, &cause) == ERR_CORRUPT && strstr(cause.words, "head.key"),
	   "a damaged file is named");
	unlink(key);
	ok(ca_open(&again, dir, &cause) == ERR_MISSING && !again, "a missing one too");
	key_free(&other);
	free(dir);
	free(key);
}

int main(void)
{
	test_files();
	test_issue();
	test_refuse();
	test_heads();
	test_damage();
	return tap_end();
}
