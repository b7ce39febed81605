/* The tables of routes and query parameters, made from their .def files.
 * Must never contain a route that is not in routes.def. */
#include "gateway/api/routes.h"

#include "proto/limits.h"

/* The first row of each keeps an empty table legal; it is not counted. */
#define QUERY_ROW(name, kind, many, min, max, words) \
    {(name), QUERY_##kind, (many), (min), (max), (words)},
#define QUERIES(name) \
    static const struct query_row query_##name[] = {{0}, QUERIES_##name(QUERY_ROW)};
#include "gateway/api/queries.def"
#undef QUERIES

#define QUERY_TABLE(name)                                                \
    {                                                                    \
        query_##name + 1, sizeof query_##name / sizeof *query_##name - 1 \
    }

static const struct route routes[] = {
#define ROUTE(method, pattern, handler, body, query) \
    {METHOD_##method, (pattern), handler, (body), QUERY_TABLE(query)},
#include "gateway/api/routes.def"
#undef ROUTE
};

const struct route_table api_routes = {routes, sizeof routes / sizeof *routes};
