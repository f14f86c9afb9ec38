/* Preloaded beside libfaketime into a client whose time is to run faster.
 *
 * libfaketime leaves alone the waits that name their clock, by which CPython and others wait for locks: a deadline that
 * was read off the fast clock is then waited for on the true one, and never comes. Here what is left of it by the fast
 * clock is waited for in true time. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static double scale = 1;

static void read_true(clockid_t clock, struct timespec *now) { syscall(SYS_clock_gettime, clock, now); }

__attribute__((constructor)) static void begin(void) {
  const char *given = getenv("FAULTLAB_TIME_SCALE");
  double found = given == NULL ? 0 : atof(given);
  if (found > 0) scale = found;
}

static struct timespec in_true_time(clockid_t clock, const struct timespec *deadline) {
  struct timespec fast, now;
  double left;
  clock_gettime(clock, &fast);
  read_true(clock, &now);
  left = ((double)(deadline->tv_sec - fast.tv_sec) + (double)(deadline->tv_nsec - fast.tv_nsec) / 1e9) / scale;
  if (left < 0) left = 0;
  now.tv_sec += (time_t)left;
  now.tv_nsec += (long)((left - (double)(time_t)left) * 1e9);
  if (now.tv_nsec >= 1000000000) {
    now.tv_sec += 1;
    now.tv_nsec -= 1000000000;
  }
  return now;
}

int sem_clockwait(sem_t *semaphore, clockid_t clock, const struct timespec *deadline) {
  static int (*real)(sem_t *, clockid_t, const struct timespec *);
  struct timespec until = in_true_time(clock, deadline);
  if (real == NULL) real = (int (*)(sem_t *, clockid_t, const struct timespec *))dlsym(RTLD_NEXT, "sem_clockwait");
  return real(semaphore, clock, &until);
}

int pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *mutex, clockid_t clock,
                           const struct timespec *deadline) {
  static int (*real)(pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *);
  struct timespec until = in_true_time(clock, deadline);
  if (real == NULL)
    real = (int (*)(pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *))dlsym(
        RTLD_NEXT, "pthread_cond_clockwait");
  return real(condition, mutex, clock, &until);
}

int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *deadline) {
  static int (*real)(pthread_mutex_t *, clockid_t, const struct timespec *);
  struct timespec until = in_true_time(clock, deadline);
  if (real == NULL)
    real = (int (*)(pthread_mutex_t *, clockid_t, const struct timespec *))dlsym(RTLD_NEXT, "pthread_mutex_clocklock");
  return real(mutex, clock, &until);
}
