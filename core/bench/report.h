/* What a run has shown, for people and for programs. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "base/buf.h"
#include "bench/run.h"

void bench_report_put(struct buf *out, const struct plan *plan, const struct result *result);
void bench_report_put_json(struct buf *out, const struct plan *plan, const struct result *result);
/* One line of how it stands. */
void bench_report_put_progress(struct buf *out, const struct progress *progress);

#endif
