/* What has come on a line: records in, frames out, nothing copied in between. */
#include "common/inflow.h"

#include <string.h>

void inflow_init(struct inflow *in)
{
	*in = (struct inflow){.most = FRAME_HEADER + FRAME_MAX};
}

void inflow_fini(struct inflow *in)
{
	buf_fini(&in->come);
}

bool inflow_has_room(const struct inflow *in)
{
	return inflow_waiting(in) < (in->want > INFLOW_AHEAD ? in->want : INFLOW_AHEAD);
}

/* What was handed up makes room first: frames are whole where they stand, and little is moved. */
uint8_t *inflow_room(struct inflow *in, size_t n)
{
	if (in->at && in->come.cap - in->come.len < n) {
		in->come.len -= in->at;
		memmove(in->come.data, in->come.data + in->at, in->come.len);
		in->at = 0;
	}
	return buf_reserve(&in->come, n);
}

int inflow_read(struct inflow *in, struct tls_line *line, unsigned long *error)
{
	int got = 1;
	size_t n;

	*error = 0;
	while (got > 0 && inflow_has_room(in)) {
		got = tls_line_read(line, inflow_room(in, TLS_RECORD), TLS_RECORD, &n, error);
		inflow_came(in, n);
	}
	in->held = got > 0 && tls_line_holds(line);
	return got < 0 ? got : 0;
}

int inflow_next(struct inflow *in, struct frame *frame)
{
	struct bytes waiting = BYTES(in->come.data + in->at, inflow_waiting(in));

	int rc = frame_parse(waiting, frame, &in->want);
	if (rc < 0 || in->want > in->most)
		return ERR_LIMIT;
	if (rc == 0)
		return 0;
	in->at += in->want;
	in->want = 0;
	return 1;
}

void inflow_rest(struct inflow *in)
{
	buf_fini(&in->come);
	in->at = 0;
}
