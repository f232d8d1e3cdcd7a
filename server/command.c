/* What the commands of fivepitsd share: see command.h. */
#include "server/command.h"

#include "common/os.h"

#include <stdio.h>

/* ---- Opening an area ------------------------------------------------------------------------ */

struct area_options main_options(const char *dir, struct ca *ca, const char *address)
{
	return (struct area_options){.dir = dir,
				     .env = os_env(),
				     .sign = ca_sign_head,
				     .sign_arg = ca,
				     .renew = ca_renew,
				     .renew_arg = ca,
				     .address = address};
}

int main_open(struct area **area, struct ca **ca, struct config *config, const char *dir,
	      struct cause *cause)
{
	int err = config_read(config, dir, cause);

	if (err == 0)
		err = ca_open(ca, dir, cause);
	if (err == 0)
		err = config_look(dir, cause);
	if (err == 0) {
		struct area_options o = main_options(dir, *ca, config->address);
		err = area_open(area, &o, cause);
	}
	if (err == 0 && !id_equal(area_id(*area), ca_area(*ca)))
		err = cause_set(cause, ERR_INVALID, "the keys in %s are another area's", dir);
	return err;
}

int main_open_read(struct area **area, const struct words *w, struct cause *cause)
{
	struct area_options o = main_options(w->dir, NULL, NULL);
	o.read_only = true;
	int err = config_look(w->dir, cause);
	return err == 0 ? area_open(area, &o, cause) : err;
}

int main_check(struct area *area, const char *dir, void (*fault)(void *arg, const char *words),
	       void *arg)
{
	struct cause cause = {{0}};
	struct config config;

	if (ca_check(dir, area_id(area), &cause) < 0)
		fault(arg, cause.words);
	if (config_read(&config, dir, &cause) < 0)
		fault(arg, cause.words);
	return area_check(area, fault, arg);
}

/* ---- Lists ---------------------------------------------------------------------------------- */

void list_begin(struct list_print *p, bool json)
{
	*p = (struct list_print){.json = json};
	if (p->json)
		putchar('[');
}

void list_item(struct list_print *p)
{
	if (p->json && p->n > 0)
		printf(",\n ");
	p->n++;
}

void list_end(const struct list_print *p)
{
	if (p->json)
		printf("]\n");
}

void print_json_text(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		if ((unsigned char)*s < ' ') {
			printf("\\u%04x", (unsigned)*s);
			continue;
		}
		if (*s == '"' || *s == '\\')
			putchar('\\');
		putchar(*s);
	}
	putchar('"');
}

void list_fault(void *arg, const char *words)
{
	struct list_print *p = arg;
	list_item(p);
	if (p->json)
		print_json_text(words);
	else
		printf("%s\n", words);
}
