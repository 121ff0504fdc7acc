#include "model/ngram_format.h"

#include <zlib.h>

static const char magic[8] = {'S', 'C', 'R', 'B', 'N', 'G', 'R', 'M'};

/* Byte offsets of the header's fields; all integers are little-endian. */
enum {
    AT_MAGIC = 0,
    AT_VERSION = 8,
    AT_CHECKSUM = 12,
    AT_FILE_BYTES = 16,
    AT_ORDER = 24,
    AT_FLAGS = 28,
    AT_TEXT_BYTES = 32,
    AT_CONTEXTS_ADDED = 40,
    AT_COUNTS = 48,
    AT_PROBABILITY_VALUES = 96,
    AT_BACKOFF_VALUES = 120,
};
enum { FLAG_UNK_GIVEN = 1, PADDING_BYTES = 8 };

/* The checksum covers everything from here on. */
enum { CHECKED_FROM = AT_FILE_BYTES };

static uint32_t get_u32(const uint8_t *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof(value));
    return le32toh(value);
}

static uint64_t get_u64(const uint8_t *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof(value));
    return le64toh(value);
}

static void put_u32(uint8_t *bytes, uint32_t value)
{
    value = htole32(value);
    memcpy(bytes, &value, sizeof(value));
}

static void put_u64(uint8_t *bytes, uint64_t value)
{
    value = htole64(value);
    memcpy(bytes, &value, sizeof(value));
}

void ngram_header_write(const struct ngram_header *header, uint8_t *bytes)
{
    memset(bytes, 0, NGRAM_HEADER_BYTES);
    memcpy(bytes + AT_MAGIC, magic, sizeof(magic));
    put_u32(bytes + AT_VERSION, NGRAM_VERSION);
    put_u32(bytes + AT_CHECKSUM, header->checksum);
    put_u64(bytes + AT_FILE_BYTES, header->file_bytes);
    put_u32(bytes + AT_ORDER, header->order);
    put_u32(bytes + AT_FLAGS, header->unk_given ? FLAG_UNK_GIVEN : 0);
    put_u64(bytes + AT_TEXT_BYTES, header->text_bytes);
    put_u64(bytes + AT_CONTEXTS_ADDED, header->contexts_added);
    for (size_t k = 0; k < NGRAM_MAX_ORDER; k++) {
        put_u64(bytes + AT_COUNTS + 8 * k, header->counts[k]);
        put_u32(bytes + AT_PROBABILITY_VALUES + 4 * k, header->probability_values[k]);
        put_u32(bytes + AT_BACKOFF_VALUES + 4 * k, header->backoff_values[k]);
    }
}

enum asr_status ngram_header_read(struct ngram_header *header, const uint8_t *bytes,
                                  const char *name, struct asr_error *err)
{
    if (memcmp(bytes + AT_MAGIC, magic, sizeof(magic)) != 0)
        return asr_fail(err, ASR_ERR_FORMAT,
                        "%s: not a compiled language model (make one with scribed lm build)", name);
    if (get_u32(bytes + AT_VERSION) != NGRAM_VERSION)
        return asr_fail(err, ASR_ERR_UNSUPPORTED,
                        "%s: compiled language model version %u; this program reads version %d",
                        name, get_u32(bytes + AT_VERSION), NGRAM_VERSION);
    const uint32_t flags = get_u32(bytes + AT_FLAGS);
    if (flags & ~(uint32_t)FLAG_UNK_GIVEN)
        return asr_fail(err, ASR_ERR_FORMAT, "%s: impossible header: flags %08x", name, flags);
    *header = (struct ngram_header){
        .checksum = get_u32(bytes + AT_CHECKSUM),
        .file_bytes = get_u64(bytes + AT_FILE_BYTES),
        .order = get_u32(bytes + AT_ORDER),
        .unk_given = flags != 0,
        .text_bytes = get_u64(bytes + AT_TEXT_BYTES),
        .contexts_added = get_u64(bytes + AT_CONTEXTS_ADDED),
    };
    for (size_t k = 0; k < NGRAM_MAX_ORDER; k++) {
        header->counts[k] = get_u64(bytes + AT_COUNTS + 8 * k);
        header->probability_values[k] = get_u32(bytes + AT_PROBABILITY_VALUES + 4 * k);
        header->backoff_values[k] = get_u32(bytes + AT_BACKOFF_VALUES + 4 * k);
    }
    return ASR_OK;
}

uint32_t ngram_checksum(const uint8_t *bytes, uint64_t n_bytes)
{
    const uint64_t most = UINT64_C(1) << 30; /* zlib counts in 32 bits */
    uLong sum = crc32(0, NULL, 0);

    for (uint64_t at = CHECKED_FROM; at < n_bytes; at += most)
        sum = crc32(sum, bytes + at, (uInt)(n_bytes - at < most ? n_bytes - at : most));
    return (uint32_t)sum;
}

/* Bits that hold 0 to max. */
static unsigned bits_for(uint64_t max)
{
    unsigned bits = 0;
    for (; max > 0; max >>= 1)
        bits++;
    return bits;
}

static unsigned value_bits(uint32_t codebook_values)
{
    return codebook_values == 0 ? 32 : bits_for(codebook_values - 1);
}

/* Nodes and words are 32-bit numbers, and one more than each count must still be one. */
static enum asr_status check_counts(const struct ngram_header *header, struct asr_error *err)
{
    uint64_t nodes = 0;

    if (header->order < 1 || header->order > NGRAM_MAX_ORDER)
        return asr_fail(err, ASR_ERR_LIMIT, "order %u is not in 1 to %d", header->order,
                        NGRAM_MAX_ORDER);
    for (unsigned k = 0; k < NGRAM_MAX_ORDER; k++) {
        bool used = k < header->order;
        if (used != (header->counts[k] > 0) || header->counts[k] >= UINT32_MAX)
            return asr_fail(err, ASR_ERR_LIMIT, "%llu n-grams of order %u",
                            (unsigned long long)header->counts[k], k + 1);
        if (k + 1 < header->order)
            nodes += header->counts[k];
        if (header->probability_values[k] > (used ? NGRAM_MAX_CODEBOOK : 0) ||
            header->backoff_values[k] > (k + 1 < header->order ? NGRAM_MAX_CODEBOOK : 0))
            return asr_fail(err, ASR_ERR_LIMIT, "codebooks of %u and %u values at order %u",
                            header->probability_values[k], header->backoff_values[k], k + 1);
    }
    if (nodes >= UINT32_MAX - 1)
        return asr_fail(err, ASR_ERR_LIMIT, "%llu n-grams below the highest order; limit %u",
                        (unsigned long long)nodes, UINT32_MAX - 1);
    if (header->text_bytes >= UINT32_MAX)
        return asr_fail(err, ASR_ERR_LIMIT, "%llu bytes of words",
                        (unsigned long long)header->text_bytes);
    return ASR_OK;
}

/* Puts a section of n_bytes at the next multiple of 8. The sums cannot overflow: at most 22
 * sections of less than 2^32 records of 160 bits. */
static uint64_t place(uint64_t *end, uint64_t n_bytes)
{
    uint64_t at = (*end + 7) & ~UINT64_C(7);
    *end = at + n_bytes;
    return at;
}

static void lay_out_order(const struct ngram_header *header, unsigned k, uint64_t *next_node,
                          struct ngram_fields *f, uint64_t *end)
{
    bool inner = k + 1 < header->order;

    f->first_node = (uint32_t)*next_node;
    f->word_bits = k == 0 ? 0 : (uint8_t)bits_for(header->counts[0] - 1);
    f->child_bits = inner ? (uint8_t)bits_for(header->counts[k + 1]) : 0;
    f->link_bits = inner && k >= 2 ? (uint8_t)bits_for(*next_node - 1) : 0;
    f->backoff_bits = inner ? (uint8_t)value_bits(header->backoff_values[k]) : 0;
    f->probability_bits = (uint8_t)value_bits(header->probability_values[k]);
    f->record_bits = (uint8_t)(f->word_bits + f->child_bits + f->link_bits + f->backoff_bits +
                               f->probability_bits);
    f->records_at = place(end, ((header->counts[k] + inner) * f->record_bits + 7) / 8);
    if (inner)
        *next_node += header->counts[k];
}

enum asr_status ngram_layout_of(const struct ngram_header *header, struct ngram_layout *out,
                                struct asr_error *err)
{
    uint64_t end = NGRAM_HEADER_BYTES, next_node = 1;
    enum asr_status st = check_counts(header, err);

    if (st != ASR_OK)
        return st;
    memset(out, 0, sizeof(*out));
    out->offset_bits = (uint8_t)bits_for(header->text_bytes);
    out->offsets_at = place(&end, ((header->counts[0] + 1) * out->offset_bits + 7) / 8);
    out->text_at = place(&end, header->text_bytes);
    for (unsigned k = 0; k < header->order; k++) {
        out->probabilities_at[k] = place(&end, sizeof(float) * header->probability_values[k]);
        out->backoffs_at[k] = place(&end, sizeof(float) * header->backoff_values[k]);
    }
    for (unsigned k = 0; k < header->order; k++)
        lay_out_order(header, k, &next_node, &out->orders[k], &end);
    out->file_bytes = place(&end, PADDING_BYTES) + PADDING_BYTES;
    return ASR_OK;
}
