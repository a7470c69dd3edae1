/* The options by name, in each of their spellings, and the field of struct config each one fills.
 */
#ifndef CONFIG_OPTIONS_H
#define CONFIG_OPTIONS_H

#include "config/config.h"
#include "script/settings.h"

enum { OPTION_NAME_MAX = 48, OPTION_UNKNOWN = -1 };

/* --tls-cert on the command line, tls_cert in the file, WEIR_TLS_CERT in the environment. */
enum spelling { SPELLING_FLAG, SPELLING_KEY, SPELLING_VARIABLE };

struct option_name {
    char text[OPTION_NAME_MAX];
};
/* "tls-cert" as it is written there; a flag without its dashes. */
struct option_name option_spell(const char *name, enum spelling spelling);

/* An enum option_id, or OPTION_UNKNOWN. Exact: neither listen in the environment nor tls-cert in
 * the file. */
int option_find(struct slice text, enum spelling spelling);
/* The option nearest to an unknown one, in the same spelling; false when none is near. */
bool option_suggest(struct slice text, enum spelling spelling, struct option_name *nearest);

/* The option's value; which of the three is meant follows from its kind. */
const char *option_text(const struct config *config, enum option_id id); /* TEXT and SECRET */
unsigned long long option_number(const struct config *config, enum option_id id);
bool option_flag(const struct config *config, enum option_id id);

/* May the file give the option a value of that kind? False and err: what it has to be. */
bool option_check_kind(enum option_id id, enum setting_kind kind, struct error *err);
/* Is the text a value for that option? False and err: the reason and what is allowed, without the
 * text itself where it is a secret. */
bool option_check(enum option_id id, const char *text, struct error *err);
/* Only for texts that passed option_check. */
void option_set(struct config *config, enum option_id id, const char *text);
/* Frees what option_set kept. */
void option_finish(struct config *config, enum option_id id);

#endif
