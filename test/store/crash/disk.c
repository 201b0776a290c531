// Preloaded into a writer: every write, truncation, removal and sync of the database's files goes into a log, in their order, with its bytes.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static int log_fd = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void begin(void) {
  const char *name = getenv("DISK_LOG");
  if (name) log_fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

/* 0 the database, 1 its log, -1 anything else. */
static int kind_of_name(const char *name) {
  size_t length = strlen(name);
  if (length > 3 && strcmp(name + length - 3, ".db") == 0) return 0;
  if (length > 7 && strcmp(name + length - 7, ".db-wal") == 0) return 1;
  return -1;
}
static int kind_of(int fd) {
  char link[64], name[4096];
  char *at = link;
  memcpy(at, "/proc/self/fd/", 14);
  at += 14;
  char digits[16];
  int n = 0;
  unsigned value = (unsigned)fd;
  do digits[n++] = (char)('0' + value % 10); while ((value /= 10) > 0);
  while (n > 0) *at++ = digits[--n];
  *at = 0;
  ssize_t length = readlink(link, name, sizeof name - 1);
  if (length < 0) return -1;
  name[length] = 0;
  return kind_of_name(name);
}

static void note(char op, int kind, int64_t offset, const void *data, uint32_t length) {
  if (log_fd < 0) return;
  char head[14];
  head[0] = op;
  head[1] = (char)kind;
  memcpy(head + 2, &offset, 8);
  memcpy(head + 10, &length, 4);
  pthread_mutex_lock(&lock);
  syscall(SYS_write, log_fd, head, sizeof head);
  if (data && length > 0) syscall(SYS_write, log_fd, data, length);
  pthread_mutex_unlock(&lock);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
  int kind = kind_of(fd);
  if (kind >= 0) note('w', kind, offset, data, (uint32_t)length);
  return syscall(SYS_pwrite64, fd, data, length, offset);
}
ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { return pwrite64(fd, data, length, offset); }
ssize_t write(int fd, const void *data, size_t length) {
  if (fd == 1) {
    note('a', 0, 0, data, (uint32_t)length);
  } else if (fd > 2 && fd != log_fd) {
    int kind = kind_of(fd);
    if (kind >= 0) note('w', kind, lseek64(fd, 0, SEEK_CUR), data, (uint32_t)length);
  }
  return syscall(SYS_write, fd, data, length);
}
int ftruncate64(int fd, off64_t length) {
  int kind = kind_of(fd);
  if (kind >= 0) note('t', kind, length, 0, 0);
  return (int)syscall(SYS_ftruncate, fd, length);
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }
int fsync(int fd) {
  int result = (int)syscall(SYS_fsync, fd);
  int kind = kind_of(fd);
  if (kind >= 0) note('s', kind, 0, 0, 0);
  return result;
}
int fdatasync(int fd) {
  int result = (int)syscall(SYS_fdatasync, fd);
  int kind = kind_of(fd);
  if (kind >= 0) note('s', kind, 0, 0, 0);
  return result;
}
int unlink(const char *name) {
  int kind = kind_of_name(name);
  if (kind >= 0) note('u', kind, 0, 0, 0);
  return (int)syscall(SYS_unlinkat, AT_FDCWD, name, 0);
}
