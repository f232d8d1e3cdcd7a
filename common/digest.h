/*
 * The digest of a space's accepted state: records by id, fields by number, values as they stand
 * (PROTOCOL.md, "Digest"). Equal on the server and on every copy with the same entries.
 */
#ifndef FIVEPITS_DIGEST_H
#define FIVEPITS_DIGEST_H

#include "common/record.h"
#include "common/sha.h"

struct digest;
struct digest *digest_begin(void);
/* Records must come by rising id. Packed as record_pack writes them. ERR_CORRUPT. */
int digest_add(struct digest *d, const struct id *record, uint32_t type, struct bytes packed);
void digest_end(struct digest **d, uint8_t out[SHA256_LEN]);
/* The last line of `digest`: of `directory` and `partnership` together. */
void digest_common(const uint8_t directory[SHA256_LEN], const uint8_t partnership[SHA256_LEN],
		   uint8_t out[SHA256_LEN]);

#endif
