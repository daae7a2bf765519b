// SPDX-License-Identifier: GPL-2.0-or-later
/// manifest.json of an image, from text to values. Pure; any thread.
#pragma once

#include <string_view>

#include "hostd/storage/image_store.h"

namespace bulkhead::hostd {

inline constexpr char kRootFile[] = "root.erofs";
inline constexpr char kKernelFile[] = "vmlinuz";
inline constexpr char kInitrdFile[] = "initrd.img";

/// kCorrupt with the first fault, fit to follow "manifest.json: ". `folder` is the name of the
/// image's folder.
Result<ImageManifest> ParseManifest(std::string_view text, std::string_view folder);

}  // namespace bulkhead::hostd
