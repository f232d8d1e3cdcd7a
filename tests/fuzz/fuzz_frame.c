/* Bytes from the network: frames are found in them, and unpacked as the message that each says it
 * is. */
#include "common/wire.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

const unsigned fuzz_rounds = 50000;

static const struct {
	Wire__Kind kind;
	const ProtobufCMessageDescriptor *message;
} kinds[] = {
    {WIRE__KIND__HELLO, &wire__hello__descriptor},
    {WIRE__KIND__WELCOME, &wire__welcome__descriptor},
    {WIRE__KIND__BYE, &wire__bye__descriptor},
    {WIRE__KIND__PING, &wire__ping__descriptor},
    {WIRE__KIND__PONG, &wire__pong__descriptor},
    {WIRE__KIND__PUSH, &wire__push__descriptor},
    {WIRE__KIND__VERDICTS, &wire__verdicts__descriptor},
    {WIRE__KIND__DEFERRED, &wire__deferred__descriptor},
    {WIRE__KIND__FEED, &wire__feed__descriptor},
    {WIRE__KIND__GRANTED, &wire__granted__descriptor},
    {WIRE__KIND__LOST, &wire__lost__descriptor},
    {WIRE__KIND__FETCH, &wire__fetch__descriptor},
    {WIRE__KIND__BODIES, &wire__bodies__descriptor},
    {WIRE__KIND__OFFER, &wire__offer__descriptor},
    {WIRE__KIND__WANT, &wire__want__descriptor},
    {WIRE__KIND__CHUNK, &wire__chunk__descriptor},
    {WIRE__KIND__STORED, &wire__stored__descriptor},
    {WIRE__KIND__GET, &wire__get__descriptor},
    {WIRE__KIND__CANCEL, &wire__cancel__descriptor},
    {WIRE__KIND__MISSING, &wire__missing__descriptor},
    {WIRE__KIND__PACE, &wire__pace__descriptor},
    {WIRE__KIND__CHALLENGE, &wire__challenge__descriptor},
    {WIRE__KIND__ENROL, &wire__enrol__descriptor},
    {WIRE__KIND__ENROLLED, &wire__enrolled__descriptor},
    {WIRE__KIND__INVITE, &wire__invite__descriptor},
    {WIRE__KIND__INVITED, &wire__invited__descriptor},
    {WIRE__KIND__RENEW, &wire__renew__descriptor},
    {WIRE__KIND__RENEWED, &wire__renewed__descriptor},
};

/* What was unpacked is packed and found again. */
static void again(unsigned kind, const ProtobufCMessage *m, struct bytes raw)
{
	struct buf out = {0};
	struct frame f;
	size_t size;

	if (protobuf_c_message_get_packed_size(m) + raw.len > FRAME_MAX)
		return; /* numbers in more bytes than they need may come out shorter, never longer
			 */
	frame_write(&out, (Wire__Kind)kind, m, raw);
	must(frame_parse(buf_bytes(&out), &f, &size) == 1 && size == out.len && f.kind == kind);
	buf_fini(&out);
}

static void take(const struct frame *f)
{
	struct arena arena;
	struct cause cause;
	const ProtobufCMessageDescriptor *d =
	    kinds[f->kind % (sizeof(kinds) / sizeof(*kinds))].message;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if ((unsigned)kinds[i].kind == f->kind)
			d = kinds[i].message;
	arena_init(&arena, FRAME_BUDGET);
	cause.words[0] = '\0';
	ProtobufCMessage *m = frame_unpack(f, d, &arena, &cause);
	must(m || cause.words[0]);
	if (m)
		again(f->kind, m, f->raw);
	arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes rest = BYTES(data, size);
	struct frame f;
	size_t whole;

	while (frame_parse(rest, &f, &whole) > 0) {
		must(whole <= rest.len && whole == FRAME_HEADER + f.message.len + f.raw.len);
		take(&f);
		rest = BYTES(rest.data + whole, rest.len - whole);
	}
	return 0;
}
