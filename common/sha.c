/*
 * SHA-1 and SHA-256 through EVP. The algorithms are fetched once a thread and the context is kept:
 * fetching costs more than hashing an entry.
 */
#include "common/sha.h"

#include "common/err.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct sha256 {
	EVP_MD_CTX *ctx;
};

static _Thread_local struct {
	EVP_MD *sha1, *sha256;
	EVP_MD_CTX *scratch;
} kept;

static const EVP_MD *sha256_algorithm(void)
{
	if (!kept.sha256)
		kept.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	must(kept.sha256);
	return kept.sha256;
}

static const EVP_MD *sha1_algorithm(void)
{
	if (!kept.sha1)
		kept.sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	must(kept.sha1);
	return kept.sha1;
}

static EVP_MD_CTX *sha_scratch(void)
{
	if (!kept.scratch)
		kept.scratch = EVP_MD_CTX_new();
	must(kept.scratch);
	return kept.scratch;
}

void sha_thread_end(void)
{
	EVP_MD_CTX_free(kept.scratch);
	EVP_MD_free(kept.sha1);
	EVP_MD_free(kept.sha256);
	kept.scratch = NULL;
	kept.sha1 = kept.sha256 = NULL;
}

void sha1(struct bytes data, uint8_t out[20])
{
	EVP_MD_CTX *ctx = sha_scratch();
	must(EVP_DigestInit_ex(ctx, sha1_algorithm(), NULL) == 1);
	if (data.len)
		must(EVP_DigestUpdate(ctx, data.data, data.len) == 1);
	must(EVP_DigestFinal_ex(ctx, out, NULL) == 1);
}

void sha256(struct bytes data, uint8_t out[SHA256_LEN])
{
	sha256_pieces(&data, 1, out);
}

void sha256_pieces(const struct bytes *pieces, size_t n, uint8_t out[SHA256_LEN])
{
	EVP_MD_CTX *ctx = sha_scratch();
	must(EVP_DigestInit_ex(ctx, sha256_algorithm(), NULL) == 1);
	for (size_t i = 0; i < n; i++)
		if (pieces[i].len)
			must(EVP_DigestUpdate(ctx, pieces[i].data, pieces[i].len) == 1);
	must(EVP_DigestFinal_ex(ctx, out, NULL) == 1);
}

struct sha256 *sha256_begin(void)
{
	struct sha256 *s = mem_alloc(sizeof(*s));
	s->ctx = EVP_MD_CTX_new();
	must(s->ctx && EVP_DigestInit_ex(s->ctx, sha256_algorithm(), NULL) == 1);
	return s;
}

void sha256_add(struct sha256 *s, struct bytes data)
{
	if (data.len)
		must(EVP_DigestUpdate(s->ctx, data.data, data.len) == 1);
}

void sha256_end(struct sha256 **s, uint8_t out[SHA256_LEN])
{
	must(EVP_DigestFinal_ex((*s)->ctx, out, NULL) == 1);
	EVP_MD_CTX_free((*s)->ctx);
	free(*s);
	*s = NULL;
}
