// SPDX-License-Identifier: GPL-2.0-or-later
#include "netpolicy/tap.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>

#include "vmspec/base/unique_fd.h"

namespace bulkhead::netpolicy {

Status CreateTap(const std::string& name, uid_t owner, gid_t group) {
  UniqueFd fd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  if (!fd) return FailErrno("open /dev/net/tun");
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  // Without IFF_TUN_EXCL an existing tap would be taken over, with whatever owner it has.
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  request.ifr_flags |= static_cast<short>(IFF_TUN_EXCL);
  if (::ioctl(fd.get(), TUNSETIFF, &request) != 0) {
    if (errno == EBUSY) return Fail(ErrorCode::kExists, "interface " + name + " exists already");
    return FailErrno("make tap " + name);
  }
  // Until it is persistent it goes away with `fd`: no half-made tap survives a kill.
  if (::ioctl(fd.get(), TUNSETOWNER, static_cast<unsigned long>(owner)) != 0 ||
      ::ioctl(fd.get(), TUNSETGROUP, static_cast<unsigned long>(group)) != 0 ||
      ::ioctl(fd.get(), TUNSETPERSIST, 1UL) != 0) {
    return FailErrno("set the owner of tap " + name);
  }
  return {};
}

}  // namespace bulkhead::netpolicy
