#include "main/serve.h"

#include <unistd.h>

#include "base/memory.h"
#include "server/server.h"

static void open_log(struct log *log, const struct config *config)
{
    enum log_level level;
    enum log_format format;
    ensure(log_level_parse(config->log_level, &level));
    ensure(log_format_parse(config->log, &format));
    log_init(log, level, format, STDERR_FILENO);
}

static bool run(const struct config *config, int *code, struct error *err)
{
    struct log log;
    if (!config_check_serving(config, err))
        return false;
    open_log(&log, config);
    *code = server_run(config, &log, err);
    return *code == 0;
}

enum exit_code serve(const struct args *args, enum serve_mode mode)
{
    struct config config;
    struct error err = {.code = ERROR_SYSTEM};
    int code = EXIT_FAILED;
    bool is_right = args_read_config(args, &config, &err);
    config.is_dev = mode == SERVE_DEV;
    is_right = is_right && run(&config, &code, &err);
    config_finish(&config);
    return is_right ? EXIT_OK : talk_failure(&err);
}
