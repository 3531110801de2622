/* The fake GPU's physics: which clock it takes and why, and what power that draws. All of it is assumed. */
#include "fake.h"

enum { REASON_IDLE = 0x1, REASON_POWER_CAP = 0x4, REASON_THERMAL = 0x20 };

static double core_voltage(const struct gpu *gpu, double mhz)
{
    double top = gpu->clocks_mhz[0], knee = 0.5556 * top;
    return mhz <= knee ? 0.67 : 0.67 + 0.33 * (mhz - knee) / (top - knee);
}

double power_w(const struct gpu *gpu, double mhz)
{
    double voltage = core_voltage(gpu, mhz);
    double core = gpu->core_w * (mhz / gpu->clocks_mhz[0]) * voltage * voltage;
    return gpu->idle_w + gpu->utilisation * (gpu->memory_w + core);
}

/* The highest supported clock at or below a limit. */
static uint at_or_below(const struct gpu *gpu, uint mhz)
{
    for (uint i = 0; i < gpu->clock_count; i++)
        if (gpu->clocks_mhz[i] <= mhz)
            return gpu->clocks_mhz[i];
    return gpu->clocks_mhz[gpu->clock_count - 1];
}

static uint wanted_clock(const struct gpu *gpu, uint *reasons)
{
    uint lowest = gpu->clocks_mhz[gpu->clock_count - 1];
    uint ceiling = gpu->lock_max_mhz ? gpu->lock_max_mhz : gpu->clocks_mhz[0];
    *reasons = gpu->event_reasons;
    if (gpu->utilisation <= 0) {
        *reasons |= REASON_IDLE;
        return at_or_below(gpu, gpu->lock_min_mhz > lowest ? gpu->lock_min_mhz : lowest);
    }
    uint mhz = at_or_below(gpu, ceiling);
    if (gpu->thermal_mhz && gpu->thermal_mhz < mhz) {
        mhz = at_or_below(gpu, gpu->thermal_mhz);
        *reasons |= REASON_THERMAL;
    }
    while (power_w(gpu, mhz) > gpu->limit_w && mhz > lowest) {
        mhz = at_or_below(gpu, mhz - 1);
        *reasons |= REASON_POWER_CAP;
    }
    return mhz;
}

static void spend(struct gpu *gpu, double until_s)
{
    if (until_s > gpu->energy_at_s) {
        gpu->energy_j += (until_s - gpu->energy_at_s) * power_w(gpu, gpu->clock_mhz);
        gpu->energy_at_s = until_s;
    }
}

/* Bring clock and energy up to a time, with the utilisation of now; returns the reasons. */
static uint advance(struct gpu *gpu, double until_s)
{
    uint reasons, mhz = wanted_clock(gpu, &reasons);
    if (mhz != gpu->next_clock_mhz) {
        gpu->next_clock_mhz = mhz;
        gpu->switch_at_s = until_s + shared->switch_delay_s;
    }
    if (gpu->clock_mhz != gpu->next_clock_mhz && until_s >= gpu->switch_at_s) {
        spend(gpu, gpu->switch_at_s);
        gpu->clock_mhz = gpu->next_clock_mhz;
    }
    spend(gpu, until_s);
    return reasons;
}

uint settle(struct gpu *gpu)
{
    if (gpu->next_utilisation != gpu->utilisation) {
        advance(gpu, gpu->utilisation_at_s);
        gpu->utilisation = gpu->next_utilisation;
    }
    return advance(gpu, now_s());
}
