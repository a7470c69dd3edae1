/* Memory that is always there, and beliefs that are always checked. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include "base/slice.h"

/* The process's own allocations: on exhaustion they end the process with a message, so they never
 * return NULL. What a script allocates goes through its VM's own bounded allocator instead. */
void *xmalloc(size_t size) MUST_USE;
void *xcalloc(size_t count, size_t size) MUST_USE;
void *xrealloc(void *old, size_t size) MUST_USE;

/* A NUL-terminated copy, owned by the caller (free). */
char *xstrdup(const char *text) MUST_USE;
char *xslicedup(struct slice s) MUST_USE;

/* The struct that holds `member` at that address. */
#define CONTAINER(address, type, member) ((type *)((char *)(address)-offsetof(type, member)))

/* What we believe about ourselves; compiled into every build. Never for what a peer, a script, a
 * file or the network chose: that is an error to be answered. */
#define ensure(condition)                                                                          \
    ((condition) ? (void)0 : ensure_failed(#condition, __FILE__, __LINE__, __func__))
_Noreturn void ensure_failed(const char *condition, const char *file, int line, const char *func);

#endif
