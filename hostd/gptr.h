// SPDX-License-Identifier: GPL-2.0-or-later
/// Owners for what GLib hands out: hostd and its CLI share it.
#pragma once

#include <gio/gio.h>

#include <memory>

namespace bulkhead {

template <auto kFree>
struct FreeWith {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};

/// One reference of a GObject.
template <typename T>
using GObjectPtr = std::unique_ptr<T, FreeWith<g_object_unref>>;
using VariantPtr = std::unique_ptr<GVariant, FreeWith<g_variant_unref>>;
using GErrorPtr = std::unique_ptr<GError, FreeWith<g_error_free>>;

}  // namespace bulkhead
