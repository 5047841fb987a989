/* Random numbers that are a function of (seed, epoch, number of the image): for distortions, dropout and mixing. */
#ifndef LENET5_RANDOM_H
#define LENET5_RANDOM_H

#include "macros.h"

/* Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011): four words
 * for each counter and key, so that any of them is available without those before it. */
static inline void lenet5_philox(uint32_t *x, uint64_t key) {
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = (uint64_t)0xD2511F53u * x[0], p1 = (uint64_t)0xCD9E8D57u * x[2];
        const uint32_t y0 = (uint32_t)(p1 >> 32) ^ x[1] ^ k0, y2 = (uint32_t)(p0 >> 32) ^ x[3] ^ k1;
        x[0] = y0, x[1] = (uint32_t)p1, x[2] = y2, x[3] = (uint32_t)p0;
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
}

/* The four words of block `block` of an image. */
INLINE void lenet5_random(uint64_t seed, uint32_t epoch, int64_t picture, uint32_t block, uint32_t *words) {
    words[0] = (uint32_t)picture, words[1] = (uint32_t)((uint64_t)picture >> 32), words[2] = epoch, words[3] = block;
    lenet5_philox(words, seed);
}

INLINE double lenet5_chance(uint32_t word) { return word * 0x1p-32; }        /* 0 to below 1 */
INLINE double lenet5_either_way(uint32_t word) { return word * 0x1p-31 - 1; }    /* -1 to below 1 */

#endif
