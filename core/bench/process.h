/* What the server's process has used: CPU and memory, read from /proc, children and all. */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

#include "base/error.h"

#include <stdint.h>

struct usage {
    double cpu_s;
    uint64_t memory; /* bytes: its share of what is mapped (Pss), or what is resident */
};

/* False and err: there is no such process, or it may not be looked at. */
bool process_measure(int pid, struct usage *usage, struct error *err);
double process_own_cpu_s(void);

#endif
