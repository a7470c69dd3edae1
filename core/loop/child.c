#include "loop/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/memory.h"

enum { TEXT_MAX = 1 << 20, READ_SIZE = 16384 };

struct child {
    struct child_plan plan;
    struct timers *timers;
    struct timer limit;
    pid_t pid;
    int pid_fd, out_fd;
    struct poller *exits, *writes;
    struct buf text;
    bool is_late, has_ended;
};

/* ---- what it writes ---- */

/* False: there is no more, now or ever. */
static bool read_some(struct child *child)
{
    ssize_t got = read(child->out_fd, buf_reserve(&child->text, READ_SIZE), READ_SIZE);
    if (got <= 0)
        return got < 0 && errno == EINTR;
    child->text.len += (size_t)got;
    if (child->text.len > 2 * TEXT_MAX) {
        memmove(child->text.at, child->text.at + child->text.len - TEXT_MAX, TEXT_MAX);
        child->text.len = TEXT_MAX;
    }
    return true;
}

static void stop_reading(struct child *child)
{
    poller_destroy(child->writes);
    child->writes = NULL;
}

static void on_writes(void *context)
{
    struct child *child = context;
    if (!read_some(child) && errno != EAGAIN)
        stop_reading(child);
}

/* ---- its end ---- */

static void kill_all(struct child *child)
{
    kill(-child->pid, SIGKILL);
}

static void on_late(struct timer *timer)
{
    struct child *child = CONTAINER(timer, struct child, limit);
    child->is_late = true;
    kill_all(child);
}

static void on_exit_seen(void *context)
{
    struct child *child = context;
    int status = 0;
    pid_t pid = waitpid(child->pid, &status, WNOHANG);
    if (pid == 0 || (pid < 0 && errno == EINTR))
        return;
    kill_all(child); /* what it has left behind: the group lives as long as anybody in it */
    child->has_ended = true;
    poller_destroy(child->exits);
    child->exits = NULL;
    timer_stop(child->timers, &child->limit);
    for (int left = 2 * TEXT_MAX / READ_SIZE; left > 0 && child->writes != NULL && read_some(child);
         left--)
        continue;
    struct child_end end = {
        .status = pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1,
        .is_late = child->is_late,
        .text = buf_slice(&child->text),
    };
    child->plan.ended(child->plan.context, &end);
}

void child_destroy(struct child *child)
{
    if (child == NULL)
        return;
    if (!child->has_ended) {
        kill_all(child);
        while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    timer_stop(child->timers, &child->limit);
    stop_reading(child);
    poller_destroy(child->exits);
    close(child->out_fd);
    close(child->pid_fd);
    buf_finish(&child->text);
    free(child);
}

/* ---- its birth ---- */

static int spawn(const struct child_plan *plan, int out_fd, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, ignored;
    sigemptyset(&none);
    sigemptyset(&ignored);
    sigaddset(&ignored, SIGPIPE);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out_fd, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, out_fd, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &ignored);
    int result =
        posix_spawn(pid, plan->path, &files, &attributes, plan->arguments, plan->environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return result;
}

static void limit_cpu(pid_t pid, unsigned limit_ms)
{
    rlim_t seconds = limit_ms / 1000 + 2;
    prlimit(pid, RLIMIT_CPU, &(struct rlimit){seconds, seconds}, NULL);
}

static void watch(struct child *child, struct loop *loop)
{
    child->pid_fd = (int)syscall(SYS_pidfd_open, child->pid, 0);
    ensure(child->pid_fd >= 0); /* it is ours, and not waited for */
    child->exits = poller_create(loop, child->pid_fd, on_exit_seen, child);
    child->writes = poller_create(loop, child->out_fd, on_writes, child);
    timer_start(child->timers, &child->limit, child->plan.limit_ms, on_late);
    limit_cpu(child->pid, child->plan.limit_ms);
}

struct child *child_start(struct loop *loop, struct timers *timers, const struct child_plan *plan,
                          struct error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        fail(err, ERROR_SYSTEM, "cannot start another process: %s", strerror(errno));
        return NULL;
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    struct child *child = xcalloc(1, sizeof *child);
    *child = (struct child){.plan = *plan, .timers = timers, .out_fd = ends[0], .pid_fd = -1};
    int reason = spawn(plan, ends[1], &child->pid);
    close(ends[1]);
    if (reason == 0) {
        watch(child, loop);
        return child;
    }
    fail(err, ERROR_SYSTEM, "cannot start %s: %s", plan->path, strerror(reason));
    close(child->out_fd);
    free(child);
    return NULL;
}
