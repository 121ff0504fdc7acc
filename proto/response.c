#include "proto/response.h"

#include <math.h>

void response_write_usage(struct json_writer *w, double duration_seconds)
{
    json_write_open(w, "usage", '{');
    json_write_text(w, "type", "duration");
    json_write_number(w, "seconds", ceil(duration_seconds), 0);
    json_write_close(w, '}');
}
