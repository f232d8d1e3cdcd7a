/* The clock against the newest entries of people: see clock.h. */
#include "server/clock.h"

#include "common/log.h"

#define DAY_MS UINT64_C(86400000)

enum { CLOCK_BACK = 256 }; /* of a space's entries are looked at, at most */

/* When the newest entry of a space was entered that is a person's; 0: it is not among those. */
static int clock_newest(const struct area *a, const struct space *s, uint64_t *time_ms)
{
	uint64_t number = s->number, least = number > CLOCK_BACK ? number - CLOCK_BACK : 0;
	struct id device = a->server_device;
	int err = 0;

	for (; err == 0 && number > least && id_equal(&device, &a->server_device); number--)
		err = journal_time(a->journal, s, number, time_ms, &device);
	if (id_equal(&device, &a->server_device))
		*time_ms = 0;
	return err;
}

int clock_is_borne_out(struct area *a)
{
	uint64_t now = env_now_ms(a->options.env), newest = 0;
	struct space *const *spaces;
	size_t n = journal_spaces(a->journal, &spaces);

	for (size_t i = 0; i < n; i++) {
		uint64_t time = 0;
		int err = clock_newest(a, spaces[i], &time);
		if (err < 0)
			return err;
		newest = time > newest ? time : newest;
		if (now < newest + CLOCK_QUIET_DAYS * DAY_MS)
			return 1;
	}
	if (a->doubted_day != now / DAY_MS)
		log_warn("clock.ahead", "days=%llu", (unsigned long long)((now - newest) / DAY_MS));
	a->doubted_day = now / DAY_MS;
	return 0;
}
