#include "server/health.h"

#include "server/exchange.h"
#include "server/service.h"

void health_live(struct exchange *x)
{
    answer_static(&x->answer, 200, "application/json", "{\"status\":\"ok\"}\n");
}

void health_ready(struct exchange *x)
{
    switch (service_state(x->service)) {
    case SERVICE_READY:
        health_live(x);
        return;
    case SERVICE_LOADING:
        answer_static(&x->answer, 503, "application/json", "{\"status\":\"loading model\"}\n");
        return;
    case SERVICE_DRAINING:
        answer_static(&x->answer, 503, "application/json", "{\"status\":\"draining\"}\n");
        return;
    }
}
