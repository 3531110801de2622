/* A fake libnvidia-ml.so.1: what NVML answers for GPUs that exist in a file only.
 *
 * Written from the names, codes and meanings that NVIDIA's documentation of NVML states. Just the functions that the
 * project calls are here; nvidia-ml-py looks each up when it is first used.
 */
#include <stdio.h>
#include <string.h>

#include "fake.h"

enum { CLOCK_MEMORY = 2 };
enum { FIELD_POWER_AVERAGE = 185, FIELD_POWER_INSTANT = 186, VALUE_UNSIGNED_INT = 1 };
enum { SYMBOLIC = 0xffffff00u, UNLIMITED = 0xffffff02u };

struct field_value {
    uint32_t field, scope;
    int64_t timestamp_us, latency_us;
    uint32_t value_type, code;
    union {
        double d;
        uint32_t ui;
        uint64_t ull;
    } value;
};

uint nvmlInitWithFlags(uint flags)
{
    (void)flags;
    uint code = attach();
    users += code == SUCCESS;
    return code;
}

uint nvmlShutdown(void)
{
    if (!users)
        return UNINITIALIZED;
    users--;
    return SUCCESS;
}

const char *nvmlErrorString(uint code)
{
    return code == GPU_IS_LOST ? "GPU is lost" : "an error of the fake";
}

static uint copied(char *out, uint length, const char *text)
{
    return (uint)snprintf(out, length, "%s", text) < length ? SUCCESS : INSUFFICIENT_SIZE;
}

uint nvmlSystemGetDriverVersion(char *version, uint length)
{
    return users ? copied(version, length, "0.fake") : UNINITIALIZED;
}

uint nvmlDeviceGetCount_v2(uint *count)
{
    if (!users)
        return UNINITIALIZED;
    *count = shared->gpu_count;
    return SUCCESS;
}

uint nvmlDeviceGetHandleByIndex_v2(uint index, device *handle)
{
    if (!users)
        return UNINITIALIZED;
    if (index >= shared->gpu_count)
        return INVALID_ARGUMENT;
    *handle = (device)(uintptr_t)(index + 1);
    return SUCCESS;
}

uint nvmlDeviceGetHandleByUUID(const char *uuid, device *handle)
{
    if (!users)
        return UNINITIALIZED;
    for (uint i = 0; i < shared->gpu_count; i++)
        if (strcmp(shared->gpus[i].uuid, uuid) == 0)
            return nvmlDeviceGetHandleByIndex_v2(i, handle);
    return NOT_FOUND;
}

#define BEGIN(handle) \
    struct call call; \
    uint begun = begin(__func__, handle, &call); \
    if (begun != SUCCESS) \
        return begun; \
    struct gpu *gpu = call.gpu

#define BEGIN_READ(handle) \
    BEGIN(handle); \
    if (gpu->reads_denied) \
        return done(&call, NO_PERMISSION)

uint nvmlDeviceGetUUID(device handle, char *uuid, uint length)
{
    BEGIN(handle);
    return done(&call, copied(uuid, length, gpu->uuid));
}

uint nvmlDeviceGetName(device handle, char *name, uint length)
{
    BEGIN(handle);
    return done(&call, copied(name, length, gpu->name));
}

uint nvmlDeviceGetMigMode(device handle, uint *current, uint *pending)
{
    BEGIN(handle);
    *current = *pending = gpu->mig;
    return done(&call, gpu->mig == 2 ? NOT_SUPPORTED : SUCCESS);
}

uint nvmlDeviceGetClockInfo(device handle, uint type, uint *mhz)
{
    BEGIN_READ(handle);
    settle(gpu);
    *mhz = type == CLOCK_MEMORY ? gpu->memory_mhz : gpu->clock_mhz;
    return done(&call, SUCCESS);
}

uint nvmlDeviceGetMaxClockInfo(device handle, uint type, uint *mhz)
{
    BEGIN_READ(handle);
    *mhz = type == CLOCK_MEMORY ? gpu->memory_mhz : gpu->clocks_mhz[0];
    return done(&call, SUCCESS);
}

static uint listed(const uint32_t *values, uint length, uint *count, uint *out)
{
    uint room = *count;
    *count = length;
    if (!out || room < length)
        return INSUFFICIENT_SIZE;
    memcpy(out, values, length * sizeof *out);
    return SUCCESS;
}

uint nvmlDeviceGetSupportedMemoryClocks(device handle, uint *count, uint *clocks_mhz)
{
    BEGIN(handle);
    return done(&call, listed(&gpu->memory_mhz, 1, count, clocks_mhz));
}

uint nvmlDeviceGetSupportedGraphicsClocks(device handle, uint memory_mhz, uint *count, uint *clocks_mhz)
{
    BEGIN(handle);
    if (memory_mhz != gpu->memory_mhz)
        return done(&call, NOT_FOUND);
    return done(&call, listed(gpu->clocks_mhz, gpu->clock_count, count, clocks_mhz));
}

uint nvmlDeviceGetPowerUsage(device handle, uint *milliwatts)
{
    BEGIN_READ(handle);
    settle(gpu);
    *milliwatts = (uint)(1000 * power_w(gpu, gpu->clock_mhz));
    return done(&call, SUCCESS);
}

uint nvmlDeviceGetEnforcedPowerLimit(device handle, uint *milliwatts)
{
    BEGIN_READ(handle);
    *milliwatts = (uint)(1000 * gpu->limit_w);
    return done(&call, SUCCESS);
}

uint nvmlDeviceGetFieldValues(device handle, int count, struct field_value *values)
{
    BEGIN_READ(handle);
    settle(gpu);
    for (struct field_value *each = values; each < values + count; each++) {
        int kind = each->field == FIELD_POWER_AVERAGE ? 0 : each->field == FIELD_POWER_INSTANT ? 1 : -1;
        int known = kind >= 0 && each->scope <= 1 && (gpu->power_fields >> (kind + 2 * (int)each->scope) & 1);
        each->code = known ? SUCCESS : NOT_SUPPORTED;
        each->value_type = VALUE_UNSIGNED_INT;
        each->value.ui = known ? (uint32_t)(1000 * power_w(gpu, gpu->clock_mhz)) : 0;
    }
    return done(&call, SUCCESS);
}

uint nvmlDeviceGetTotalEnergyConsumption(device handle, unsigned long long *millijoules)
{
    BEGIN_READ(handle);
    settle(gpu);
    *millijoules = (unsigned long long)(1000 * gpu->energy_j);
    return done(&call, gpu->energy_counter ? SUCCESS : NOT_SUPPORTED);
}

uint nvmlDeviceGetCurrentClocksEventReasons(device handle, unsigned long long *reasons)
{
    BEGIN_READ(handle);
    *reasons = settle(gpu);
    return done(&call, SUCCESS);
}

static int lockable(const struct gpu *gpu, uint low, uint high)
{
    return low <= high && low >= gpu->clocks_mhz[gpu->clock_count - 1] && high <= gpu->clocks_mhz[0];
}

static uint locked(struct call *call, uint low, uint high)
{
    struct gpu *gpu = call->gpu;
    settle(gpu); /* what was spent, at the clock that was */
    gpu->lock_min_mhz = low;
    gpu->lock_max_mhz = high;
    *(high ? &gpu->sets : &gpu->resets) += 1;
    settle(gpu);
    return done(call, SUCCESS);
}

uint nvmlDeviceSetGpuLockedClocks(device handle, uint low, uint high)
{
    if (users)
        rest(shared->setter_s);
    BEGIN(handle);
    if (!shared->root)
        return done(&call, NO_PERMISSION);
    if (low == UNLIMITED && high == UNLIMITED)
        return locked(&call, 0, 0);
    if (low >= SYMBOLIC || high >= SYMBOLIC || !lockable(gpu, low, high))
        return done(&call, INVALID_ARGUMENT);
    return locked(&call, low, high);
}

uint nvmlDeviceResetGpuLockedClocks(device handle)
{
    if (users)
        rest(shared->setter_s);
    BEGIN(handle);
    (void)gpu;
    return shared->root ? locked(&call, 0, 0) : done(&call, NO_PERMISSION);
}
