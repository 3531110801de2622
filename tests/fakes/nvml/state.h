/* State of the fake GPUs: one file, mapped by every process, that outlives them as a driver does. */
#ifndef FAKE_NVML_STATE_H
#define FAKE_NVML_STATE_H

#include <stdint.h>

#define FAKE_MAGIC 0x4c4d564eu
#define MAX_GPUS 8
#define MAX_CLOCKS 160
#define MAX_FAULTS 16
#define EVERY_GPU 0xffffffffu

/* The controller mirrors this layout with ctypes; the header's `size` catches a difference. */

struct gpu {
    char uuid[48];
    char name[48];
    uint32_t clock_count;
    uint32_t clocks_mhz[MAX_CLOCKS]; /* descending, as NVML lists them */
    uint32_t memory_mhz;
    uint32_t mig;            /* 0 off, 1 on, 2 not supported */
    uint32_t lost;           /* every call answers GPU_IS_LOST */
    uint32_t reads_denied;   /* power, energy and clocks answer NO_PERMISSION, as in a container with a MIG slice */
    uint32_t energy_counter; /* 0: not supported, as on some vGPUs */
    uint32_t power_fields;   /* bits: 1 average, 2 instant (scope GPU), 4 average, 8 instant (scope module) */
    uint32_t thermal_mhz;    /* too hot: the clock is held here; 0 = cool */
    uint32_t event_reasons;  /* bits reported in addition */
    uint32_t lock_min_mhz;   /* 0 = not locked */
    uint32_t lock_max_mhz;
    uint32_t sets;           /* calls of the setters that had an effect */
    uint32_t resets;
    uint32_t clock_mhz;      /* the clock now, and the one that is on its way */
    uint32_t next_clock_mhz;
    double switch_at_s;      /* when next_clock_mhz is reached */
    double utilisation;      /* 0 to 1; and the one that holds from a time on */
    double next_utilisation;
    double utilisation_at_s;
    double idle_w;
    double memory_w;         /* at utilisation 1 */
    double core_w;           /* at utilisation 1 and the highest clock */
    double limit_w;
    double energy_j;
    double energy_at_s;
};

struct fault {
    char call[56];      /* a function's name; empty: the slot is free */
    uint32_t gpu;       /* index, or EVERY_GPU */
    uint32_t code;      /* answered instead; 0 = none, it only hangs */
    uint32_t every;     /* each n-th matching call */
    uint32_t seen;
    int32_t remaining;  /* how often yet; negative = for ever */
    uint32_t after;     /* the call has its effect first, then hangs */
    double hang_s;
};

struct state {
    uint32_t magic;
    uint32_t size;
    uint32_t gpu_count;
    uint32_t root;          /* 0: setters answer NO_PERMISSION */
    uint32_t driver_loaded;
    uint32_t hangs_ended;   /* each increment ends the hangs under way */
    double switch_delay_s;  /* from a lock to the clock that follows from it */
    double setter_s;        /* time that a setter takes */
    double time_shift_s;    /* added to the monotonic clock */
    struct gpu gpus[MAX_GPUS];
    struct fault faults[MAX_FAULTS];
};

#endif
