/* `conflicts`: all that waits for somebody to settle it. */
#include "client/cmd_apart.h"

int cmd_conflicts(struct call *call)
{
	struct versions *list;
	json_t *all = json_array();
	size_t n = 0;
	int err = cmd_versions(call, NULL, &list, &n);

	for (size_t i = 0; err >= 0 && i < n; i++) {
		const struct versions *v = &list[i];
		if (call->json) {
			json_array_append_new(all, cmd_versions_json(call, v));
			continue;
		}
		fprintf(call->out, "%s%s %s (%s)\n", i ? "\n" : "",
			v->type ? lookup_type_label(v->type, &call->arena) : "Record",
			lookup_label(call->copy, &v->record, &call->arena),
			lookup_short_id(call->copy, &v->record, &call->arena));
		cmd_versions_print(call, v);
	}
	if (err >= 0)
		err = cmd_apart_list(call, all, &n);
	if (err >= 0 && call->json)
		return cmd_json(call, all);
	json_decref(all);
	if (err >= 0 && n == 0)
		cmd_say(call, "There are no two versions of anything here.");
	return err;
}
