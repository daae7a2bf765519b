// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>

#include "vmspec/base/control_messages.h"

namespace bulkhead::agent {

/// The lines for `ip -batch` that give `interface` what the host's Welcome says. Pure; every value
/// is checked first, so that none can be an option or a second command.
/// kInvalid names the value that is no address.
Result<std::string> IpCommands(const control::Welcome& welcome, const std::string& interface);

/// Six colon-separated bytes in hexadecimal.
bool IsMac(std::string_view text);

}  // namespace bulkhead::agent
