/* CRC-32C (Castagnoli): RFC 3385, and RFC 3720 B.4 for the test vectors. */
#ifndef JOURNAL_CRC_H
#define JOURNAL_CRC_H

#include "base/bytes.h"

/* The checksum of what `before` is the checksum of, followed by the octets; 0 for nothing before. */
uint32_t crc32c(uint32_t before, struct bytes in);

#endif
