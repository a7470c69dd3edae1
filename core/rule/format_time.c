/* Dates and times of RFC 3339. */
#include "rule/format_inside.h"

/* Exactly two digits, within a range. */
static bool take_two(struct slice *rest, int max, int *value)
{
    if (rest->len < 2 || !is_digit(rest->at[0]) || !is_digit(rest->at[1]))
        return false;
    *value = (rest->at[0] - '0') * 10 + (rest->at[1] - '0');
    *rest = skip_bytes(*rest, 2);
    return *value <= max;
}

static int days_in(int year, int month)
{
    static const signed char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && is_leap);
}

static bool take_date(struct slice *rest)
{
    int century, year, month, day;
    if (!take_two(rest, 99, &century) || !take_two(rest, 99, &year) || !take(rest, '-') ||
        !take_two(rest, 12, &month) || !take(rest, '-') || !take_two(rest, 31, &day))
        return false;
    return month >= 1 && day >= 1 && day <= days_in(century * 100 + year, month);
}

/* Z, or hours and minutes; in minutes. */
static bool take_offset(struct slice *rest, int *offset)
{
    int hours, minutes;
    *offset = 0;
    if (take(rest, 'Z') || take(rest, 'z'))
        return true;
    bool is_west = take(rest, '-');
    if ((!is_west && !take(rest, '+')) || !take_two(rest, 23, &hours) || !take(rest, ':') ||
        !take_two(rest, 59, &minutes))
        return false;
    *offset = (hours * 60 + minutes) * (is_west ? -1 : 1);
    return true;
}

static bool take_time(struct slice *rest)
{
    int hour, minute, second, offset;
    if (!take_two(rest, 23, &hour) || !take(rest, ':') || !take_two(rest, 59, &minute) ||
        !take(rest, ':') || !take_two(rest, 60, &second))
        return false;
    if (take(rest, '.')) {
        size_t digits = count_digits(*rest);
        *rest = skip_bytes(*rest, digits);
        if (digits == 0)
            return false;
    }
    if (!take_offset(rest, &offset))
        return false;
    /* A leap second is the last of a day in UTC. */
    const int day = 24 * 60;
    return second < 60 || (hour * 60 + minute - offset + day) % day == day - 1;
}

bool is_date(struct slice text)
{
    return take_date(&text) && text.len == 0;
}

bool is_time(struct slice text)
{
    return take_time(&text) && text.len == 0;
}

bool is_date_time(struct slice text)
{
    return take_date(&text) && (take(&text, 'T') || take(&text, 't')) && is_time(text);
}

/* Numbers, each with the next of some units behind it; only neighbours may follow one another:
 * P1Y2D is none. */
static bool take_parts(struct slice *rest, const char *units)
{
    const char *last = NULL;
    while (rest->len > 0 && is_digit(*rest->at)) {
        *rest = skip_bytes(*rest, count_digits(*rest));
        const char *unit = rest->len > 0 && *rest->at != '\0' ? strchr(units, *rest->at) : NULL;
        if (unit == NULL || (last != NULL && unit != last + 1))
            return false;
        last = unit;
        *rest = skip_bytes(*rest, 1);
    }
    return last != NULL;
}

bool is_duration(struct slice text)
{
    if (!take(&text, 'P') || text.len == 0)
        return false;
    if (text.at[text.len - 1] == 'W')
        return text.len > 1 && count_digits(text) == text.len - 1;
    if (*text.at != 'T' && !take_parts(&text, "YMD"))
        return false;
    return text.len == 0 || (take(&text, 'T') && take_parts(&text, "HMS") && text.len == 0);
}
