// Preloaded: a card that takes FLUSH_MS for every flush.
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <unistd.h>

static int slowly(long call, int fd) {
  usleep(FLUSH_MS * 1000u);
  return (int)syscall(call, fd);
}
int fsync(int fd) { return slowly(SYS_fsync, fd); }
int fdatasync(int fd) { return slowly(SYS_fdatasync, fd); }
