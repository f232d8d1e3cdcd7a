/* What befalls machines and lines: cuts, crashes, lost power, full disks, wrong clocks. */
#include "tests/sim/act.h"

bool act_connect(struct world *w)
{
	struct device *d = pick_device(w);
	if (!d || d->online)
		return false;
	d->online = true;
	trace_line(&w->trace, "c%u goes online", d->number);
	device_dial(d);
	return true;
}

bool act_disconnect(struct world *w)
{
	struct device *d = pick_device(w);
	if (!d || !d->online)
		return false;
	d->online = false;
	trace_line(&w->trace, "c%u goes offline", d->number);
	device_hang_up(d, (enum net_cut)dice_below(&w->dice, 3));
	return true;
}

bool act_cut(struct world *w)
{
	struct device *d = pick_device(w);
	if (!d || !d->end)
		return false;
	trace_line(&w->trace, "c%u: its line is cut", d->number);
	net_cut(d->end, (enum net_cut)dice_below(&w->dice, 3));
	return true;
}

/* The client lets go and dials anew while the server still believes in the old line. */
bool act_redial(struct world *w)
{
	struct device *d = pick_device(w);
	if (!d || !d->end)
		return false;
	trace_line(&w->trace, "c%u dials anew", d->number);
	device_hang_up(d, NET_HALF_OPEN);
	device_dial(d);
	return true;
}

bool act_device_ends(struct world *w)
{
	struct device *d = pick_device(w);
	enum disk_end how = (enum disk_end)dice_below(&w->dice, 2);
	if (!d)
		return false;
	if (dice_chance(&w->dice, 30))
		device_stop(d, how);
	else
		disk_stop_after(d->disk, dice_below(&w->dice, dice_chance(&w->dice, 50) ? 10 : 100),
				how);
	return true;
}

bool act_host_ends(struct world *w)
{
	enum disk_end how = (enum disk_end)dice_below(&w->dice, 2);
	if (!w->host.area)
		return false;
	if (dice_chance(&w->dice, 30))
		host_stop(w, how);
	else
		disk_stop_after(w->host.disk,
				dice_below(&w->dice, dice_chance(&w->dice, 50) ? 10 : 100), how);
	return true;
}

bool act_host_restarts(struct world *w)
{
	if (!w->host.area)
		return false;
	trace_line(&w->trace, "server is asked to stop");
	w->host.stopping = true;
	view_take(false);
	area_stop(w->host.area);
	host_plan_turn(w);
	world_run(w, 20000);
	host_stop(w, DISK_CRASH);
	return true;
}

bool act_device_fills(struct world *w)
{
	struct device *d = pick_device(w);
	if (!d)
		return false;
	bool fill = dice_chance(&w->dice, 50);
	d->littered |= fill;
	trace_line(&w->trace, "c%u: its disk %s", d->number, fill ? "fills" : "has room");
	disk_room(d->disk, fill ? dice_below(&w->dice, 100000) : SIZE_MAX);
	return true;
}

void host_has_room(struct world *w)
{
	trace_line(&w->trace, "server: its disk has room");
	w->host.starving = false;
	disk_room(w->host.disk, SIZE_MAX);
}

bool act_host_fills(struct world *w)
{
	if (w->host.starving) {
		host_has_room(w);
		return true;
	}
	trace_line(&w->trace, "server: its disk fills");
	w->host.starving = w->host.starved = true;
	disk_room(w->host.disk, dice_below(&w->dice, 100000));
	return true;
}

bool act_clock(struct world *w)
{
	struct device *d = pick_device(w);
	struct machine *m = d ? &d->machine : &w->host.machine;
	int64_t year = 365ll * 86400000;
	m->offset_ms = dice_chance(&w->dice, 30)
			   ? 0
			   : (int64_t)dice_below(&w->dice, 20 * (uint64_t)year) - 10 * year;
	trace_line(&w->trace, "%s: its clock jumps", d ? "a device" : "server");
	return true;
}

bool act_server_clock(struct world *w)
{
	w->host.machine.offset_ms += (int64_t)dice_below(&w->dice, 7200000) - 3600000;
	if (!w->host.area)
		return false;
	view_take(false);
	area_tick(w->host.area);
	if (host_lives(w))
		host_plan_turn(w);
	return true;
}

bool act_index(struct world *w)
{
	struct device *d = pick_device(w);
	if (!d)
		return false;
	int got = copy_index(d->copy, 1000);
	if (device_lives(d) && got < 0 && got != ERR_FULL)
		world_fail(w, "c%u: the search index can't be made: %s", d->number, err_words(got));
	return true;
}

bool act_rebuild(struct world *w)
{
	struct device *d = pick_device(w);
	struct cause cause = {""};
	if (!d || d->uplink)
		return false;
	int err = copy_rebuild(d->copy, &cause);
	if (device_lives(d) && err < 0 && err != ERR_FULL)
		world_fail(w, "c%u can't be rebuilt: %s", d->number, cause.words);
	trace_line(&w->trace, "c%u is rebuilt", d->number);
	return true;
}

bool act_backup(struct world *w)
{
	struct device *d = pick_device(w);
	if (!d)
		return false;
	trace_line(&w->trace, "c%u: its disk is copied", d->number);
	device_backup(d);
	return true;
}

bool act_restore(struct world *w)
{
	struct device *d = pick_device(w);
	if (!d || !d->backup)
		return false;
	trace_line(&w->trace, "c%u: its disk is put back as it was", d->number);
	device_restore(d);
	return true;
}

/* The disk of a laptop is copied to another, and both go on as the same device. */
bool act_clone(struct world *w)
{
	struct device *d = pick_device(w);
	if (!d || w->n_devices == WORLD_DEVICES || d->revoked)
		return false;
	trace_line(&w->trace, "c%u: its disk is copied to another computer, c%u", d->number, w->n_devices);
	w->n_devices++;
	device_clone(d, &w->devices[w->n_devices - 1], w->n_devices - 1);
	return true;
}

bool act_upgrade(struct world *w)
{
	struct device *d = pick_device(w);
	if (!d || !d->old)
		return false;
	device_stop(d, DISK_CRASH);
	device_upgrade(d);
	return true;
}

/* Most servers are set back once; a few again and again, also from what was saved in between. */
static bool host_is_firm(const struct world *w)
{
	return w->book.set_back && w->seed % 16 != 7;
}

bool act_host_backup(struct world *w)
{
	if (!w->host.area || host_is_firm(w))
		return false;
	host_backup(w);
	trace_line(&w->trace, "server: its disk is copied");
	return true;
}

bool act_host_set_back(struct world *w)
{
	if (!w->host.backup || host_is_firm(w) || !w->host.area)
		return false;
	bool told = dice_chance(&w->dice, 40);
	trace_line(&w->trace, "server is set back to an earlier copy of its disk, and %s",
		   told ? "told so" : "nobody tells it");
	host_set_back(w, told);
	return true;
}
