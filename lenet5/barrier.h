/* A barrier for the threads of one training run: spin for a moment, then sleep.
 *
 * Steps take some hundred microseconds, so that a sleep and its wake-up would show; but where there are more
 * threads than cores, a thread that spins holds the core that the last one needs. It sleeps then and does not yield:
 * a sleeper is woken before those that compute all the time, one that yields comes after them.
 */
#ifndef LENET5_BARRIER_H
#define LENET5_BARRIER_H

#include <pthread.h>

/* Some 20 us. On two cores, four processes of two threads took 1.4 times as long with four times as many; one process
 * alone took the same. */
#define BARRIER_SPINS 1000

typedef struct lenet5_barrier {
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    int n_threads, n_arrived;
    unsigned phase;
} lenet5_barrier;

static inline int lenet5_barrier_init(lenet5_barrier *barrier, int n_threads) {
    barrier->n_threads = n_threads;
    barrier->n_arrived = 0;
    barrier->phase = 0;
    if (pthread_mutex_init(&barrier->mutex, NULL) != 0)
        return -1;
    if (pthread_cond_init(&barrier->condition, NULL) != 0) {
        pthread_mutex_destroy(&barrier->mutex);
        return -1;
    }
    return 0;
}

static inline void lenet5_barrier_destroy(lenet5_barrier *barrier) {
    pthread_cond_destroy(&barrier->condition);
    pthread_mutex_destroy(&barrier->mutex);
}

static inline void lenet5_barrier_wait(lenet5_barrier *barrier) {
    unsigned phase = __atomic_load_n(&barrier->phase, __ATOMIC_ACQUIRE);
    if (__atomic_add_fetch(&barrier->n_arrived, 1, __ATOMIC_ACQ_REL) == barrier->n_threads) {
        __atomic_store_n(&barrier->n_arrived, 0, __ATOMIC_RELAXED);
        pthread_mutex_lock(&barrier->mutex);
        __atomic_store_n(&barrier->phase, phase + 1, __ATOMIC_RELEASE);
        pthread_cond_broadcast(&barrier->condition);
        pthread_mutex_unlock(&barrier->mutex);
        return;
    }
    for (int spin = 0; spin < BARRIER_SPINS; spin++) {
        if (__atomic_load_n(&barrier->phase, __ATOMIC_ACQUIRE) != phase)
            return;
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    }
    pthread_mutex_lock(&barrier->mutex);
    while (__atomic_load_n(&barrier->phase, __ATOMIC_ACQUIRE) == phase)
        pthread_cond_wait(&barrier->condition, &barrier->mutex);
    pthread_mutex_unlock(&barrier->mutex);
}

#endif
