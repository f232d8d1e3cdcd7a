/*
 * The tables and test vectors of proto/PROTOCOL.md, made from the code: kinds of frames, limits,
 * record types, ids, digests, and three entries of a journal with their chain and signed head.
 */
#include "common/change.h"
#include "common/chunk.h"
#include "common/conn.h"
#include "common/db.h"
#include "common/digest.h"
#include "common/fields.h"
#include "common/invitation.h"
#include "common/keys.h"
#include "common/reconcile.h"
#include "common/schema.h"
#include "common/wire.h"
#include "server/area.h"
#include "server/enrol.h"
#include "server/give.h"
#include "server/held.h"
#include "server/journal.h"
#include "server/lane.h"
#include "server/net.h"
#include "server/shelf.h"
#include "tests/unit/document.h"

#include <openssl/evp.h>

static const char schema[] =
#include "server_schema.h"
    ;

enum { REF = 2, TEXT = 3, LEAD = 7, STATUS = 20 }; /* fields of an Action */

struct example {
	struct buf *out;
	struct document_chance chance;
	struct env env;
	struct id area, space, device, person, record;
	uint8_t fingerprint[SHA256_LEN];
	struct arena arena;
	struct journal *journal;
	struct space *in;
};

/* ---- Tables --------------------------------------------------------------------------------- */

static void make_kinds(struct buf *out)
{
	for (unsigned i = 0; i < wire__kind__descriptor.n_values; i++) {
		const ProtobufCEnumValue *v = &wire__kind__descriptor.values[i];
		buf_add_text(out, "%3d  %s\n", v->value, v->name);
	}
}

static void limit(struct buf *out, uint64_t n, const char *what)
{
	buf_add_text(out, "%12llu  %s\n", (unsigned long long)n, what);
}

static void make_limits(struct buf *out)
{
	limit(out, FRAME_MAX, "bytes of a frame's message and raw bytes together");
	limit(out, PIECE_MAX, "raw bytes behind a Chunk; bytes of a chunk");
	limit(out, FRAME_FIELDS, "fields in a frame, those of nested messages included");
	limit(out, MESSAGE_UNKNOWN, "unknown fields in one message");
	limit(out, CHANGE_MAX, "bytes of a change");
	limit(out, CHANGE_EDITS, "edits in a change; records in exact; records in settles");
	limit(out, TEXT_MAX, "bytes of a text");
	limit(out, LANE_OFFERS, "offers open in a session");
	limit(out, GIVE_ASKED, "chunks asked for in a session, and not yet sent");
	limit(out, SHELF_DAYS, "days that chunks are kept which no Version names");
	limit(out, CONTENT_MOST, "bytes of a document's version");
	limit(out, (UINT64_C(1) << 40) - 1, "entries in a space");
	limit(out, HELD_CHANGES, "held changes of a device");
	limit(out, HELD_BYTES, "bytes of the held changes of a device");
	limit(out, REFUSED_MOST, "refused changes of a device");
	limit(out, CONN_HANDSHAKE_MS,
	      "milliseconds from the first byte to the end of the TLS handshake");
	limit(out, CONN_FRAME_MS, "milliseconds from a frame's first byte to its last");
	limit(out, CONN_PING_MS, "milliseconds of silence before the server sends Ping");
	limit(out, CONN_IDLE_MS, "milliseconds of silence after which a line is ended");
	limit(out, ENROL_FRAME, "bytes of a frame that a peer without a certificate may send");
	limit(out, ENROL_MS, "milliseconds that enrolling may take");
	limit(out, AREA_SESSIONS, "sessions at once");
	limit(out, AREA_DEVICE_SESSIONS, "of them of one device");
	limit(out, NET_UNPROVEN, "connections at once that have not shown a certificate");
}

static const char *merge_word(enum merge m)
{
	static const char *const words[] = {"VALUE", "TEXT", "SET", "FIXED"};
	return words[m];
}

static const char *format_word(enum format f)
{
	static const char *const words[] = {"line", "text",  "day",    "time", "year", "position",
					    "ref",  "bytes", "number", "flag", "word"};
	return words[f];
}

static void make_field(struct buf *out, const struct schema_field *f,
		       const ProtobufCFieldDescriptor *d)
{
	struct buf rest = {0};

	if (f->format <= FORMAT_TEXT || f->format == FORMAT_NUMBER)
		buf_add_text(&rest, " <=%llu", (unsigned long long)f->max);
	if (f->format == FORMAT_BYTES)
		buf_add_text(&rest, f->least == f->max ? " %u" : " %u to %llu", f->least,
			     (unsigned long long)f->max);
	if (f->most)
		buf_add_text(&rest, " x%u", f->most);
	if (f->group)
		buf_add_text(&rest, " group %c", f->group);
	if (f->format == FORMAT_REF)
		buf_add_text(&rest, " -> %s", f->refs ? f->refs : "any");
	buf_add_u8(&rest, 0);
	buf_add_text(out, "%4u  %-20s %-5s %s%s\n", d->id, f->name, merge_word(f->merge),
		     format_word(f->format), (const char *)rest.data);
	buf_fini(&rest);
}

static void make_schema(struct buf *out)
{
	static const char *const kinds[] = {"directory",    "admin",	"partnership", "group",
					    "confidential", "personal", "other"};
	size_t n;
	const struct schema_type *types = schema_types(&n);

	for (size_t i = 0; i < n; i++) {
		const struct schema_type *t = &types[i];
		buf_add_text(out, "%s%u %s:", i ? "\n" : "", t->number, t->name);
		for (unsigned k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)
			if (t->spaces >> (k + 1) & 1)
				buf_add_text(out, " %s", kinds[k]);
		buf_add_text(out, "%s%s\n", t->spaces ? "" : " any space",
			     t->outcome_only ? "; written by outcomes only" : "");
		for (size_t k = 0; k < t->n_fields; k++)
			make_field(out, &t->fields[k], &t->message->fields[k]);
	}
}

/* ---- Vectors: ids, digests, invitations ----------------------------------------------------- */

static void heading(struct example *x, const char *text)
{
	buf_add_text(x->out, "%s%s\n", x->out->len ? "\n" : "", text);
}

static void make_ids(struct example *x)
{
	uint8_t name[36];
	char server[SERVER_NAME];
	struct id id;

	heading(x, "-- Ids (2.1). The CA's key is P-256 with the private number 1.");
	document_hex(x->out, "CA's key (SPKI)", BYTES(document_spki, sizeof(document_spki)));
	document_hex(x->out, "fingerprint", BYTES(x->fingerprint, SHA256_LEN));
	document_id(x->out, "area", &x->area);
	area_server_name(&x->area, server);
	document_line(x->out, "server name", server);
	id = id_directory(&x->area);
	document_id(x->out, "directory", &id);
	document_id(x->out, "partnership", &x->space);
	id = id_admin(&x->area);
	document_id(x->out, "admin", &id);
	id = id_derive(&x->area, BYTES("server", 6));
	document_id(x->out, "server's device", &id);
	document_line(x->out, "clock", "1570644000000");
	document_line(x->out, "chance", "00010203040506070809");
	document_id(x->out, "version 7 of these", &x->person);
	id = id_personal(&x->area, &x->person);
	document_id(x->out, "its personal space", &id);
	document_line(x->out, "reference", "2019-20/1.5");
	document_id(x->out, "action in partn'p", &x->record);
	memcpy(name, x->person.b, 16);
	memcpy(name + 16, x->record.b, 16);
	write_u32be(name + 32, TEXT);
	id = id_derive(&x->area, BYTES(name, sizeof(name)));
	document_line(x->out, "opened by", "a change with the version 7 id above");
	document_id(x->out, "Conflict, group 3", &id);
}

static void base(struct example *x, const char *name, struct bytes value)
{
	document_hex(x->out, name, value);
	buf_add_text(x->out, "%-18s %016llx\n", "  its base digest",
		     (unsigned long long)base_digest(value));
}

static void make_bases(struct example *x)
{
	struct buf b = {0};

	heading(x, "-- Values and base digests (2.2, 2.3)");
	base(x, "no value", BYTES_NONE);
	field_add_text(&b, TEXT, "Use the secure area");
	base(x, "field 3, a text", buf_bytes(&b));
	buf_reset(&b);
	field_add_number(&b, STATUS, 3);
	base(x, "field 20, a word", buf_bytes(&b));
	buf_reset(&b);
	field_add_text(&b, 6, "one");
	field_add_text(&b, 6, "two");
	base(x, "field 6, a list", buf_bytes(&b));
	buf_fini(&b);
}

static void make_invitation(struct example *x)
{
	uint8_t id[INVITATION_ID], verifier[SHA256_LEN], exported[32], proof[SHA256_LEN];
	struct document_chance chance = {0};
	const struct env env = {document_now, document_random, &chance};
	struct invitation i, again;
	char text[INVITATION_TEXT];
	struct cause cause;

	must(invitation_make(&i, "secure.example:443", x->fingerprint, &env, &cause) == 0);
	invitation_format(&i, text);
	invitation_derive(&i, id, verifier);
	heading(x, "-- An invitation (12). The exporter is 00 to 1f, the request the four bytes "
		   "30020500.");
	document_line(x->out, "text", text);
	document_hex(x->out, "code", BYTES(i.code, INVITATION_CODE));
	document_hex(x->out, "invitation id", BYTES(id, INVITATION_ID));
	document_hex(x->out, "verifier", BYTES(verifier, SHA256_LEN));
	for (size_t k = 0; k < sizeof(exported); k++)
		exported[k] = (uint8_t)k;
	invitation_proof(verifier, exported, BYTES("\x30\x02\x05\x00", 4), proof);
	document_hex(x->out, "proof", BYTES(proof, SHA256_LEN));
	ok(invitation_parse(&again, text, &cause) == 0 && memcmp(&i, &again, sizeof(i)) == 0,
	   "the invitation in the vectors is read as it was made");
}

/* ---- Vectors: a journal --------------------------------------------------------------------- */

static void say(struct edit *e, struct base *bases, struct buf *set, const char *text,
		struct bytes was)
{
	field_add_text(set, TEXT, text);
	bases[0] = (struct base){TEXT, base_digest(was)};
	*e = (struct edit){.type = TYPE_ACTION, .bases = bases, .n_bases = 1};
	e->effect = (struct effect){.existence = -1, .set = buf_bytes(set)};
}

static void head_sign(struct bytes statement, uint8_t signature[64], uint8_t public[32])
{
	EVP_PKEY *key =
	    EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, document_head_seed, 32);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = 64, m = 32;

	must(key && ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
	     EVP_DigestSign(ctx, signature, &n, statement.data, statement.len) == 1 &&
	     EVP_PKEY_get_raw_public_key(key, public, &m) == 1);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
}

static bool entry_print(void *arg, const struct entry *e)
{
	struct example *x = arg;
	document_hex(x->out, "  header", e->header);
	document_hex(x->out, "  salt", e->salt);
	document_hex(x->out, "  body", e->body);
	document_hex(x->out, "  chain", e->chain);
	return true;
}

/* Enter one change, and show its bytes and its entry. */
static enum verdict enter(struct example *x, uint8_t id, uint64_t seen, struct edit *e)
{
	struct change c = {
	    .space = x->space, .seen_epoch = 1, .seen_number = seen, .edits = e, .n_edits = 1};
	struct buf bytes = {0};
	struct entered entered;
	struct cause cause;

	memset(c.id.b, id, sizeof(c.id.b));
	c.made_ms = document_now(NULL);
	e->record = x->record;
	change_write(&c, &bytes);
	must(journal_enter(x->journal, x->in, &c, buf_bytes(&bytes), &x->device, NULL, &x->arena,
			   &entered, &cause) == 0);
	buf_add_text(x->out, "%-18s %s\n", "change", verdict_word(entered.verdict));
	document_hex(x->out, "  bytes", buf_bytes(&bytes));
	must(journal_entries(x->journal, x->in, entered.number, entered.number, entry_print, x) ==
	     0);
	buf_fini(&bytes);
	return entered.verdict;
}

static void make_entries(struct example *x)
{
	struct buf set = {0}, old = {0}, two = {0}, three = {0}, add = {0};
	struct base bases[3];
	struct edit e;

	heading(x, "-- 1: an action is made, with ref, text and status, and a lead (3, 5)");
	field_add_text(&old, TEXT, "Use the secure area");
	field_add_text(&set, REF, "1.5");
	buf_add_bytes(&set, buf_bytes(&old));
	field_add_number(&set, STATUS, 2);
	field_add_bytes(&add, LEAD, ID_BYTES(&x->person));
	bases[0] = (struct base){REF, base_digest(BYTES_NONE)};
	bases[1] = (struct base){TEXT, base_digest(BYTES_NONE)};
	bases[2] = (struct base){STATUS, base_digest(BYTES_NONE)};
	e = (struct edit){.type = TYPE_ACTION, .bases = bases, .n_bases = 3};
	e.effect =
	    (struct effect){.existence = LIVE, .set = buf_bytes(&set), .add = buf_bytes(&add)};
	ok(enter(x, 0xc1, 0, &e) == VERDICT_APPLIED, "the first change of the vectors is applied");

	heading(x, "-- 2: its text is replaced by one who had seen 1");
	say(&e, bases, &two, "Use the secure area daily", buf_bytes(&old));
	ok(enter(x, 0xc2, 1, &e) == VERDICT_APPLIED, "the second is applied");

	heading(x, "-- 3: its text is replaced by another who had seen 1: a Conflict is opened "
		   "(4.4, 4.6)");
	say(&e, bases, &three, "Use the secure area weekly", buf_bytes(&old));
	ok(enter(x, 0xc3, 1, &e) == VERDICT_CONFLICT, "the third is a conflict");
	buf_fini(&set);
	buf_fini(&old);
	buf_fini(&two);
	buf_fini(&three);
	buf_fini(&add);
}

static void make_head(struct example *x)
{
	uint8_t chain[SHA256_LEN], digest[SHA256_LEN], empty[SHA256_LEN], common[SHA256_LEN];
	uint8_t signature[64], public[32];
	struct buf statement = {0};

	heading(x, "-- The head of entry 3, by the key of RFC 8032, 7.1, TEST 1 (5.4)");
	must(journal_chain(x->journal, x->in, 3, chain) == 1);
	head_statement(&x->area, &x->space, 1, 3, chain, &statement);
	head_sign(buf_bytes(&statement), signature, public);
	document_hex(x->out, "statement", buf_bytes(&statement));
	document_hex(x->out, "public key", BYTES(public, 32));
	document_hex(x->out, "signature", BYTES(signature, 64));
	heading(
	    x,
	    "-- The digest of partnership after entry 3, and common with an empty directory (6)");
	must(journal_digest(x->journal, x->in, digest) == 0);
	sha256(BYTES_NONE, empty);
	digest_common(empty, digest, common);
	document_hex(x->out, "directory", BYTES(empty, SHA256_LEN));
	document_hex(x->out, "partnership", BYTES(digest, SHA256_LEN));
	document_hex(x->out, "common", BYTES(common, SHA256_LEN));
	buf_fini(&statement);
}

static void make_journal(struct example *x)
{
	char *path = mem_format("%s/area.db", tap_dir());
	uint8_t chain[SHA256_LEN];
	struct cause cause;
	struct db *db;

	must(db_open(&db, path, DB_SOLE, schema, 1, NULL, &cause) == 0);
	must(journal_open(&x->journal, db, &x->area, &x->env) == 0);
	must(journal_space_make(x->journal, &x->space, &x->in) == 0);
	heading(x, "-- The journal of partnership: chain(0), then three entries. Salts are chance "
		   "that counts.");
	must(journal_chain(x->journal, x->in, 0, chain) == 1);
	document_id(x->out, "device", &x->device);
	document_hex(x->out, "chain(0)", BYTES(chain, SHA256_LEN));
	make_entries(x);
	make_head(x);
	must(journal_commit(x->journal) == 0);
	journal_close(&x->journal);
	db_close(&db);
	free(path);
}

static void make_vectors(struct buf *out)
{
	struct example x = {.out = out};

	x.env = (struct env){document_now, document_random, &x.chance};
	arena_init(&x.arena, ARENA_NO_BUDGET);
	sha256(BYTES(document_spki, sizeof(document_spki)), x.fingerprint);
	x.area = area_of_fingerprint(x.fingerprint);
	x.space = id_partnership(&x.area);
	x.person = id_make(&x.env);
	x.record = id_record(&x.area, &x.space, TYPE_ACTION, "2019-20/1.5");
	memset(x.device.b, 0xde, sizeof(x.device.b));
	x.chance.next = 0;
	make_ids(&x);
	make_bases(&x);
	make_invitation(&x);
	make_journal(&x);
	arena_fini(&x.arena);
}

/* ---- Chunks --------------------------------------------------------------------------------- */

static int chunk_node(void *arg, unsigned level, const uint8_t hash[SHA256_LEN], struct bytes node)
{
	char name[32];
	struct node is;

	must(node_read(&is, node) == 0);
	snprintf(name, sizeof(name), "level %u, of %zu", level, is.n);
	document_hex(arg, name, BYTES(hash, SHA256_LEN));
	return 0;
}

/* The content of so many hashes, cut and listed. */
static void make_list(struct buf *out, const uint64_t gear[256], uint64_t n, bool tell_chunks)
{
	struct listing *list = listing_new(chunk_node, out);
	struct buf data = {0}, sizes = {0};
	uint8_t number[8], hash[SHA256_LEN];
	unsigned level;

	for (uint64_t i = 0; i < n; i++) {
		write_u64be(number, i);
		sha256(BYTES(number, 8), hash);
		buf_add(&data, hash, SHA256_LEN);
	}
	for (size_t at = 0; at < data.len;) {
		struct bytes rest = BYTES(data.data + at, data.len - at);
		rest.len = chunk_cut(gear, rest, true);
		sha256(rest, hash);
		buf_add_text(&sizes, "%s%zu", at ? " " : "", rest.len);
		if (tell_chunks && at == 0)
			document_hex(out, "first chunk", BYTES(hash, SHA256_LEN));
		must(listing_add(list, hash, rest.len) == 0);
		at += rest.len;
	}
	buf_add_u8(&sizes, 0);
	if (tell_chunks)
		document_line(out, "chunks", (const char *)sizes.data);
	must(listing_end(list, hash, &level) == 0);
	document_hex(out, "root", BYTES(hash, SHA256_LEN));
	sha256(buf_bytes(&data), hash);
	document_hex(out, "content", BYTES(hash, SHA256_LEN));
	listing_free(&list);
	buf_fini(&data);
	buf_fini(&sizes);
}

static void make_chunks(struct buf *out)
{
	uint64_t gear[256];
	uint8_t number[8];

	chunk_gear(gear);
	for (unsigned i = 0; i < 3; i++) {
		char name[16];
		snprintf(name, sizeof(name), "gear[%u]", i);
		write_u64be(number, gear[i]);
		document_hex(out, name, BYTES(number, 8));
	}
	make_list(out, gear, 31250, true);
	buf_add_text(out, "\n-- 4,000,000 bytes: nodes of level 1, and one that lists them\n");
	make_list(out, gear, 125000, false);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*make)(struct buf *out);
	} blocks[] = {{"kinds", make_kinds},
		      {"limits", make_limits},
		      {"schema", make_schema},
		      {"vectors", make_vectors},
		      {"chunks", make_chunks}};
	bool write = argc > 1 && strcmp(argv[1], "--write") == 0;

	for (size_t i = 0; i < sizeof(blocks) / sizeof(*blocks); i++) {
		struct buf block = {0};
		blocks[i].make(&block);
		document_check("test_vectors", blocks[i].name, &block, write);
	}
	return tap_end();
}
