// SPDX-License-Identifier: GPL-2.0-or-later
/// What a file may be called on its way between levels. One rule, checked by the sending guest (for
/// a quick answer), by both halves of the diode (which trust nobody) and by the receiving guest.
#pragma once

#include <string_view>

#include "vmspec/base/error.h"

namespace bulkhead {

inline constexpr std::size_t kMaxTransferName = 255;

/// `name` is one harmless path component: 1 to 255 bytes of valid UTF-8 without control, invisible
/// or text-direction characters (IsPrintable), backslash or '/'; it begins with neither '.'
/// (hidden,
/// ".." ) nor '-' (an option to a careless program), and ends with neither '.' nor a space.
/// @return kInvalid with the reason, fit to follow "the name is refused: ". The reason holds no
///         byte of the name.
Status CheckTransferName(std::string_view name);

}  // namespace bulkhead
