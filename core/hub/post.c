#include "hub/post.h"

#include <stdlib.h>

#include "base/memory.h"
#include "hub/audience.h"
#include "hub/home.h"
#include "hub/hub.h"
#include "hub/member.h"
#include "hub/session.h"
#include "hub/wish.h"

/* ---- requests ---- */

struct request_letter {
    struct mail mail;
    struct request request;
    char bytes[];
};

static void open_request(void *context, struct mail *mail)
{
    struct request_letter *letter = (struct request_letter *)mail;
    if (letter->request.hops > 0 && letter->request.who == NULL)
        wish_handle(context, &letter->request);
    else
        home_handle(context, &letter->request);
    identity_unref(letter->request.who);
    free(letter);
}

void post_request(struct hub *to, const struct request *request)
{
    struct request_letter *letter = xmalloc(sizeof *letter + request_bytes(request));
    letter->mail.open = open_request;
    request_pack(&letter->request, request, letter->bytes);
    mailbox_post(to->mailbox, &letter->mail);
}

/* ---- answers ---- */

struct answer_letter {
    struct mail mail;
    struct asker asker;
    struct answer answer;
    struct error error;
    const struct identity **members;
    struct publication *publications;
    char bytes[];
};

static void open_answer(void *context, struct mail *mail)
{
    struct answer_letter *letter = (struct answer_letter *)mail;
    letter->asker.answered(context, &letter->asker, &letter->answer);
    for (unsigned i = 0; i < letter->answer.member_count; i++)
        identity_unref(letter->members[i]);
    for (unsigned i = 0; i < letter->answer.publication_count; i++)
        identity_unref(letter->publications[i].who);
    free(letter->members);
    free(letter->publications);
    free(letter);
}

static void copy_members(struct answer_letter *letter, const struct answer *answer)
{
    letter->members = NULL;
    if (answer->member_count == 0)
        return;
    letter->members = xmalloc(answer->member_count * sizeof *letter->members);
    for (unsigned i = 0; i < answer->member_count; i++)
        letter->members[i] = identity_ref(answer->members[i]);
    letter->answer.members = letter->members;
}

/* Their bytes to `at`. */
static void copy_publications(struct answer_letter *letter, const struct answer *answer, char **at)
{
    letter->publications = NULL;
    if (answer->publication_count == 0)
        return;
    letter->publications = xmalloc(answer->publication_count * sizeof *letter->publications);
    for (unsigned i = 0; i < answer->publication_count; i++) {
        struct publication *copy = &letter->publications[i];
        *copy = answer->publications[i];
        copy->channel = letter->answer.channel;
        copy->data = slice_pack(at, copy->data);
        copy->who = identity_ref(copy->who);
    }
    letter->answer.publications = letter->publications;
}

void post_answer(struct hub *to, const struct asker *asker, const struct answer *answer)
{
    size_t bytes = answer->channel.len + answer->data.len + answer->epoch.len;
    for (unsigned i = 0; i < answer->publication_count; i++)
        bytes += answer->publications[i].data.len;
    struct answer_letter *letter = xmalloc(sizeof *letter + bytes);
    char *at = letter->bytes;
    letter->mail.open = open_answer;
    letter->asker = *asker;
    letter->answer = *answer;
    letter->answer.channel = slice_pack(&at, answer->channel);
    letter->answer.data = slice_pack(&at, answer->data);
    letter->answer.epoch = slice_pack(&at, answer->epoch);
    if (answer->error != NULL) {
        letter->error = *answer->error;
        letter->answer.error = &letter->error;
    }
    copy_members(letter, answer);
    copy_publications(letter, answer, &at);
    mailbox_post(to->mailbox, &letter->mail);
}

/* ---- frames ---- */

struct frames_letter {
    struct mail mail;
    struct frame *frames[DIALECTS_MAX];
    struct echoes *echoes; /* owned; NULL: the usual ones, none */
    uint64_t group;
};

static void open_frames(void *context, struct mail *mail)
{
    struct frames_letter *letter = (struct frames_letter *)mail;
    static const struct echoes none;
    audience_deliver(context, letter->group, letter->frames,
                     letter->echoes != NULL ? letter->echoes : &none);
    for (unsigned d = 0; d < DIALECTS_MAX; d++)
        frame_unref(letter->frames[d]);
    if (letter->echoes != NULL)
        echoes_finish(letter->echoes);
    free(letter->echoes);
    free(letter);
}

/* Those of that worker. */
static struct echoes *copy_echoes(const struct echoes *echoes, unsigned worker)
{
    if (!echoes->is_apart)
        return NULL;
    struct echoes *copy = xmalloc(sizeof *copy);
    copy->is_apart = true;
    copy->count = 0;
    for (unsigned i = 0; i < echoes->count; i++) {
        const struct echo *echo = &echoes->list[i];
        if (echo->whose.worker != worker)
            continue;
        if (echo->instead != NULL)
            frame_ref(echo->instead);
        copy->list[copy->count++] = *echo;
    }
    return copy;
}

void post_frames(struct hub *to, uint64_t group, struct frame *const *frames,
                 const struct echoes *echoes)
{
    struct frames_letter *letter = xmalloc(sizeof *letter);
    letter->mail.open = open_frames;
    for (unsigned d = 0; d < DIALECTS_MAX; d++) {
        letter->frames[d] = frames[d];
        if (frames[d] != NULL)
            frame_ref(frames[d]);
    }
    letter->echoes = copy_echoes(echoes, to->index);
    letter->group = group;
    mailbox_post(to->mailbox, &letter->mail);
}

/* ---- evictions ---- */

struct eviction_letter {
    struct mail mail;
    uint64_t session, seat;
    int code;
    struct slice channel, reason;
    char bytes[];
};

static void open_eviction(void *context, struct mail *mail)
{
    struct eviction_letter *letter = (struct eviction_letter *)mail;
    member_evicted(context, letter->session, letter->channel, letter->seat, letter->code, letter->reason);
    free(letter);
}

void post_eviction(struct hub *to, struct slice channel, const struct seat *seat, int code,
                   struct slice reason)
{
    struct eviction_letter *letter = xmalloc(sizeof *letter + channel.len + reason.len);
    char *at = letter->bytes;
    letter->mail.open = open_eviction;
    letter->session = seat->key.session;
    letter->seat = seat->number;
    letter->code = code;
    letter->channel = slice_pack(&at, channel);
    letter->reason = slice_pack(&at, reason);
    mailbox_post(to->mailbox, &letter->mail);
}

/* ---- moves ---- */

struct move_letter {
    struct mail mail;
    uint64_t session, seat, group;
    size_t channel_len;
    char channel[];
};

static void open_move(void *context, struct mail *mail)
{
    struct move_letter *letter = (struct move_letter *)mail;
    member_moved(context, letter->session, slice_make(letter->channel, letter->channel_len), letter->seat,
                 letter->group);
    free(letter);
}

void post_member_move(struct hub *to, struct slice channel, const struct seat *seat)
{
    struct move_letter *letter = xmalloc(sizeof *letter + channel.len);
    letter->mail.open = open_move;
    letter->session = seat->key.session;
    letter->seat = seat->number;
    letter->group = seat->group->number;
    letter->channel_len = channel.len;
    memcpy(letter->channel, channel.at, channel.len);
    mailbox_post(to->mailbox, &letter->mail);
}

/* ---- effects on clients ---- */

struct effect_letter {
    struct mail mail;
    struct effects effects;
};

static void open_effect(void *context, struct mail *mail)
{
    struct effect_letter *letter = (struct effect_letter *)mail;
    session_tell(context, letter->effects.first);
    effects_discard(&letter->effects);
    free(letter);
}

void post_effect(struct hub *to, const struct effect *effect)
{
    struct effect_letter *letter = xcalloc(1, sizeof *letter);
    letter->mail.open = open_effect;
    effects_add(&letter->effects, effect);
    mailbox_post(to->mailbox, &letter->mail);
}
