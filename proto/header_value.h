/* header_value.h - "form-data; name=\"a\"; filename=b.wav": a header's value and its parameters.
 *
 * Read in place: the text is cut into 0-terminated pieces and unescaped where it stands.
 *
 * Quoted strings: a backslash escapes a quote or another backslash and is itself otherwise, since
 * some clients send Windows paths as they are. The percent signs that browsers put for quotes are
 * left alone: they cannot be told from literal ones. Unquoted values run to the next semicolon or
 * blank, which is laxer than RFC 2045 and is what clients rely on ("boundary=----=_Part_1"). */
#ifndef PROTO_HEADER_VALUE_H
#define PROTO_HEADER_VALUE_H

#include <stdbool.h>

/* Cuts off what stands before the first parameter, without blanks around it: "form-data". Leaves
 * *cursor at the parameters. */
char *header_value_start(char **cursor);

enum header_param { HEADER_PARAM, HEADER_PARAMS_END, HEADER_PARAM_BROKEN };

/* The next parameter: `name` in lower case. */
enum header_param header_value_next(char **cursor, char **name, char **value);

/* The value of a "filename*" parameter (RFC 8187: UTF-8''percent-encoded) as plain UTF-8, in
 * place; NULL when it is in another character set or is broken. */
char *header_value_decode_extended(char *value);

#endif
