/*
 * A test in TAP, for prove(1): `ok(cond, "what is true")`, and `return tap_end();` from main. Names
 * are sentences. A failed check says where, and goes on.
 */
#ifndef FIVEPITS_TAP_H
#define FIVEPITS_TAP_H

#include <stdbool.h>
#include <stdio.h>

bool tap_ok(bool cond, const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
int tap_end(void); /* prints the plan; 0 if all held */

#define ok(cond, ...) tap_ok((cond), __FILE__, __LINE__, __VA_ARGS__)
#define note(...) (printf("# "), printf(__VA_ARGS__), printf("\n"))

/* A fresh private directory, removed when the program ends well. Borrowed. */
const char *tap_dir(void);

#endif
