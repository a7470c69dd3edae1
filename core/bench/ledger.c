#include "bench/ledger.h"

enum { RECENT = 64 };

static enum receipt enter_old(struct ledger *ledger, uint64_t number)
{
    uint64_t age = ledger->next - 1 - number;
    if (age < RECENT) {
        if (ledger->recent >> age & 1)
            return RECEIPT_DOUBLED;
        ledger->recent |= UINT64_C(1) << age;
    } else if (ledger->got == ledger->next) {
        return RECEIPT_DOUBLED;
    }
    ledger->got++;
    return RECEIPT_LATE;
}

enum receipt ledger_enter(struct ledger *ledger, uint64_t number)
{
    if (number < ledger->next)
        return enter_old(ledger, number);
    uint64_t step = number - ledger->next + 1;
    ledger->recent = step < RECENT ? ledger->recent << step | 1 : 1;
    ledger->next = number + 1;
    ledger->got++;
    return RECEIPT_IN_ORDER;
}

uint64_t ledger_missing(const struct ledger *ledger, uint64_t end)
{
    return end > ledger->got ? end - ledger->got : 0;
}
