/* The way in of clients whose answers come by a stream: POST /emulation. */
#ifndef NET_EMULATION_H
#define NET_EMULATION_H

#include "net/http.h"

/* Takes the commands to the worker that has the stream, wherever this request has landed. Answered
 * when they have been heard, so who waits for the answer keeps the order. */
void emulation_serve(const struct exchange *exchange);

#endif
