/* Any bytes as keys in JSON: refused with a reason, or keys that can be asked. */
#include "auth/jwk.h"
#include "base/memory.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct error err = {0};
    struct key *keys = jwk_read(slice_make((const char *)data, len), &err);
    ensure(keys != NULL || (err.code == ERROR_CONFIG && err.text[0] != '\0'));
    for (struct key *key = keys, *next; key != NULL; key = next) {
        next = key->next;
        ensure(key->algs != 0);
        for (unsigned alg = 0; alg < ALG_COUNT; alg++)
            if (key->algs >> alg & 1)
                ensure(!key_verify(key, alg, SLICE("text"), SLICE("no signature")));
        key_destroy(key);
    }
    return 0;
}
