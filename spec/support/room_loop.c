/* loop/ for specs: loops with timers, pollers, signals, watches, and mailboxes that threads write
 * to. */
#include "loop/loop.h"

#include <lauxlib.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "loop/mailbox.h"
#include "loop/timer.h"
#include "loop/watch.h"

/* A loop and what was made on it. Callbacks run Lua functions kept in the userdata's value. */
struct room {
    lua_State *L; /* whoever turns the loop */
    struct loop *loop;
    struct timers *timers;
    struct mailbox *box; /* timers alone do not keep a loop alive */
    struct alarm *alarms;
    struct poller *poller;
    struct signals *signals;
    struct watch *watch;
    struct clock clock;
    int failed; /* reference of the first error a callback raised */
};

struct alarm {
    struct timer timer;
    struct alarm *next;
    struct room *room;
    int fn;
};

static struct room *check_room(lua_State *L)
{
    struct room *room = luaL_checkudata(L, 1, "room.loop");
    room->L = L;
    return room;
}

static int new (lua_State *L)
{
    struct room *room = lua_newuserdatauv(L, sizeof *room, 0);
    *room = (struct room){.failed = LUA_NOREF};
    luaL_setmetatable(L, "room.loop");
    room->loop = loop_create();
    room->timers = timers_create(room->loop);
    room->box = mailbox_create(room->loop, NULL);
    return 1;
}

static int keep_function(lua_State *L, int at)
{
    luaL_checktype(L, at, LUA_TFUNCTION);
    lua_pushvalue(L, at);
    return luaL_ref(L, LUA_REGISTRYINDEX);
}

static void call_back(struct room *room, int fn, lua_Integer argument)
{
    lua_State *L = room->L;
    lua_rawgeti(L, LUA_REGISTRYINDEX, fn);
    lua_pushinteger(L, argument);
    if (lua_pcall(L, 1, 0, 0) == LUA_OK)
        return;
    if (room->failed == LUA_NOREF)
        room->failed = luaL_ref(L, LUA_REGISTRYINDEX);
    else
        lua_pop(L, 1);
}

static int raise_failure(lua_State *L, struct room *room)
{
    if (room->failed == LUA_NOREF)
        return 0;
    lua_rawgeti(L, LUA_REGISTRYINDEX, room->failed);
    luaL_unref(L, LUA_REGISTRYINDEX, room->failed);
    room->failed = LUA_NOREF;
    return lua_error(L);
}

static int turn(lua_State *L)
{
    struct room *room = check_room(L);
    loop_turn(room->loop);
    return raise_failure(L, room);
}

static int run(lua_State *L)
{
    struct room *room = check_room(L);
    loop_run(room->loop);
    return raise_failure(L, room);
}

static int stop(lua_State *L)
{
    loop_stop(check_room(L)->loop);
    return 0;
}

static int now(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)loop_now_ms(check_room(L)->loop));
    return 1;
}

/* ---- the end of turns ---- */

static void on_turn_end(void *context)
{
    struct alarm *alarm = context;
    call_back(alarm->room, alarm->fn, 0);
}

static struct alarm *add_alarm(lua_State *L, struct room *room, int fn)
{
    struct alarm *alarm = xcalloc(1, sizeof *alarm);
    alarm->room = room;
    alarm->fn = keep_function(L, fn);
    alarm->next = room->alarms;
    room->alarms = alarm;
    return alarm;
}

static int at_turn_end(lua_State *L)
{
    struct room *room = check_room(L);
    loop_at_turn_end(room->loop, on_turn_end, add_alarm(L, room, 2));
    return 0;
}

/* ---- timers ---- */

static void on_alarm(struct timer *timer)
{
    struct alarm *alarm = CONTAINER(timer, struct alarm, timer);
    call_back(alarm->room, alarm->fn, (lua_Integer)loop_now_ms(alarm->room->loop));
}

/* timer(function) -> a timer, not set; the function gets the loop's clock */
static int new_timer(lua_State *L)
{
    lua_pushlightuserdata(L, add_alarm(L, check_room(L), 2));
    return 1;
}

static struct alarm *check_alarm(lua_State *L)
{
    luaL_checktype(L, 2, LUA_TLIGHTUSERDATA);
    return lua_touserdata(L, 2);
}

static int start_timer(lua_State *L)
{
    struct room *room = check_room(L);
    timer_start(room->timers, &check_alarm(L)->timer, (uint64_t)luaL_checkinteger(L, 3), on_alarm);
    return 0;
}

/* stand_still(): from now on its clock moves by pass() alone */
static int stand_still(lua_State *L)
{
    struct room *room = check_room(L);
    room->clock = (struct clock){.monotonic_ms = loop_now_ms(room->loop), .unix_ms = 1000};
    loop_use_clock(room->loop, &room->clock);
    lua_pushinteger(L, loop_unix_ms(room->loop));
    return 1;
}

/* pass(ms): timers fire one after the other, each at its own time -> the calendar */
static int pass(lua_State *L)
{
    struct room *room = check_room(L);
    uint64_t end = room->clock.monotonic_ms + (uint64_t)luaL_checkinteger(L, 2), due;
    room->clock.unix_ms += luaL_checkinteger(L, 2);
    while (timers_next_ms(room->timers, &due) && due <= end) {
        room->clock.monotonic_ms = due;
        timers_serve(room->timers);
    }
    room->clock.monotonic_ms = end;
    lua_pushinteger(L, loop_unix_ms(room->loop));
    raise_failure(L, room);
    return 1;
}

static int stop_timer(lua_State *L)
{
    struct room *room = check_room(L);
    timer_stop(room->timers, &check_alarm(L)->timer);
    return 0;
}

static int is_set(lua_State *L)
{
    lua_pushboolean(L, timer_is_set(&check_alarm(L)->timer));
    return 1;
}

/* ---- descriptors, signals, files ---- */

static void on_ready(void *context)
{
    struct alarm *alarm = context;
    call_back(alarm->room, alarm->fn, 0);
}

static int poll_fd(lua_State *L)
{
    struct room *room = check_room(L);
    room->poller =
        poller_create(room->loop, (int)luaL_checkinteger(L, 2), on_ready, add_alarm(L, room, 3));
    return 0;
}

static int stop_polling(lua_State *L)
{
    struct room *room = check_room(L);
    poller_destroy(room->poller);
    room->poller = NULL;
    return 0;
}

static void on_number(void *context, int number)
{
    struct alarm *alarm = context;
    call_back(alarm->room, alarm->fn, number);
}

static int catch_signals(lua_State *L)
{
    struct room *room = check_room(L);
    room->signals = signals_create(room->loop, on_number, add_alarm(L, room, 2));
    return 0;
}

/* watch(folder, settle_ms, function) -> whether it can be watched */
static int watch(lua_State *L)
{
    struct room *room = check_room(L);
    const char *folder = luaL_checkstring(L, 2);
    unsigned settle_ms = (unsigned)luaL_checkinteger(L, 3);
    room->watch = watch_create(room->loop, folder, settle_ms, on_ready, add_alarm(L, room, 4));
    lua_pushboolean(L, room->watch != NULL);
    return 1;
}

/* the folder that is not watched, or nil */
static int gap(lua_State *L)
{
    lua_pushstring(L, watch_gap(check_room(L)->watch));
    return 1;
}

static int finish(lua_State *L)
{
    struct room *room = check_room(L);
    if (room->loop == NULL)
        return 0;
    poller_destroy(room->poller);
    signals_destroy(room->signals);
    watch_destroy(room->watch);
    mailbox_destroy(room->box);
    timers_destroy(room->timers);
    loop_destroy(room->loop);
    while (room->alarms != NULL) {
        struct alarm *next = room->alarms->next;
        luaL_unref(L, LUA_REGISTRYINDEX, room->alarms->fn);
        free(room->alarms);
        room->alarms = next;
    }
    *room = (struct room){.failed = LUA_NOREF};
    return 0;
}

/* ---- the wheel against a model, without Lua in between ---- */

struct many {
    struct timers *timers;
    struct loop *loop;
    struct timer *all;
    uint64_t *due; /* by the loop's clock */
    unsigned char *fired;
    lua_Integer early, late, twice, left;
};

static struct many *many_of; /* timers have no context but themselves */

static void on_one_of_many(struct timer *timer)
{
    struct many *many = many_of;
    size_t n = (size_t)(timer - many->all);
    uint64_t now_ms = loop_now_ms(many->loop);
    many->early += now_ms < many->due[n];
    many->twice += many->fired[n];
    many->fired[n] = 1;
    many->left--;
}

/* thousands(count, longest_ms, stall_ms) -> early, fired twice, never fired: every timer set once,
 * restarted or stopped in between by its number, with a long stall in the middle */
static int thousands(lua_State *L)
{
    size_t count = (size_t)luaL_checkinteger(L, 1);
    uint64_t longest = (uint64_t)luaL_checkinteger(L, 2);
    struct many many = {.loop = loop_create()};
    many.timers = timers_create(many.loop);
    struct mailbox *box = mailbox_create(many.loop, NULL);
    many.all = xcalloc(count, sizeof *many.all);
    many.due = xcalloc(count, sizeof *many.due);
    many.fired = xcalloc(count, 1);
    many_of = &many;
    for (size_t n = 0; n < count; n++) {
        uint64_t ms = n * 7919 % longest;
        timer_start(many.timers, &many.all[n], ms / 2, on_one_of_many);
        if (n % 3 == 0)
            timer_stop(many.timers, &many.all[n]);
        if (n % 2 == 0)
            timer_start(many.timers, &many.all[n], ms, on_one_of_many);
        many.due[n] = loop_now_ms(many.loop) + (n % 2 == 0 ? ms : ms / 2);
        many.left += timer_is_set(&many.all[n]);
    }
    usleep((useconds_t)luaL_checkinteger(L, 3) * 1000);
    for (uint64_t end = loop_now_ms(many.loop) + longest + 5000;
         many.left > 0 && loop_now_ms(many.loop) < end;) {
        loop_turn(many.loop);
        usleep(500);
    }
    mailbox_destroy(box);
    timers_destroy(many.timers);
    loop_destroy(many.loop);
    free(many.all);
    free(many.due);
    free(many.fired);
    lua_pushinteger(L, many.early);
    lua_pushinteger(L, many.twice);
    lua_pushinteger(L, many.left);
    return 3;
}

static const luaL_Reg methods[] = {{"turn", turn},
                                   {"run", run},
                                   {"stop", stop},
                                   {"now", now},
                                   {"at_turn_end", at_turn_end},
                                   {"timer", new_timer},
                                   {"start", start_timer},
                                   {"stand_still", stand_still},
                                   {"pass", pass},
                                   {"stop_timer", stop_timer},
                                   {"is_set", is_set},
                                   {"poll", poll_fd},
                                   {"stop_polling", stop_polling},
                                   {"signals", catch_signals},
                                   {"watch", watch},
                                   {"gap", gap},
                                   {"finish", finish},
                                   {"__gc", finish},
                                   {NULL, NULL}};

/* ---- mailboxes ---- */

struct letter {
    struct mail mail;
    unsigned writer, number;
};

struct reader {
    struct loop *loop;
    struct mailbox *box;
    unsigned *next; /* number expected of each writer */
    size_t opened, expected, misordered, wakes;
    bool is_slow;
};

struct writer {
    pthread_t thread;
    struct mailbox *box;
    unsigned index, count;
};

static void open_letter(void *context, struct mail *mail)
{
    struct reader *reader = context;
    struct letter *letter = (struct letter *)mail;
    reader->misordered += letter->number != reader->next[letter->writer];
    reader->next[letter->writer] = letter->number + 1;
    free(letter);
    if (reader->is_slow && reader->opened % 1000 == 0)
        usleep(100);
    if (++reader->opened == reader->expected)
        loop_stop(reader->loop);
}

static void post_letter(struct mailbox *box, unsigned writer, unsigned number)
{
    struct letter *letter = xmalloc(sizeof *letter);
    *letter = (struct letter){.mail.open = open_letter, .writer = writer, .number = number};
    mailbox_post(box, &letter->mail);
}

static void *write_letters(void *context)
{
    struct writer *writer = context;
    for (unsigned n = 0; n < writer->count; n++)
        post_letter(writer->box, writer->index, n);
    return NULL;
}

static void count_turn(void *context)
{
    ((struct reader *)context)->wakes++;
}

/* write(writers, letters_each, is_reader_slow) -> opened, out of order. As many threads as writers.
 */
static int write_from_threads(lua_State *L)
{
    unsigned writers = (unsigned)luaL_checkinteger(L, 1), each = (unsigned)luaL_checkinteger(L, 2);
    struct reader reader = {.loop = loop_create(), .expected = (size_t)writers * each};
    reader.is_slow = lua_toboolean(L, 3);
    reader.next = xcalloc(writers, sizeof *reader.next);
    reader.box = mailbox_create(reader.loop, &reader);
    struct writer *all = xcalloc(writers, sizeof *all);
    for (unsigned i = 0; i < writers; i++) {
        all[i] = (struct writer){.box = reader.box, .index = i, .count = each};
        ensure(pthread_create(&all[i].thread, NULL, write_letters, &all[i]) == 0);
    }
    loop_run(reader.loop);
    for (unsigned i = 0; i < writers; i++)
        pthread_join(all[i].thread, NULL);
    mailbox_destroy(reader.box);
    loop_destroy(reader.loop);
    free(reader.next);
    free(all);
    lua_pushinteger(L, (lua_Integer)reader.opened);
    lua_pushinteger(L, (lua_Integer)reader.misordered);
    return 2;
}

/* one_turn(letters) -> opened before any turn, after it, turns' ends seen */
static int one_turn(lua_State *L)
{
    unsigned letters = (unsigned)luaL_checkinteger(L, 1), next = 0;
    struct reader reader = {.loop = loop_create(), .next = &next};
    reader.box = mailbox_create(reader.loop, &reader);
    for (unsigned n = 0; n < letters; n++)
        post_letter(reader.box, 0, n);
    lua_pushinteger(L, (lua_Integer)reader.opened);
    loop_at_turn_end(reader.loop, count_turn, &reader);
    for (int i = 0; i < 3; i++)
        loop_turn(reader.loop);
    lua_pushinteger(L, (lua_Integer)reader.opened);
    mailbox_destroy(reader.box);
    loop_destroy(reader.loop);
    return 2;
}

/* unopened(letters) -> opened by destroying alone, out of order */
static int unopened(lua_State *L)
{
    unsigned letters = (unsigned)luaL_checkinteger(L, 1), next = 0;
    struct reader reader = {.loop = loop_create(), .next = &next};
    reader.box = mailbox_create(reader.loop, &reader);
    for (unsigned n = 0; n < letters; n++)
        post_letter(reader.box, 0, n);
    mailbox_destroy(reader.box);
    loop_destroy(reader.loop);
    lua_pushinteger(L, (lua_Integer)reader.opened);
    lua_pushinteger(L, (lua_Integer)reader.misordered);
    return 2;
}

struct chain {
    struct mail mail;
    struct mailbox *box;
    int left, opened;
};

static void open_chain(void *context, struct mail *mail)
{
    struct chain *chain = (struct chain *)mail;
    (void)context;
    chain->opened++;
    if (chain->left-- > 0)
        mailbox_post(chain->box, mail);
}

/* chain(links, turns) -> opened by the turns, opened in all once destroyed: mail that posts itself
 * again */
static int chain_letters(lua_State *L)
{
    struct chain chain = {.mail.open = open_chain, .left = (int)luaL_checkinteger(L, 1)};
    struct loop *loop = loop_create();
    chain.box = mailbox_create(loop, NULL);
    mailbox_post(chain.box, &chain.mail);
    for (lua_Integer turns = luaL_checkinteger(L, 2); turns > 0; turns--)
        loop_turn(loop);
    lua_pushinteger(L, chain.opened);
    mailbox_destroy(chain.box);
    loop_destroy(loop);
    lua_pushinteger(L, chain.opened);
    return 2;
}

/* ---- descriptors and signals for specs ---- */

static int make_pipe(lua_State *L)
{
    int fds[2];
    ensure(pipe(fds) == 0);
    lua_pushinteger(L, fds[0]);
    lua_pushinteger(L, fds[1]);
    return 2;
}

static int write_fd(lua_State *L)
{
    size_t len;
    const char *bytes = luaL_checklstring(L, 2, &len);
    lua_pushinteger(L, write((int)luaL_checkinteger(L, 1), bytes, len));
    return 1;
}

static int read_fd(lua_State *L)
{
    char bytes[4096];
    ssize_t n = read((int)luaL_checkinteger(L, 1), bytes, sizeof bytes);
    lua_pushlstring(L, bytes, n > 0 ? (size_t)n : 0);
    return 1;
}

static int close_fd(lua_State *L)
{
    lua_pushboolean(L, close((int)luaL_checkinteger(L, 1)) == 0);
    return 1;
}

static int sleep_ms(lua_State *L)
{
    usleep((useconds_t)luaL_checkinteger(L, 1) * 1000);
    return 0;
}

/* Sends this process a signal. */
static int raise_signal(lua_State *L)
{
    lua_pushboolean(L, kill(getpid(), (int)luaL_checkinteger(L, 1)) == 0);
    return 1;
}

static int destroy_nothing(lua_State *L)
{
    (void)L;
    loop_destroy(NULL);
    timers_destroy(NULL);
    poller_destroy(NULL);
    signals_destroy(NULL);
    watch_destroy(NULL);
    mailbox_destroy(NULL);
    return 0;
}

static const luaL_Reg functions[] = {{"new", new},
                                     {"thousands", thousands},
                                     {"write", write_from_threads},
                                     {"one_turn", one_turn},
                                     {"unopened", unopened},
                                     {"chain", chain_letters},
                                     {"pipe", make_pipe},
                                     {"write_fd", write_fd},
                                     {"read_fd", read_fd},
                                     {"close_fd", close_fd},
                                     {"sleep", sleep_ms},
                                     {"raise", raise_signal},
                                     {"destroy_nothing", destroy_nothing},
                                     {NULL, NULL}};

int luaopen_room_loop(lua_State *L);
int luaopen_room_loop(lua_State *L)
{
    luaL_newmetatable(L, "room.loop");
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    luaL_newlib(L, functions);
    lua_pushinteger(L, TIMER_TICK_MS);
    lua_setfield(L, -2, "tick_ms");
    return 1;
}
