// SPDX-License-Identifier: GPL-2.0-or-later
/// org.bulkhead.Host1: one short function a method, from D-Bus to Daemon and back.
#pragma once

#include <string>

#include "hostd/bus/bus_server.h"

namespace bulkhead::hostd {

class Daemon;

/// Answers `call`, now or later. GDBus has checked the arguments against the interface.
void AnswerCall(Daemon& daemon, const CallPtr& call);
/// A property's value (floating); null for one that is not in the interface.
GVariant* PropertyOf(const Daemon& daemon, const std::string& property);

}  // namespace bulkhead::hostd
