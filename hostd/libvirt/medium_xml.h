// SPDX-License-Identifier: GPL-2.0-or-later
/// A lent medium as libvirt XML, and the name it has there. Pure.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "hostd/libvirt/hypervisor.h"
#include "vmspec/base/error.h"

namespace bulkhead::hostd {

/// libvirt's alias for a lent device: "ua-medium-" and the id, with what an alias cannot hold as
/// "_XX" in hex. It names the medium in XML, events and QEMU, so nothing about it is stored.
std::string MediumAlias(std::string_view device_id);

/// The device id in an alias that MediumAlias made; none for any other alias.
std::optional<std::string> DeviceOfAlias(std::string_view alias);

/// The <disk> of a medium. kInvalid: a field is out of range.
/// @param taken  target names that the domain has ("vda"); kLimit when vdc to vdz all are.
Result<std::string> BuildMediumXml(const MediumSpec& medium, const std::set<std::string>& taken);

}  // namespace bulkhead::hostd
