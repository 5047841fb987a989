/* The cost of threads that work on short steps together: with the library's threads and meetings, or with OpenMP.
 *
 *     dispatch ours|openmp THREADS STEPS STEPS_A_RUN WORK
 *
 * A step is a training step's shape: WORK multiply-adds of each thread, a barrier, WORK / 16 more, a barrier. "ours"
 * starts threads anew for each run of steps, as the library does; "openmp" opens one parallel region per step, as kernels
 * with pragmas do. Prints the seconds of the whole, of one thread's work alone, and the processor seconds used.
 */
#define _GNU_SOURCE
#include <omp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "thread_team.h"

static int n_threads;
static long steps, steps_a_run, work;
static lenet5_team team;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static void do_work(long n) {
    double x = 1;
    for (long i = 0; i < n; i++) {
        x = x * 0.999 + 0.5;
        __asm__ volatile("" : "+x"(x)); /* one dependent chain, whatever the compiler thinks of it */
    }
}

static void *run(void *unused) {
    for (long step = 0; step < steps_a_run; step++) {
        do_work(work);
        lenet5_meet(&team);
        do_work(work / 16);
        lenet5_meet(&team);
    }
    return unused;
}

static void ours(void) {
    pthread_t *threads = malloc(sizeof(pthread_t) * n_threads);
    lenet5_team_init(&team, n_threads);
    for (long done = 0; done < steps; done += steps_a_run) {
        for (int i = 0; i < n_threads; i++)
            if (pthread_create(threads + i, NULL, run, NULL) != 0)
                exit(1);
        for (int i = 0; i < n_threads; i++)
            pthread_join(threads[i], NULL);
    }
    lenet5_team_destroy(&team);
    free(threads);
}

static void openmp(void) {
    for (long step = 0; step < steps; step++) {
#pragma omp parallel num_threads(n_threads)
        {
            do_work(work);
#pragma omp barrier
            do_work(work / 16);
        }
    }
}

int main(int argc, char **argv) {
    if (argc != 6)
        return 2;
    n_threads = atoi(argv[2]), steps = atol(argv[3]), steps_a_run = atol(argv[4]), work = atol(argv[5]);
    void (*function)(void) = strcmp(argv[1], "ours") == 0 ? ours : openmp;
    const long wanted = steps;
    steps = steps_a_run;
    function(); /* OpenMP makes its threads at the first call */
    steps = wanted;
    double alone = now();
    for (long step = 0; step < steps; step++)
        do_work(work), do_work(work / 16);
    alone = now() - alone;
    char line[8];
    printf("ready\n");
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin)) /* several processes start at the same time */
        return 1;
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    double started = now();
    function();
    double seconds = now() - started;
    getrusage(RUSAGE_SELF, &after);
    double used = 0;
    for (int i = 0; i < 2; i++) {
        struct timeval a = i ? before.ru_stime : before.ru_utime, b = i ? after.ru_stime : after.ru_utime;
        used += (b.tv_sec - a.tv_sec) + 1e-6 * (b.tv_usec - a.tv_usec);
    }
    printf("{\"seconds\": %.9f, \"alone\": %.9f, \"processor_seconds\": %.9f}\n", seconds, alone, used);
    return 0;
}
