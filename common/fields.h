/*
 * Fields as bytes: reading protobuf's wire format without a schema (protobuf.dev, Encoding).
 *
 * The value of a field is all its occurrences, tags included, one behind the other in the order in
 * which they stand. An empty value is no value. Members of a set are its occurrences.
 */
#ifndef FIVEPITS_FIELDS_H
#define FIVEPITS_FIELDS_H

#include "common/mem.h"

struct field {
	uint32_t number;	/* 1 and up */
	unsigned wire_type;	/* 0 varint, 1 fixed64, 2 length-delimited, 5 fixed32 */
	struct bytes whole;	/* tag and payload */
	struct bytes
	    payload; /* for wire type 2 what stands behind the length, else the number's bytes */
	uint64_t value;		/* of a number */
};

/*
 * Take the next field off the front of `rest`. 1: there was one; 0: the end; ERR_PROTO: not
 * protobuf, a group, a field number of 0, or a varint in more bytes than it needs. Borrows from
 * `rest`.
 */
int field_next(struct bytes *rest, struct field *out);

/*
 * Check that `message` is a serialised message of numbers, texts and bytes with at most `most`
 * fields, each number's occurrences together and the numbers rising: the one form in which equal
 * values are equal bytes. 0 or ERR_PROTO or ERR_LIMIT.
 */
int fields_check(struct bytes message, size_t most);

/* The value of one field of a checked message, BYTES_NONE if it has none. Borrows. */
struct bytes fields_get(struct bytes message, uint32_t number);

/* The number of occurrences in a value, and the payload or number of the first. */
size_t value_count(struct bytes value);
struct bytes value_bytes(struct bytes value);
uint64_t value_number(struct bytes value);

/* Append one field to a buffer. */
void field_add_number(struct buf *b, uint32_t field, uint64_t v);
void field_add_bytes(struct buf *b, uint32_t field, struct bytes v);
void field_add_text(struct buf *b, uint32_t field, const char *text);

#endif
