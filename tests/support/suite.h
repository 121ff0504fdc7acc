/* suite.h - what a test file provides: one Suite. tests/support/suite_main.c runs it. */
#ifndef TESTS_SUPPORT_SUITE_H
#define TESTS_SUPPORT_SUITE_H

#include <check.h>

#include "audio/count.h"

Suite *suite(void);

#endif
