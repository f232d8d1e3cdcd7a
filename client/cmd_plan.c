/* `import plan` and `export plan`. */
#include "client/cmd.h"

#include "client/plan.h"
#include "common/os.h"

#include <stdlib.h>
#include <string.h>

static int import_json(struct call *call, const struct plan_report *r)
{
	json_t *missing = json_array();
	for (size_t i = 0; i < r->n_missing; i++)
		json_array_append_new(missing,
				      json_text(BYTES(r->missing[i], strlen(r->missing[i]))));
	return cmd_json(call, json_pack("{s:s,s:I,s:I,s:I,s:o}", "year", r->year, "made",
					(json_int_t)r->made, "there", (json_int_t)r->there,
					"filled", (json_int_t)r->filled, "missing", missing));
}

int cmd_import(struct call *call)
{
	struct plan_report report = {0};
	json_t *file = json_read_file(call->words[1], PLAN_FILE_MAX, &call->cause);
	if (!file)
		return ERR_INVALID;
	int err = plan_import(call->copy, file, &call->arena, &report, &call->cause);
	json_decref(file);
	if (err < 0)
		return err;
	if (call->json)
		return import_json(call, &report);
	cmd_say(call, "The plan for %s: %s made, %zu there already%s.", report.year,
		screen_count(&call->arena, report.made, "record", "records"), report.there,
		report.filled
		    ? arena_format(&call->arena, " (%zu of them completed)", report.filled)
		    : "");
	if (report.n_missing > 0)
		cmd_say(call, "An administrator must add, by importing the same file:");
	for (size_t i = 0; i < report.n_missing; i++)
		cmd_say(
		    call, "  %s",
		    screen_line(&call->arena, BYTES(report.missing[i], strlen(report.missing[i]))));
	if (report.made + report.filled > 0)
		cmd_say(call, "Saved on this computer. Not sent yet.");
	return 0;
}

int cmd_export(struct call *call)
{
	const char *path = call_option(call, "output");
	json_t *plan;
	int err = plan_export(call->copy, call_word(call, 1), &plan, &call->cause);
	if (err < 0)
		return err;
	if (!path || strcmp(path, "-") == 0)
		return cmd_json(call, plan);
	char *text = json_dumps(plan, JSON_INDENT(1));
	json_decref(plan);
	must(text);
	err = os_write_file(path, BYTES(text, strlen(text)), false, &call->cause);
	free(text);
	if (err < 0)
		return err;
	if (call->json)
		return cmd_json(call,
				json_pack("{s:o}", "file", json_text(BYTES(path, strlen(path)))));
	cmd_say(call, "Wrote %s.", screen_line(&call->arena, BYTES(path, strlen(path))));
	return 0;
}
