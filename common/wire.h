/*
 * Frames: 8 bytes (kind, 1; length of the message, 3; length of the raw bytes, 4; big-endian), the
 * message, the raw bytes. PROTOCOL.md, "Frames". And the link that carries them: TLS in the
 * product, queues in the simulator.
 */
#ifndef FIVEPITS_WIRE_H
#define FIVEPITS_WIRE_H

#include "common/err.h"
#include "common/mem.h"
#include "wire.pb-c.h"

enum { FRAME_HEADER = 8, FRAME_MAX = 1024 * 1024, PIECE_MAX = 256 * 1024, WIRE_VERSION = 1 };

/* What one frame may cost its reader: fields in all, unknown ones in a message, bytes
 * of its arena. */
enum { FRAME_FIELDS = 65536, MESSAGE_UNKNOWN = 64, FRAME_BUDGET = 8 * FRAME_MAX + 64 * 1024 };

struct frame {
	unsigned kind;	      /* Wire__Kind; may be one that this version does not know */
	struct bytes message; /* borrowed for the call */
	struct bytes raw;
};

/*
 * Look for a frame at the front of `data`. 1: `*size` bytes are one, `frame` borrows from them;
 * 0: it is not whole yet, `*size` is how much it will be (0: not known yet); ERR_LIMIT: it is
 * longer than FRAME_MAX allows, or raw bytes stand behind a message that may have none.
 */
int frame_parse(struct bytes data, struct frame *frame, size_t *size);

/* Append a frame to `out`. The caller keeps it within FRAME_MAX. */
void frame_write(struct buf *out, Wire__Kind kind, const ProtobufCMessage *m, struct bytes raw);

/*
 * Unpack a frame's message into `arena` (give it FRAME_BUDGET). NULL with a cause: it is not a
 * message of `d`, or it has more fields, unknown ones or memory than a frame is allowed. A linear
 * scan comes before protobuf-c, which would spend fifty times a frame's length.
 */
ProtobufCMessage *frame_unpack(const struct frame *f, const ProtobufCMessageDescriptor *d,
			       struct arena *arena, struct cause *cause);
/* The same for bytes that are a message of their own (a change, a header). */
ProtobufCMessage *message_unpack(struct bytes b, const ProtobufCMessageDescriptor *d,
				 struct arena *arena, struct cause *cause);

/* A two-way line of frames to one peer. Embedded first in what implements it. */
struct link {
	const struct link_ops *ops;
};

struct link_ops {
	/* Send one or more packed frames, of which the last may have its raw bytes apart (else
	 * there are none); copied. Never fails: a lost line is told by the receiver. */
	void (*send)(struct link *link, struct bytes frames, struct bytes raw);
	/* Bytes sent and not yet taken by the network: how far the peer is behind. */
	size_t (*queued)(const struct link *link);
	/* Stop or go on handing frames up; what the peer sends meanwhile waits at the peer. */
	void (*pause)(struct link *link, bool paused);
	/* Send what is queued, then end the line. The link's owner is told by its `closed`
	 * callback. */
	void (*close)(struct link *link);
};

/* Pack and send one frame. */
void link_send(struct link *link, Wire__Kind kind, const ProtobufCMessage *m, struct bytes raw);
/* Say why, then close. */
void link_bye(struct link *link, Wire__Reason reason, const char *words);

/* Set a protobuf bytes field from an id or from bytes; the id must outlive the packing. */
#define PB_ID(id) ((ProtobufCBinaryData){16, (uint8_t *)(id)->b})
#define PB_BYTES(x) ((ProtobufCBinaryData){(x).len, (uint8_t *)(x).data})

#endif
