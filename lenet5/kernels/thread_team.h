/* What the threads of one training run have in common: they claim work, announce what is done, wait for that, and meet.
 *
 * Work is claimed and not dealt out, so that a thread whose processor is slower for a while does less of it. Who waits
 * spins for a moment and then sleeps: steps take some hundred microseconds, so that a sleep and its wake-up would show;
 * but where there are more threads than cores, a thread that spins holds the core that the last one needs. It sleeps then
 * and does not yield: a sleeper is woken before those that compute all the time, one that yields comes after them.
 */
#ifndef LENET5_TEAM_H
#define LENET5_TEAM_H

#include <pthread.h>

/* Some 20 us. On two cores, four processes of two threads took 1.4 times as long with four times as many; one process
 * alone took the same. */
#define TEAM_SPINS 1000
#define TEAM_PARTS 512

typedef struct lenet5_team {
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    int n_threads;
    unsigned n_arrived, phase; /* of the next meeting; meetings so far */
    /* Since the last meeting: */
    unsigned n_claimed, n_announced;
    unsigned claimed[TEAM_PARTS]; /* the phase in which each part was claimed last */
} lenet5_team;

static inline int lenet5_team_init(lenet5_team *team, int n_threads) {
    team->n_threads = n_threads;
    team->n_arrived = team->phase = team->n_claimed = team->n_announced = 0;
    for (int part = 0; part < TEAM_PARTS; part++)
        team->claimed[part] = ~0u;
    if (pthread_mutex_init(&team->mutex, NULL) != 0)
        return -1;
    if (pthread_cond_init(&team->condition, NULL) != 0) {
        pthread_mutex_destroy(&team->mutex);
        return -1;
    }
    return 0;
}

static inline void lenet5_team_destroy(lenet5_team *team) {
    pthread_cond_destroy(&team->condition);
    pthread_mutex_destroy(&team->mutex);
}

/* Forget what was claimed and announced since the last meeting: after a run that ended between two of them. */
static inline void lenet5_team_reset(lenet5_team *team) {
    team->n_claimed = team->n_announced = 0;
    team->phase++;
}

/* 0, 1, 2, ... for whichever thread asks. */
static inline int lenet5_claim_next(lenet5_team *team) {
    return (int)__atomic_fetch_add(&team->n_claimed, 1, __ATOMIC_RELAXED);
}

/* Whether nobody else has claimed this part, 0 to TEAM_PARTS - 1. */
static inline int lenet5_claim(lenet5_team *team, int part) {
    const unsigned phase = __atomic_load_n(&team->phase, __ATOMIC_RELAXED);
    return __atomic_load_n(&team->claimed[part], __ATOMIC_RELAXED) != phase &&
           __atomic_exchange_n(&team->claimed[part], phase, __ATOMIC_RELAXED) != phase;
}

static inline void lenet5_wake(lenet5_team *team) {
    pthread_mutex_lock(&team->mutex);
    pthread_cond_broadcast(&team->condition);
    pthread_mutex_unlock(&team->mutex);
}

/* Until *count, which only grows, is at least n; lenet5_wake must follow when it is. */
static inline void lenet5_wait_for(lenet5_team *team, const unsigned *count, unsigned n) {
#define REACHED ((int)(__atomic_load_n(count, __ATOMIC_ACQUIRE) - n) >= 0)
    for (int spin = 0; spin < TEAM_SPINS; spin++) {
        if (REACHED)
            return;
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    }
    pthread_mutex_lock(&team->mutex);
    while (!REACHED)
        pthread_cond_wait(&team->condition, &team->mutex);
    pthread_mutex_unlock(&team->mutex);
#undef REACHED
}

/* One of n pieces of work is done. */
static inline void lenet5_announce(lenet5_team *team, unsigned n) {
    if (__atomic_add_fetch(&team->n_announced, 1, __ATOMIC_ACQ_REL) == n)
        lenet5_wake(team);
}

/* Until n pieces of work are done. */
static inline void lenet5_wait_announced(lenet5_team *team, unsigned n) { lenet5_wait_for(team, &team->n_announced, n); }

/* Until all threads are here; then nothing is claimed or announced any more. */
static inline void lenet5_meet(lenet5_team *team) {
    const unsigned phase = __atomic_load_n(&team->phase, __ATOMIC_ACQUIRE);
    if (__atomic_add_fetch(&team->n_arrived, 1, __ATOMIC_ACQ_REL) < (unsigned)team->n_threads) {
        lenet5_wait_for(team, &team->phase, phase + 1);
        return;
    }
    __atomic_store_n(&team->n_arrived, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&team->n_claimed, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&team->n_announced, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&team->phase, phase + 1, __ATOMIC_RELEASE);
    lenet5_wake(team);
}

#endif
