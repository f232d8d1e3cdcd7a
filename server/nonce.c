/*
 * Nonces: see nonce.h. The one before counts beside the newest until it is known that the copy has
 * the newest, which is when it presents it: a Welcome may have been lost.
 */
#include "server/nonce.h"

#include "common/log.h"
#include "common/schema.h"
#include "records.pb-c.h"
#include "server/own.h"
#include "server/turn.h"

#include <stdlib.h>

enum { LINEAGES = 64 }; /* of one device that are told apart */

/* Which lineage presents this, 0: none; and the newest that the device has. */
static int nonce_find(struct area *a, const struct id *device, struct bytes presented,
		      uint64_t *lineage, uint64_t *newest)
{
	struct db_stmt *st = db_query(
		a->db,
		"SELECT lineage, current, previous FROM nonce WHERE device = $1 ORDER BY lineage",
		"d", device);
	int got;

	*lineage = *newest = 0;
	while ((got = db_step(st)) > 0) {
		*newest = (uint64_t)db_int(st, 0);
		if (bytes_equal(db_bytes(st, 1), presented) ||
		    bytes_equal(db_bytes(st, 2), presented))
			*lineage = *newest;
	}
	return got;
}

/* The administrators should know that two computers act as one. */
static int nonce_tell(struct area *a, const struct id *device)
{
	const struct space *place = journal_space(a->journal, &a->admin);
	char id[ID_TEXT];

	log_warn("nonce.copied", "device=%s", id_format(device, id));
	if (!place || place->recovering)
		return 0;
	return own_note(a, &a->admin, device,
			"This device's copy was copied to another computer, or set back to an "
			"earlier state of itself. Both go on working and nothing is lost; but "
			"whoever has the copy acts as this person. If nobody made it on purpose, "
			"revoke the device and join anew.");
}

int nonce_take(struct area *a, struct session *s, struct bytes presented, uint8_t nonce[NONCE])
{
	uint64_t lineage, newest;
	int err = nonce_find(a, &s->device, presented, &lineage, &newest);

	if (err == 0)
		err = journal_begin(a->journal);
	if (err == 0 && lineage == 0 && newest > 0 && newest < LINEAGES)
		err = nonce_tell(a, &s->device);
	if (err < 0)
		return err;
	if (lineage == 0)
		lineage = newest < LINEAGES ? newest + 1 : newest;
	s->lineage = lineage;
	env_random(a->options.env, nonce, NONCE);
	return db_run(a->db,
		      "INSERT INTO nonce (device, lineage, current, previous)"
		      " VALUES ($1, $2, $3, $4)"
		      " ON CONFLICT (device, lineage) DO UPDATE"
		      " SET current = excluded.current, previous = excluded.previous",
		      "dubb", &s->device, lineage, BYTES(nonce, NONCE), presented);
}
