// SPDX-License-Identifier: GPL-2.0-or-later
/// Owners of libvirt's objects, and its errors as ours.
#pragma once

#include <libvirt/libvirt.h>

#include <memory>
#include <string_view>

#include "vmspec/base/error.h"

namespace bulkhead::hostd {

struct FreeDomain {
  void operator()(virDomain* domain) const { virDomainFree(domain); }
};
using DomainPtr = std::unique_ptr<virDomain, FreeDomain>;
/// Shared by every call under way, so that a lost connection stays valid until the last has failed.
using ConnectionPtr = std::shared_ptr<virConnect>;

/// libvirt's last error of this thread: its code as one of ours, its text made printable.
/// What QEMU says is in it: a guest's doing may be the cause, never its words.
std::unexpected<Error> FailLibvirt(std::string_view doing);

/// libvirt's own code of the last error of this thread (virErrorNumber).
int LastLibvirtCode();

}  // namespace bulkhead::hostd
