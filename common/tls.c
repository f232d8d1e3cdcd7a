/*
 * Contexts and lines of TLS on OpenSSL 3.
 *
 * Resumption is off in every way that there is, since a resumed session would skip the certificate.
 * Certificates are verified by a callback of ours: it adds nothing to OpenSSL's verdict but a
 * memory of why it was no, and for a joiner it takes the one CA that the invitation names as
 * trusted.
 */
#include "common/tls.h"

#include "common/keys.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TLS_READ = 64 * 1024 }; /* bytes at a time off the socket */
_Static_assert(TLS_RECORD >= SSL3_RT_MAX_PLAIN_LENGTH, "a record fits where one is read to");

struct tls {
	SSL_CTX *ctx;
	bool server, joiner;
	uint8_t fingerprint[SHA256_LEN]; /* a joiner's */
};

struct tls_line {
	SSL *ssl;
	bool server, joiner;
	uint8_t fingerprint[SHA256_LEN];
	int verify_error;
	char *issuer; /* of a certificate that was not trusted */
	X509 *ca;     /* that a joiner's server showed */
};

static const unsigned char ALPN_SESSION[] = "\12fivepits/1"; /* each with its length before it */
static const unsigned char ALPN_ENROL[] = "\20fivepits-enrol/1";

static const char CIPHERS[] =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

static struct tls *tls_new(const SSL_METHOD *method)
{
	struct tls *tls = mem_alloc(sizeof(*tls));
	SSL_CTX *ctx = SSL_CTX_new(method);

	must(ctx && SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 &&
	     SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 &&
	     SSL_CTX_set_ciphersuites(ctx, CIPHERS) == 1 &&
	     SSL_CTX_set1_groups_list(ctx, "X25519:P-256") == 1);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF |
				     SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_max_early_data(ctx, 0);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_max_cert_list(ctx, 16 * 1024);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, TLS_READ);
	SSL_CTX_set_verify_depth(ctx, 1);
	SSL_CTX_set_cert_store(ctx, X509_STORE_new());
	tls->ctx = ctx;
	return tls;
}

/* The peer may come with a certificate or to get one, and says which by the protocol
 * that it names. */
static int tls_alpn_cb(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		       const unsigned char *in, unsigned in_len, void *arg)
{
	static const unsigned char ours[] = "\12fivepits/1\20fivepits-enrol/1";

	(void)arg;
	if (SSL_select_next_proto((unsigned char **)out, out_len, ours, sizeof(ours) - 1, in,
				  in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	if (*out_len == ALPN_ENROL[0])
		SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
	return SSL_TLSEXT_ERR_OK;
}

static char *name_text(const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *text;

	must(bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0);
	long n = BIO_get_mem_data(bio, &data);
	if (n > 200)
		n = 200;
	text = mem_alloc((size_t)n + 1);
	memcpy(text, data, (size_t)n);
	BIO_free(bio);
	return text;
}

/* The joiner trusts the certificate whose key has the invitation's fingerprint, and no other. */
static void tls_trust_invited(struct tls_line *line, X509_STORE_CTX *store)
{
	STACK_OF(X509) *shown = X509_STORE_CTX_get0_untrusted(store);

	for (int i = 0; i < sk_X509_num(shown); i++) {
		uint8_t fingerprint[SHA256_LEN];
		X509 *cert = sk_X509_value(shown, i);
		cert_fingerprint(cert, fingerprint);
		if (!line->ca && key_same(fingerprint, line->fingerprint, SHA256_LEN)) {
			X509_up_ref(cert);
			line->ca = cert;
		}
	}
}

/* No clock that is behind shuts anybody out: when a certificate begins says nothing of who has its
 * key. */
static int tls_allow_early(int good, X509_STORE_CTX *store)
{
	if (good || X509_STORE_CTX_get_error(store) != X509_V_ERR_CERT_NOT_YET_VALID)
		return good;
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}

static int tls_verify_cb(X509_STORE_CTX *store, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_line *line = SSL_get_app_data(ssl);
	STACK_OF(X509) *trusted = NULL;

	(void)arg;
	if (!line)
		return 0;
	if (line->joiner) {
		tls_trust_invited(line, store);
		trusted = sk_X509_new_null();
		must(trusted && (!line->ca || sk_X509_push(trusted, line->ca) > 0));
		X509_STORE_CTX_set0_trusted_stack(store, trusted);
	}
	X509_STORE_CTX_set_verify_cb(store, tls_allow_early);
	int good = X509_verify_cert(store) == 1;
	if (!good) {
		X509 *shown = X509_STORE_CTX_get0_cert(store);
		line->verify_error = X509_STORE_CTX_get_error(store);
		free(line->issuer);
		line->issuer = shown ? name_text(X509_get_issuer_name(shown)) : NULL;
	}
	if (trusted)
		X509_STORE_CTX_set0_trusted_stack(store, NULL);
	sk_X509_free(trusted);
	return good;
}

struct tls *tls_server_new(EVP_PKEY *key, X509 *cert, X509 *ca)
{
	struct tls *tls = tls_new(TLS_server_method());

	tls->server = true;
	/* A client offers every algorithm: only then can it learn whose certificate a
	 * filter shows. */
	must(SSL_CTX_set1_sigalgs_list(tls->ctx, "ECDSA+SHA256") == 1 &&
	     SSL_CTX_use_certificate(tls->ctx, cert) == 1 &&
	     SSL_CTX_use_PrivateKey(tls->ctx, key) == 1 &&
	     SSL_CTX_add1_chain_cert(tls->ctx, ca) ==
		 1 && /* so that a joiner can match its fingerprint */
	     X509_STORE_add_cert(SSL_CTX_get_cert_store(tls->ctx), ca) == 1 &&
	     SSL_CTX_set_session_id_context(tls->ctx, (const uint8_t *)"fivepits", 8) == 1);
	SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(tls->ctx, tls_verify_cb, NULL);
	SSL_CTX_set_alpn_select_cb(tls->ctx, tls_alpn_cb, NULL);
	return tls;
}

static struct tls *tls_client_new(const unsigned char *alpn, size_t len)
{
	struct tls *tls = tls_new(TLS_client_method());

	must(SSL_CTX_set_alpn_protos(tls->ctx, alpn, (unsigned)len) == 0);
	SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(tls->ctx, tls_verify_cb, NULL);
	return tls;
}

int tls_device_new(struct tls **out, const char *home, struct cause *cause)
{
	char *key_path = mem_format("%s/key.pem", home),
	     *cert_path = mem_format("%s/device.pem", home);
	char *ca_path = mem_format("%s/ca.pem", home);
	EVP_PKEY *key = NULL;
	X509 *cert = NULL, *ca = NULL;

	*out = NULL;
	int rc = key_load(&key, key_path, cause);
	if (rc == 0)
		rc = cert_load(&cert, cert_path, cause);
	if (rc == 0)
		rc = cert_load(&ca, ca_path, cause);
	if (rc == 0 && (!cert_has_key(cert, key) || !cert_is_under(cert, ca)))
		rc = cause_set(cause, ERR_CORRUPT,
			       "key.pem, device.pem and ca.pem in %s do not belong together", home);
	if (rc == 0) {
		struct tls *tls = tls_client_new(ALPN_SESSION, sizeof(ALPN_SESSION) - 1);
		must(SSL_CTX_use_certificate(tls->ctx, cert) == 1 &&
		     SSL_CTX_use_PrivateKey(tls->ctx, key) == 1 &&
		     X509_STORE_add_cert(SSL_CTX_get_cert_store(tls->ctx), ca) == 1);
		*out = tls;
	}
	key_free(&key);
	cert_free(&cert);
	cert_free(&ca);
	free(key_path);
	free(cert_path);
	free(ca_path);
	return rc;
}

struct tls *tls_joiner_new(const uint8_t fingerprint[SHA256_LEN])
{
	struct tls *tls = tls_client_new(ALPN_ENROL, sizeof(ALPN_ENROL) - 1);

	tls->joiner = true;
	memcpy(tls->fingerprint, fingerprint, SHA256_LEN);
	return tls;
}

struct tls *tls_prober_new(void)
{
	struct tls *tls = tls_client_new(ALPN_SESSION, sizeof(ALPN_SESSION) - 1);

	must(SSL_CTX_set_min_proto_version(tls->ctx, TLS1_2_VERSION) == 1);
	return tls;
}

void tls_free(struct tls **tls)
{
	if (!*tls)
		return;
	SSL_CTX_free((*tls)->ctx);
	free(*tls);
	*tls = NULL;
}

struct tls_line *tls_line_new(struct tls *tls, const char *server_name)
{
	struct tls_line *line = mem_alloc(sizeof(*line));

	line->ssl = SSL_new(tls->ctx);
	must(line->ssl && SSL_set_app_data(line->ssl, line) == 1);
	line->server = tls->server;
	line->joiner = tls->joiner;
	memcpy(line->fingerprint, tls->fingerprint, SHA256_LEN);
	if (server_name)
		must(SSL_set_tlsext_host_name(line->ssl, server_name) == 1 &&
		     SSL_set1_host(line->ssl, server_name) == 1);
	return line;
}

void tls_line_free(struct tls_line **line)
{
	if (!*line)
		return;
	SSL_set_app_data((*line)->ssl, NULL);
	X509_free((*line)->ca);
	free((*line)->issuer);
	free(*line);
	*line = NULL;
}

SSL *tls_line_ssl(struct tls_line *line)
{
	return line->ssl;
}

bool tls_line_is_server(const struct tls_line *line)
{
	return line->server;
}

bool tls_line_enrols(const struct tls_line *line)
{
	const unsigned char *name;
	unsigned n;

	SSL_get0_alpn_selected(line->ssl, &name, &n);
	return n == ALPN_ENROL[0] && memcmp(name, ALPN_ENROL + 1, n) == 0;
}

bool tls_line_is_sound(const struct tls_line *line)
{
	const unsigned char *name;
	unsigned n;

	SSL_get0_alpn_selected(line->ssl, &name, &n);
	if (n == 0 || SSL_version(line->ssl) != TLS1_3_VERSION || SSL_session_reused(line->ssl))
		return false;
	if (line->server)
		return tls_line_enrols(line) || SSL_get0_peer_certificate(line->ssl);
	return tls_line_enrols(line) == line->joiner && SSL_get0_peer_certificate(line->ssl);
}

bool tls_line_device(const struct tls_line *line, struct id *device)
{
	X509 *cert = SSL_get0_peer_certificate(line->ssl);
	return cert && cert_device(cert, device);
}

X509 *tls_line_ca(const struct tls_line *line)
{
	if (line->ca)
		X509_up_ref(line->ca);
	return line->ca;
}

void tls_line_export(const struct tls_line *line, const char *label, uint8_t out[32])
{
	must(SSL_export_keying_material(line->ssl, out, 32, label, strlen(label), NULL, 0, 0) == 1);
}

int tls_line_read(struct tls_line *line, uint8_t *out, size_t room, size_t *n, unsigned long *error)
{
	*n = 0;
	*error = 0;
	must(room >= TLS_RECORD);
	ERR_clear_error();
	errno = 0;
	int rc = SSL_read_ex(line->ssl, out, room, n);
	if (rc == 1)
		return 1;
	int why = SSL_get_error(line->ssl, rc);
	*error = ERR_peek_error();
	ERR_clear_error();
	return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : ERR_PROTO;
}

bool tls_line_holds(const struct tls_line *line)
{
	return SSL_has_pending(line->ssl);
}

void tls_line_end(struct tls_line *line)
{
	SSL_shutdown(line->ssl); /* what the peer still sends can be read all the same */
	ERR_clear_error();
}

static int tls_verify_trouble(const struct tls_line *line, struct cause *cause)
{
	const char *who = line->server ? "the peer's" : "the server's";

	switch (line->verify_error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return cause_set(cause, ERR_AUTH,
				 "%s certificate has run out: is this computer's clock right?",
				 who);
	case X509_V_ERR_HOSTNAME_MISMATCH:
		return cause_set(cause, ERR_AUTH,
				 "the server that answers belongs to another area");
	default:
		break;
	}
	if (line->server || !tls_line_stranger(line))
		return cause_set(cause, ERR_AUTH, "%s certificate is not accepted: %s", who,
				 X509_verify_cert_error_string(line->verify_error));
	return cause_set(cause, ERR_AUTH,
			 "the certificate that came back is not this area's but was issued by "
			 "\"%s\": a filter on the way decrypts TLS, or another server answers; "
			 "nothing was sent. Ask whoever runs the filter to let this server's "
			 "address through undecrypted",
			 line->issuer);
}

int tls_line_trouble(const struct tls_line *line, unsigned long error, int socket_error,
		     struct cause *cause)
{
	const char *reason = error ? ERR_reason_error_string(error) : NULL;

	if (line->verify_error)
		return tls_verify_trouble(line, cause);
	if (ERR_SYSTEM_ERROR(error))
		socket_error = ERR_GET_REASON(error);
	if (ERR_SYSTEM_ERROR(error) || (!error && socket_error))
		return cause_set(cause, ERR_IO, "the line broke: %s", strerror(socket_error));
	if (ERR_GET_LIB(error) != ERR_LIB_SSL)
		return cause_set(cause, ERR_PROTO, "TLS failed: %s",
				 reason ? reason : "no reason is known");
	switch (ERR_GET_REASON(error)) {
	case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		return cause_set(cause, ERR_AUTH, "no certificate was shown where one is needed");
	case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
		return cause_set(
		    cause, ERR_AUTH,
		    "the server says that this device's certificate has run out: join again with a "
		    "new invitation");
	case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
	case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
		return cause_set(cause, ERR_AUTH,
				 "the other side does not accept this side's certificate");
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_HTTP_REQUEST:
	case SSL_R_PACKET_LENGTH_TOO_LONG:
		return cause_set(cause, ERR_PROTO, "what answers there does not speak TLS");
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
		return cause_set(cause, ERR_PROTO, "the other side does not speak TLS 1.3");
	case SSL_R_NO_APPLICATION_PROTOCOL:
	case SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL:
		return cause_set(cause, ERR_PROTO,
				 "what answers there is no Fivepits server of this version");
	default:
		return cause_set(cause, ERR_PROTO, "TLS failed: %s",
				 reason ? reason : "no reason is known");
	}
}

bool tls_line_refused(const struct tls_line *line)
{
	return line->verify_error != 0;
}

const char *tls_line_stranger(const struct tls_line *line)
{
	switch (line->verify_error) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_UNTRUSTED:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
	case X509_V_ERR_CERT_CHAIN_TOO_LONG:
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_MD_TOO_WEAK:
		return line->issuer ? line->issuer : "somebody unknown";
	default:
		return NULL;
	}
}

bool head_verify(const uint8_t key[32], struct bytes statement, const uint8_t signature[64])
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, 32);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	must(ctx);
	bool good = pkey && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
		    EVP_DigestVerify(ctx, signature, 64, statement.data, statement.len) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	ERR_clear_error();
	return good;
}

const char *tls_version(void)
{
	return OpenSSL_version(OPENSSL_VERSION_STRING);
}
