/*
 * Many devices, each with a session that does nothing: what W4 measures the server with.
 *
 *	sessions enrol DIR FILE PERSON SCHOOL COUNT
 *	sessions hold DIR FILE HOST:PORT
 *
 * `enrol`, while no server runs in DIR, enters COUNT devices as invitations would, all with one key,
 * and writes key and certificates to FILE. `hold` has the first device fetch everything once, to
 * learn the heads that the others then say they have; it prints "warm" and, after a line of
 * standard input, connects all of them, prints "held COUNT" and waits for the end of its input.
 */
#include "common/keys.h"
#include "common/log.h"
#include "common/os.h"
#include "server/area.h"
#include "server/ca.h"

#include "tests/bench/device.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* ---- enrol ----------------------------------------------------------------------------------- */

static void enrol_one(struct area *area, struct ca *ca, struct bytes request, struct bytes spki,
		      const struct id ids[2], struct buf *out)
{
	uint8_t invitation[16], verifier[32] = {0};
	uint64_t expires;
	struct id device;
	struct buf der = {0};
	struct cause cause = {{0}};

	env_random(os_env(), invitation, sizeof(invitation));
	if (area_invite(area, &ids[0], &ids[1], invitation, verifier, &expires) < 0 ||
	    area_enrol(area, invitation, spki, "bench", &device) < 0 ||
	    ca_issue(ca, request, &device, &der, &cause) < 0)
		give_up("can't enrol a device", &cause);
	buf_add_u32be(out, (uint32_t)der.len);
	buf_add_bytes(out, buf_bytes(&der));
	buf_fini(&der);
}

static void enrol(const char *dir, const char *file, const char *person, const char *school,
		  int count)
{
	struct cause cause;
	struct ca *ca;
	struct area *area;
	struct id ids[2];
	struct buf request = {0}, spki = {0}, out = {0}, pem = {0};
	struct evp_pkey_st *key = key_make();

	if (!id_parse(&ids[0], person) || !id_parse(&ids[1], school))
		give_up("PERSON and SCHOOL are ids", NULL);
	if (ca_open(&ca, dir, &cause) < 0)
		give_up("can't read the CA", &cause);
	struct area_options o = {.dir = dir, .env = os_env(), .sign = ca_sign_head, .sign_arg = ca};
	if (area_open(&area, &o, &cause) < 0)
		give_up("can't open the area", &cause);
	key_request(key, &request);
	if (ca_request_key(buf_bytes(&request), &spki, &cause) < 0)
		give_up("can't make a request", &cause);
	key_write(key, &pem);
	buf_add_u32be(&out, (uint32_t)pem.len);
	buf_add_bytes(&out, buf_bytes(&pem));
	for (int i = 0; i < count; i++) {
		enrol_one(area, ca, buf_bytes(&request), buf_bytes(&spki), ids, &out);
		if (area_turn(area) < 0)
			give_up("can't write the area", NULL);
	}
	if (os_write_file(file, buf_bytes(&out), true, &cause) < 0)
		give_up("can't write the devices", &cause);
	area_close(&area);
	ca_close(&ca);
	key_free(&key);
	buf_fini(&request);
	buf_fini(&spki);
	buf_fini(&pem);
	buf_fini(&out);
}

/* ---- hold ------------------------------------------------------------------------------------ */

static void welcomed(struct device *d)
{
	size_t used = 0;
	struct frame f = device_frame(d, &used);
	if (f.kind != WIRE__KIND__WELCOME)
		give_up("no welcome", NULL);
}

static void hold(const char *dir, const char *file, const char *address)
{
	static struct device devices[DEVICES];
	static struct devices all;
	struct rlimit limit = {DEVICES + 100, DEVICES + 100};
	struct known known = {.n = 0};
	struct device first = {.ssl = NULL};
	char line[16];

	setrlimit(RLIMIT_NOFILE, &limit);
	devices_read(&all, &known, dir, file, address);
	device_dial(&first, &all, 0);
	device_learn(&first, &known);
	device_close(&first);
	puts("warm");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return;
	for (int i = 0; i < all.n; i++) {
		device_dial(&devices[i], &all, i);
		device_hello(&devices[i], &known);
		welcomed(&devices[i]);
	}
	printf("held %d\n", all.n);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		continue;
}

int main(int argc, char **argv)
{
	log_level_set(LOG_WARN);
	if (argc == 7 && strcmp(argv[1], "enrol") == 0) {
		enrol(argv[2], argv[3], argv[4], argv[5], atoi(argv[6]));
	} else if (argc == 5 && strcmp(argv[1], "hold") == 0) {
		hold(argv[2], argv[3], argv[4]);
	} else {
		fprintf(stderr, "usage: sessions enrol DIR FILE PERSON SCHOOL COUNT\n"
				"       sessions hold DIR FILE HOST:PORT\n");
		return 2;
	}
	return 0;
}
