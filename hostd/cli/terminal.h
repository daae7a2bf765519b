// SPDX-License-Identifier: GPL-2.0-or-later
/// A keyboard and a screen joined to a stream of the guest's console.
#pragma once

#include "vmspec/base/error.h"

namespace bulkhead::cli {

struct Relay {
  int in_fd;  ///< keyboard, or a pipe
  int out_fd;
  int console_fd;  ///< borrowed
  bool raw;        ///< the guest's bytes as they are
};

enum class RelayEnd {
  kLeft,    ///< Ctrl-], a signal, or the end of a piped input
  kClosed,  ///< the level closed its console
};

/// Relays until Ctrl-] (0x1D), the end of either side, SIGINT, SIGTERM or SIGHUP. A terminal at
/// in_fd is in raw mode meanwhile and is restored whatever happens.
Result<RelayEnd> RunRelay(const Relay& relay);

}  // namespace bulkhead::cli
