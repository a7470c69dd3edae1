#include "hub/behaviour.h"

void call_finish(struct call *call)
{
    buf_finish(&call->out);
    effects_discard(&call->effects);
}

void connect_call_finish(struct connect_call *call)
{
    buf_finish(&call->out);
    effects_discard(&call->effects);
}
