#include "audio/byte_view.h"

#include <stdio.h>
#include <string.h>

int64_t byte_view_seek(struct byte_view *view, int64_t offset, int whence)
{
    int64_t base = whence == SEEK_CUR ? view->position : whence == SEEK_END ? view->n_bytes : 0;
    int64_t target;
    if (__builtin_add_overflow(base, offset, &target) || target < 0)
        return -1;
    view->position = target;
    return target;
}

size_t byte_view_read(struct byte_view *view, void *to, size_t count)
{
    if (view->position >= view->n_bytes)
        return 0;
    size_t left = (size_t)(view->n_bytes - view->position);
    size_t begin = (size_t)view->position, n = count < left ? count : left;
    const struct byte_patch *patch = &view->patch;

    memcpy(to, view->bytes + begin, n);
    for (size_t i = 0; i < patch->n_bytes; i++)
        if (patch->at + i >= begin && patch->at + i - begin < n)
            ((unsigned char *)to)[patch->at + i - begin] = patch->bytes[i];
    view->position += (int64_t)n;
    return n;
}
