// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/libvirt/media.h"

#include <libvirt/virterror.h>
#include <sys/stat.h>

#include <algorithm>

#include "hostd/libvirt/domains.h"
#include "hostd/libvirt/medium_xml.h"

namespace bulkhead::hostd {

namespace {

bool Has(const FoundDomain& found, const std::string& device_id) {
  return std::ranges::binary_search(found.facts->media, device_id);
}

/// libvirt has no code of its own for "No more available PCI slots".
std::unexpected<Error> FailAttach(const MediumSpec& medium) {
  auto error = FailLibvirt("attach " + medium.device_id);
  if (error.error().message.find("PCI slots") == std::string::npos) return error;
  return Fail(ErrorCode::kLimit,
              "attach " + medium.device_id +
                  ": all hot-plug ports of the level are in use; take a device back first");
}

}  // namespace

Status CheckMedium(const MediumSpec& medium) {
  struct stat named{};
  struct stat lent{};
  if (::stat(medium.path.c_str(), &named) != 0) return FailErrno(medium.path);
  if (!S_ISBLK(named.st_mode)) {
    return Fail(ErrorCode::kInvalid, medium.path + " is not a block device");
  }
  if (::fstat(medium.fd.get(), &lent) != 0) return FailErrno("the descriptor of " + medium.path);
  if (!S_ISBLK(lent.st_mode) || named.st_rdev != lent.st_rdev) {
    return Fail(ErrorCode::kConflict, medium.path + " is not the device that was authorised");
  }
  return {};
}

Status AttachMedium(virConnectPtr connection, const std::string& level, const MediumSpec& medium) {
  auto found = LookUpOurs(connection, level);
  if (!found) return Propagate(found);
  if (Has(*found, medium.device_id)) {
    return Fail(ErrorCode::kExists, "level " + level + " has " + medium.device_id + " already");
  }
  auto xml = BuildMediumXml(medium, found->facts->target_names);
  if (!xml) return Propagate(xml);
  if (virDomainAttachDeviceFlags(found->domain.get(), xml->c_str(), VIR_DOMAIN_AFFECT_LIVE) != 0) {
    return FailAttach(medium);
  }
  return {};
}

Status RequestDetach(virConnectPtr connection, const std::string& level,
                     const std::string& device_id) {
  auto found = LookUp(connection, level);
  if (!found) return Propagate(found);
  if (!found->domain || !found->facts || !Has(*found, device_id)) return {};
  std::string alias = MediumAlias(device_id);
  if (virDomainDetachDeviceAlias(found->domain.get(), alias.c_str(), VIR_DOMAIN_AFFECT_LIVE) == 0) {
    return {};
  }
  int code = LastLibvirtCode();
  if (code == VIR_ERR_DEVICE_MISSING || code == VIR_ERR_NO_DOMAIN) return {};
  return FailLibvirt("detach " + device_id);
}

}  // namespace bulkhead::hostd
