#include "bench/process.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { FAMILY_MAX = 256, PATH_ROOM = 64, LINE_ROOM = 1024 };

/* The processes that count: the server first. */
struct family {
    int pids[FAMILY_MAX];
    unsigned count;
};

/* What stands in /proc/PID/stat behind the name; false: there is none. */
static bool read_stat(int pid, char line[LINE_ROOM], const char **fields)
{
    char path[PATH_ROOM];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    size_t len = fread(line, 1, LINE_ROOM - 1, file);
    fclose(file);
    line[len] = '\0';
    const char *paren = strrchr(line, ')');
    *fields = paren ? paren + 1 : NULL;
    return paren != NULL;
}

static int parent_of(int pid)
{
    char line[LINE_ROOM];
    const char *fields;
    int parent = 0;
    if (read_stat(pid, line, &fields))
        sscanf(fields, " %*c %d", &parent);
    return parent;
}

static bool has(const struct family *family, int pid)
{
    for (unsigned i = 0; i < family->count; i++)
        if (family->pids[i] == pid)
            return true;
    return false;
}

/* Numbers grow: mostly one pass finds children of children too. */
static void add_children(struct family *family)
{
    DIR *folder = opendir("/proc");
    if (folder == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        int pid = atoi(entry->d_name);
        if (pid > 0 && family->count < FAMILY_MAX && !has(family, pid) &&
            has(family, parent_of(pid)))
            family->pids[family->count++] = pid;
    }
    closedir(folder);
}

/* The scheduler's own count, in nanoseconds; each thread has one. */
static bool add_threads_cpu(int pid, double *cpu_s)
{
    char path[PATH_ROOM];
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *folder = opendir(path);
    bool is_known = false;
    if (folder == NULL)
        return false;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char name[PATH_ROOM + 32];
        unsigned long long ns = 0;
        if (atoi(entry->d_name) <= 0)
            continue;
        snprintf(name, sizeof name, "/proc/%d/task/%d/schedstat", pid, atoi(entry->d_name));
        FILE *file = fopen(name, "r");
        if (file == NULL)
            continue;
        if (fscanf(file, "%llu", &ns) == 1)
            is_known = true;
        fclose(file);
        *cpu_s += (double)ns / 1e9;
    }
    closedir(folder);
    return is_known;
}

/* In ticks of a hundredth of a second. */
static void add_ticks(int pid, double *cpu_s)
{
    char line[LINE_ROOM];
    const char *fields;
    unsigned long user = 0, system = 0;
    if (read_stat(pid, line, &fields) &&
        sscanf(fields, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) == 2)
        *cpu_s += (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* The number behind the name, in kB; 0: there is none. */
static uint64_t read_kilobytes(int pid, const char *file_name, const char *name)
{
    char path[PATH_ROOM], line[LINE_ROOM];
    unsigned long long value = 0;
    size_t len = strlen(name);
    snprintf(path, sizeof path, "/proc/%d/%s", pid, file_name);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    while (value == 0 && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, len) == 0)
            value = strtoull(line + len, NULL, 10);
    fclose(file);
    return value;
}

static uint64_t memory_of(int pid)
{
    uint64_t kilobytes = read_kilobytes(pid, "smaps_rollup", "Pss:");
    if (kilobytes == 0)
        kilobytes = read_kilobytes(pid, "status", "VmRSS:");
    return kilobytes * 1024;
}

bool process_measure(int pid, struct usage *usage, struct error *err)
{
    struct family family = {.pids = {pid}, .count = 1};
    char line[LINE_ROOM];
    const char *fields;
    *usage = (struct usage){0};
    if (!read_stat(pid, line, &fields))
        return fail(err, ERROR_SYSTEM, "there is no process %d (any more)", pid);
    add_children(&family);
    for (unsigned i = 0; i < family.count; i++) {
        if (!add_threads_cpu(family.pids[i], &usage->cpu_s))
            add_ticks(family.pids[i], &usage->cpu_s);
        usage->memory += memory_of(family.pids[i]);
    }
    return true;
}

double process_own_cpu_s(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}
