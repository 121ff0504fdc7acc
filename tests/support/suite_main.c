/* suite_main.c - main() of every Check program: runs the suite() that the test file defines. */
#include <stdlib.h>

#include "tests/support/suite.h"

int main(void)
{
    SRunner *runner = srunner_create(suite());
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
