// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/transfer_name.h"

#include "vmspec/base/sanitize.h"

namespace bulkhead {

Status CheckTransferName(std::string_view name) {
  auto refuse = [](const char* why) { return Fail(ErrorCode::kInvalid, why); };
  if (name.empty()) return refuse("it is empty");
  if (name.size() > kMaxTransferName) return refuse("it is longer than 255 bytes");
  if (name.find('/') != name.npos) return refuse("it contains a slash");
  if (name.find('\\') != name.npos) return refuse("it contains a backslash");
  if (name.front() == '.') return refuse("it begins with a dot");
  if (name.front() == '-') return refuse("it begins with a dash");
  if (name.back() == '.') return refuse("it ends with a dot");
  if (name.back() == ' ') return refuse("it ends with a space");
  if (!IsPrintable(name)) {
    return refuse("it contains control, invisible or text-direction characters or is not UTF-8");
  }
  return {};
}

}  // namespace bulkhead
