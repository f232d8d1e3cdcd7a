/* A file of JSON, imported as a plan into a copy that has a school already, and exported again. */
#include "client/json.h"
#include "client/plan.h"
#include "common/os.h"
#include "tests/fuzz/a_copy.h"

#include <stdlib.h>

const unsigned fuzz_rounds = 300;

static void import(struct a_copy *a, json_t *file)
{
	struct plan_report report;
	struct cause cause = {""};
	struct arena arena;
	json_t *back = NULL;

	arena_init(&arena, ARENA_NO_BUDGET);
	int err = plan_import(a->copy, file, &arena, &report, &cause);
	must(err == 0 || (err == ERR_INVALID && cause.words[0]));
	if (err == 0) {
		size_t there = report.there + report.made;
		must(plan_import(a->copy, file, &arena, &report, &cause) == 0);
		must(report.made == 0 && report.there == there); /* twice is once */
		must(plan_export(a->copy, NULL, &back, &cause) == 0);
		json_decref(back);
	}
	arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct a_copy a = {0};
	struct cause cause = {""};
	char *path = mem_format("%s/plan.json", fuzz_dir());

	must(os_write_file(path, BYTES(data, size), false, &cause) == 0);
	json_t *file = json_read_file(path, PLAN_FILE_MAX, &cause);
	must(file || cause.words[0]);
	if (file) {
		a_copy_open(&a);
		import(&a, file);
		a_copy_close(&a);
		json_decref(file);
	}
	free(path);
	return 0;
}
