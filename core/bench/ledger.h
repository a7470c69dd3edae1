/* What one subscriber has got of its channel: each number once, in order, none left out. */
#ifndef BENCH_LEDGER_H
#define BENCH_LEDGER_H

#include <stdint.h>

enum receipt { RECEIPT_IN_ORDER, RECEIPT_LATE, RECEIPT_DOUBLED };

/* Embedded; all zeroes expects the number 0. */
struct ledger {
    uint64_t next;   /* the number that comes next when nothing is lost */
    uint64_t got;    /* different numbers that have come */
    uint64_t recent; /* bit i: the number next - 1 - i has come */
};

/* Enters a number. A number below `next` is late if it had not come, which is remembered for the
 * last 64; an older one counts as late while something is missing, and as doubled else. */
enum receipt ledger_enter(struct ledger *ledger, uint64_t number);
/* Of the numbers below `end`, how many have not come. */
uint64_t ledger_missing(const struct ledger *ledger, uint64_t end);

#endif
