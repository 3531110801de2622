/* A call of the fake: the state held while it lasts, and the faults that the state asks for. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "fake.h"

struct state *shared;
uint users;
static char shared_path[4096];
static int shared_fd = -1;
static pthread_mutex_t in_process = PTHREAD_MUTEX_INITIALIZER;

double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec + shared->time_shift_s;
}

void rest(double seconds)
{
    struct timespec span = {(time_t)seconds, (long)(1e9 * (seconds - (double)(time_t)seconds))};
    nanosleep(&span, NULL);
}

uint attach(void)
{
    const char *path = getenv("FAKE_NVML_STATE");
    struct stat found;
    if (!path)
        return DRIVER_NOT_LOADED;
    if (!shared || strcmp(path, shared_path) != 0) {
        int fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &found) != 0 || (size_t)found.st_size < sizeof *shared)
            return DRIVER_NOT_LOADED;
        shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        shared_fd = fd;
        snprintf(shared_path, sizeof shared_path, "%s", path);
    }
    int usable = shared->magic == FAKE_MAGIC && shared->size == sizeof *shared && shared->driver_loaded;
    return usable ? SUCCESS : DRIVER_NOT_LOADED;
}

/* flock goes with a process that is killed; it does not keep this process's own threads apart. */
static void enter(void)
{
    pthread_mutex_lock(&in_process);
    while (flock(shared_fd, LOCK_EX) != 0) {
    }
}

static uint leave(uint code)
{
    flock(shared_fd, LOCK_UN);
    pthread_mutex_unlock(&in_process);
    return code;
}

static struct fault *fault_of(const char *call, uint index)
{
    for (struct fault *fault = shared->faults; fault < shared->faults + MAX_FAULTS; fault++) {
        if (strcmp(fault->call, call) != 0 || (fault->gpu != EVERY_GPU && fault->gpu != index))
            continue;
        fault->seen++;
        if (fault->remaining == 0 || fault->seen % fault->every != 0)
            continue;
        if (fault->remaining > 0)
            fault->remaining--;
        return fault;
    }
    return NULL;
}

static void hang(double seconds)
{
    uint ended = shared->hangs_ended;
    for (double end = now_s() + seconds; now_s() < end && shared->hangs_ended == ended;)
        rest(0.005);
}

uint begin(const char *name, device handle, struct call *call)
{
    uint index = (uint)((uintptr_t)handle - 1);
    *call = (struct call){NULL, 0};
    if (!users)
        return UNINITIALIZED;
    if (index >= shared->gpu_count)
        return INVALID_ARGUMENT;
    enter();
    struct fault *fault = fault_of(name, index);
    if (fault) {
        uint code = fault->code;
        double hang_s = fault->hang_s;
        if (fault->after) {
            call->hang_after_s = hang_s;
        } else {
            leave(SUCCESS);
            hang(hang_s);
            enter();
        }
        if (code)
            return leave(code);
    }
    call->gpu = &shared->gpus[index];
    return call->gpu->lost ? leave(GPU_IS_LOST) : SUCCESS;
}

uint done(struct call *call, uint code)
{
    leave(code);
    if (call->hang_after_s > 0)
        hang(call->hang_after_s);
    return code;
}
