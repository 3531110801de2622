/* What the parts of the fake share: the state, the time, and a call from its start to its end. */
#ifndef FAKE_NVML_H
#define FAKE_NVML_H

#include "state.h"

typedef unsigned int uint;
typedef struct handle *device; /* index + 1 */

enum {
    SUCCESS = 0,
    UNINITIALIZED = 1,
    INVALID_ARGUMENT = 2,
    NOT_SUPPORTED = 3,
    NO_PERMISSION = 4,
    NOT_FOUND = 6,
    INSUFFICIENT_SIZE = 7,
    DRIVER_NOT_LOADED = 9,
    GPU_IS_LOST = 15,
};

struct call {
    struct gpu *gpu;
    double hang_after_s;
};

extern struct state *shared; /* valid while `users` */
extern uint users;

double now_s(void);
void rest(double seconds);

/* Map the file named by FAKE_NVML_STATE. */
uint attach(void);

/* Start a call about a device: on SUCCESS the state is held, until `done`, which returns the code given. */
uint begin(const char *name, device handle, struct call *call);
uint done(struct call *call, uint code);

/* Watts at a clock; and clock and energy brought up to now: returns the reasons of the clock. */
double power_w(const struct gpu *gpu, double mhz);
uint settle(struct gpu *gpu);

#endif
