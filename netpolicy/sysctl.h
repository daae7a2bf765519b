// SPDX-License-Identifier: GPL-2.0-or-later
/// Kernel settings below /proc/sys/net, which the kernel lets CAP_NET_ADMIN write whatever its uid.
#pragma once

#include <string>

#include "vmspec/base/error.h"

namespace bulkhead::netpolicy {

/// Settings of a new tap, before it goes up: no router advertisements, autoconfiguration,
/// redirects, source routes or ARP for other addresses; forwarding on.
Status ConfigureTapSettings(const std::string& tap);

/// Lets packets that come in on `uplink` be forwarded to levels. An uplink that is not there is no
/// error: RefreshUplinks() sees it come. Only this interface becomes a router where the kernel
/// can (IPv4 always; IPv6 from Linux 6.17); else IPv6 forwarding is switched on for the machine,
/// after every interface that learns its routes from router advertisements was told to go on doing
/// so (accept_ra = 2).
Status ConfigureUplinkSettings(const std::string& uplink);

}  // namespace bulkhead::netpolicy
