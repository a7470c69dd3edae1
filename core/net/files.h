/* Files for browsers: the client compiled in, and in dev mode the pages beside the scripts. */
#ifndef NET_FILES_H
#define NET_FILES_H

#include "net/http.h"

void files_serve_client(const struct exchange *exchange); /* /weir.js; with the developer overlay in dev mode */
/* A file of the dev folder by the request's path ("/" is index.html). Never a script, a hidden file or anything
 * outside the folder: those are 404 like what does not exist. */
void files_serve_page(const struct exchange *exchange);

#endif
