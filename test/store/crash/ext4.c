// Cuts an ext4 file system off from its disk at once, without flushing its journal, as a power cut does: ext4.c FOLDER.
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>

#define GOING_DOWN_NO_LOG_FLUSH 2

int main(int count, char **arguments) {
  if (count != 2) return 2;
  int folder = open(arguments[1], O_RDONLY);
  uint32_t how = GOING_DOWN_NO_LOG_FLUSH;
  // EXT4_IOC_SHUTDOWN in fs/ext4/ext4.h of Linux.
  return folder < 0 || ioctl(folder, _IOR('X', 125, uint32_t), &how) != 0;
}
