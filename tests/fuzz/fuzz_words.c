/* Words that people type or paste: invitations, addresses, ids, the word of what was seen,
 * positions. */
#include "client/copy.h"
#include "common/invitation.h"
#include "common/position.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

const unsigned fuzz_rounds = 50000;

static void take_invitation(const char *text)
{
	struct invitation i, back;
	char again[INVITATION_TEXT];
	struct cause cause = {""};

	if (invitation_parse(&i, text, &cause) < 0) {
		must(cause.words[0]);
		return;
	}
	invitation_format(&i, again);
	must(invitation_parse(&back, again, &cause) == 0 && memcmp(&i, &back, sizeof(i)) == 0);
}

static void take_seen(const char *text)
{
	struct seen seen, back;
	char word[SEEN_WORD];
	struct cause cause = {""};

	if (seen_parse(&seen, text, &cause) < 0) {
		must(cause.words[0]);
		return;
	}
	seen_format(&seen, word);
	must(seen_parse(&back, word, &cause) == 0 && id_equal(&seen.space, &back.space) &&
	     seen.epoch == back.epoch && seen.number == back.number &&
	     id_equal(&seen.after, &back.after));
}

static void take_id(const char *text)
{
	struct id id, back;
	char again[ID_TEXT];

	if (id_parse(&id, text))
		must(id_parse(&back, id_format(&id, again)) && id_equal(&id, &back));
}

/* Two positions, one behind the other with a space between. */
static void take_position(char *text)
{
	char *after = strchr(text, ' '), between[POSITION_SIZE];

	if (after)
		*after++ = '\0';
	if (position_between(fuzz_env(), text, after, between) < 0)
		return;
	must(position_is_valid(BYTES(between, strlen(between))) && strcmp(text, between) < 0);
	if (after && strcmp(text, after) < 0)
		must(strcmp(between, after) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char host[256], port[6];

	if (size == 0)
		return 0;
	char *text = mem_alloc(size);
	memcpy(text, data + 1, size - 1);
	fuzz_env_start();
	switch (data[0] % 5) {
	case 0:
		take_invitation(text);
		break;
	case 1:
		take_seen(text);
		break;
	case 2:
		take_id(text);
		break;
	case 3:
		take_position(text);
		break;
	default:
		if (address_split(text, host, port))
			must(strlen(host) + strlen(port) + 1 <= strlen(text));
	}
	free(text);
	return 0;
}
