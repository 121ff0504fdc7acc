#include "model/kernels/amx.h"

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

/* arch_prctl(2): asks for the use of a processor state that Linux grants on request (5.16). */
enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };

bool amx_usable(unsigned feature)
{
    enum { TILE = 24 };
    unsigned eax, ebx, ecx, edx;

    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && edx & 1U << TILE &&
           edx & 1U << feature && __builtin_cpu_supports("avx512bw") &&
           syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}
