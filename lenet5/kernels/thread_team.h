/* The threads of one training run: they claim work, announce results, wait for them, and meet.
 *
 * Scheduling is dynamic: a thread whose processor is slower for a while claims less work. A waiting thread spins for a
 * moment and then sleeps. Steps take a few hundred microseconds, so a sleep with its wake-up would show. With more threads
 * than cores, however, a spinning thread holds the core that the last one needs. It sleeps instead of yielding, since a
 * sleeper is woken before threads that compute all the time, while a yielding thread comes after them.
 */
#ifndef LENET5_TEAM_H
#define LENET5_TEAM_H

#include <pthread.h>

/* About 20 us. On two cores, four times as many took 1.4 times as long in four processes of two threads, and as long in
 * one process alone. */
#define TEAM_SPINS 1000
#define TEAM_PARTS 512

typedef struct lenet5_team {
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    int n_threads;
    unsigned n_arrived, phase; /* of the next meeting; meetings so far */
    /* Since the last meeting: */
    unsigned n_claimed, n_announced;
    unsigned claimed[TEAM_PARTS]; /* the phase in which each part was last claimed */
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

/* Forget claims and announcements since the last meeting, after a run that ended between two meetings. */
static inline void lenet5_team_reset(lenet5_team *team) {
    team->n_claimed = team->n_announced = 0;
    team->phase++;
}

/* Return 0, 1, 2, ... to whichever thread asks. */
static inline int lenet5_claim_next(lenet5_team *team) {
    return (int)__atomic_fetch_add(&team->n_claimed, 1, __ATOMIC_RELAXED);
}

/* Whether no other thread has claimed this part, 0 to TEAM_PARTS - 1. */
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

/* Wait until *count, which only grows, is at least n; lenet5_wake must follow when it is. */
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

/* Announce that one of n pieces of work is done. */
static inline void lenet5_announce(lenet5_team *team, unsigned n) {
    if (__atomic_add_fetch(&team->n_announced, 1, __ATOMIC_ACQ_REL) == n)
        lenet5_wake(team);
}

/* Wait until n pieces of work are done. */
static inline void lenet5_wait_announced(lenet5_team *team, unsigned n) { lenet5_wait_for(team, &team->n_announced, n); }

/* Wait until all threads have arrived; then no claims or announcements are left. */
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
