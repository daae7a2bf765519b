// SPDX-License-Identifier: GPL-2.0-or-later
/// A level's domain as libvirt XML. Pure: values in, text out, nothing is opened.
#pragma once

#include <string>

#include "hostd/libvirt/hypervisor.h"
#include "vmspec/base/error.h"

namespace bulkhead::hostd {

/// Our element in a domain's <metadata>: what makes it ours.
inline constexpr char kMetadataUri[] = "urn:bulkhead:domain:1";
inline constexpr char kMetadataElement[] = "level";

/// Names under which CreatePaused associates descriptors with the domain.
inline constexpr char kRootFdGroup[] = "root";
inline constexpr char kStateFdGroup[] = "state";

/// Every field is in its range and shape; the message names the first that is not, and never
/// repeats a value that is not printable. kInvalid.
Status CheckDomainSpec(const DomainSpec& spec);

/// The domain's XML (libvirt's formatdomain), valid against domain.rng. Fails as CheckDomainSpec.
///
/// What a reader finds in it: machine microvm with PCIe (docs/decisions/013), virtio devices only
/// (I9), each on a root port of its own that allows no hot-plug, and `hotplug_ports` free ports
/// that do; sockets on which QEMU listens for console and channels; a uid of its own; a guest's
/// reboot, power-off or panic ends the domain.
Result<std::string> BuildDomainXml(const DomainSpec& spec);

}  // namespace bulkhead::hostd
