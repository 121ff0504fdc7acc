#include "model/mapped_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum asr_status mapped_file_open(struct mapped_file *file, const char *path, struct asr_error *err)
{
    enum asr_status st = ASR_OK;
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    *file = (struct mapped_file){NULL, 0};
    if (fd < 0 || fstat(fd, &info) != 0) {
        st = asr_fail(err, ASR_ERR_IO, "%s: %s", path, strerror(errno));
    } else if (!S_ISREG(info.st_mode) || (uintmax_t)info.st_size > SIZE_MAX) {
        st = asr_fail(err, ASR_ERR_IO, "%s: not a file that can be mapped", path);
    } else if (info.st_size > 0) {
        void *bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes == MAP_FAILED)
            st = asr_fail(err, ASR_ERR_IO, "%s: cannot map: %s", path, strerror(errno));
        else
            *file = (struct mapped_file){bytes, (size_t)info.st_size};
    }
    if (fd >= 0)
        close(fd);
    return st;
}

void mapped_file_close(struct mapped_file *file)
{
    if (file->bytes)
        munmap(file->bytes, file->n_bytes);
    *file = (struct mapped_file){NULL, 0};
}
