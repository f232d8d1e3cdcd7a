/*
 * A line's deadlines. One lazy look each: none comes late, since every deadline that holds for long
 * is at least as long as the time to the next look, and shorter ones are seen when they begin.
 */
#include "common/pulse.h"

#include "common/conn.h"

enum pulse_due pulse_due(const struct pulse *p, const struct pulse_line *line, uint64_t now)
{
	if (p->life && now >= p->life)
		return PULSE_LIFE;
	if (p->lasts && now >= p->began + p->lasts)
		return PULSE_STATE;
	if (!line->open)
		return PULSE_NONE;
	if (line->queued && now >= p->taken + CONN_IDLE_MS)
		return PULSE_STUCK;
	if (!line->listens)
		return PULSE_NONE;
	if (p->frame && now >= p->frame + CONN_FRAME_MS)
		return PULSE_FRAME;
	if (now >= p->heard + CONN_IDLE_MS)
		return PULSE_SILENT;
	return now >= p->heard + CONN_PING_MS && !p->pinged ? PULSE_PING : PULSE_NONE;
}

uint64_t pulse_rest_ms(const struct pulse *p, const struct pulse_line *line, uint64_t now)
{
	uint64_t next = now + CONN_PING_MS;

	if (p->lasts) {
		next = p->began + p->lasts;
	} else if (line->listens) {
		uint64_t silent = p->heard + (p->pinged ? CONN_IDLE_MS : CONN_PING_MS);
		if (silent < next)
			next = silent;
		if (p->frame && p->frame + CONN_FRAME_MS < next)
			next = p->frame + CONN_FRAME_MS;
	}
	if (p->life && p->life < next)
		next = p->life;
	return next > now ? next - now : 1;
}
