/*
 * Edits made offline, quickly: what `fivepits add action` does, without a process for each.
 *
 *	drafts HOME FIRST COUNT
 *
 * makes COUNT new actions of about 250 bytes in the partnership's space, each a change of its own,
 * numbered from FIRST. Each is committed as the command would.
 */
#include "client/draft.h"
#include "common/fields.h"
#include "common/os.h"
#include "records.pb-c.h"

#include <stdlib.h>

static void set_text(struct draft *d, uint32_t field, const char *text)
{
	struct buf b = {0};
	field_add_text(&b, field, text);
	draft_set(d, field, buf_bytes(&b));
	buf_fini(&b);
}

static int add_action(struct copy *copy, const struct id *space, int number, struct cause *cause)
{
	struct draft *d = draft_new(copy, space);
	struct id record = id_make(copy_env(copy)), change;
	char *ref = mem_format("%02d.%03d", number / 1000, number % 1000);
	char *text = mem_format("Action %05d: every school names a lead, shares its planning with "
				"the group each half term and brings two examples of the "
				"children's work to the meeting in summer, with a note of what "
				"changed", number);

	draft_create(d, TYPE_ACTION, &record);
	set_text(d, 2, ref);
	set_text(d, 3, text);
	set_text(d, 5, "Headteachers and subject leaders");
	set_text(d, 11, "Summer 2020");
	free(ref);
	free(text);
	return draft_save(&d, &change, cause);
}

int main(int argc, char **argv)
{
	struct copy *copy;
	struct cause cause;
	int err;

	if (argc != 4) {
		fprintf(stderr, "usage: drafts HOME FIRST COUNT\n");
		return 2;
	}
	err = copy_open(&copy, argv[1], NULL, os_env(), &cause);
	if (err == 0) {
		struct id space = id_partnership(&copy_identity(copy)->area);
		int first = atoi(argv[2]), count = atoi(argv[3]);
		for (int i = 0; i < count && err == 0; i++)
			err = add_action(copy, &space, first + i, &cause);
		copy_close(&copy);
	}
	if (err < 0)
		fprintf(stderr, "drafts: %s\n", cause.words);
	return err < 0 ? 1 : 0;
}
