// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/spec/sealed_file.h"

#include "vmspec/base/file.h"
#include "vmspec/base/sha256.h"

namespace bulkhead::hostd {

namespace {

constexpr std::size_t kMostHead = 256;

std::string Head(std::string_view kind, std::string_view content) {
  ByteView bytes(reinterpret_cast<const std::uint8_t*>(content.data()), content.size());
  return "bulkhead " + std::string(kind) + " 1 " + std::to_string(content.size()) + " " +
         Hex(Sha256Of(bytes)) + "\n";
}

}  // namespace

Status WriteSealed(const std::string& path, std::string_view kind, std::string_view content) {
  return WriteFileAtomically(path, Head(kind, content) + std::string(content), 0600);
}

Result<std::optional<std::string>> ReadSealed(const std::string& path, std::string_view kind,
                                              std::size_t most) {
  auto text = ReadFile(path, most + kMostHead);
  if (!text && text.error().code == ErrorCode::kNotFound) return std::nullopt;
  if (!text && text.error().code == ErrorCode::kLimit) {
    return Fail(ErrorCode::kCorrupt, "it is too long");
  }
  if (!text) return Propagate(text);
  auto newline = text->find('\n');
  if (newline == std::string::npos) return Fail(ErrorCode::kCorrupt, "it is cut off");
  std::string content = text->substr(newline + 1);
  // One comparison holds kind, version, length and digest; the head is never parsed.
  if (text->substr(0, newline + 1) != Head(kind, content)) {
    return Fail(ErrorCode::kCorrupt, "its content is not what its digest says");
  }
  return content;
}

}  // namespace bulkhead::hostd
