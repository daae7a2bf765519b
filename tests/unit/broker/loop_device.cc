// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/broker/loop_device.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace bulkhead::broker {

LoopDevice::LoopDevice(const std::string& file, int number) {
  UniqueFd backing(::open(file.c_str(), O_RDWR | O_CLOEXEC));
  UniqueFd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (!backing || !control) return;
  // Others look for a free one at the same time.
  for (int tries = 0; tries < 20 && number_ < 0; ++tries) {
    int candidate = number >= 0 ? number : ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (candidate >= 0 && Attach(candidate, backing.get())) number_ = candidate;
    if (number >= 0) break;
  }
  struct stat node{};
  const struct group* disk = ::getgrnam("disk");
  if (number_ < 0 || disk == nullptr || ::stat(path().c_str(), &node) != 0) return;
  uid_ = node.st_uid;
  gid_ = node.st_gid;
  mode_ = node.st_mode & 07777;
  (void)!::chown(path().c_str(), uid_, disk->gr_gid);
  ::chmod(path().c_str(), 0660);
}

bool LoopDevice::Attach(int number, int file) {
  UniqueFd node(::open(("/dev/loop" + std::to_string(number)).c_str(), O_RDWR | O_CLOEXEC));
  loop_config config{};
  config.fd = static_cast<std::uint32_t>(file);
  attached_ = node && ::ioctl(node.get(), LOOP_CONFIGURE, &config) == 0;
  return attached_;
}

void LoopDevice::Detach() {
  if (!attached_) return;
  attached_ = false;
  UniqueFd node(::open(path().c_str(), O_RDONLY | O_CLOEXEC));
  if (node) ::ioctl(node.get(), LOOP_CLR_FD);
}

LoopDevice::~LoopDevice() {
  if (!valid()) return;
  Detach();
  (void)!::chown(path().c_str(), uid_, gid_);
  ::chmod(path().c_str(), mode_);
}

}  // namespace bulkhead::broker
