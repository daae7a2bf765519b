// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/spec/spec_store.h"

#include "hostd/spec/sealed_file.h"
#include "vmspec/base/codec.h"

namespace bulkhead::hostd {

namespace {

constexpr char kKind[] = "spec";
/// A checked set has at most 16 MiB of text in 4,096 files; paths and lengths come on top.
constexpr std::size_t kMostBytes = 20UL << 20;
constexpr std::uint32_t kMostFiles = 4096;
constexpr std::size_t kMostPath = 256;
constexpr std::size_t kMostText = 4UL << 20;

std::unexpected<Error> Damaged(const std::string& path, const std::string& why) {
  return Fail(ErrorCode::kCorrupt, "the applied spec in " + path + " is damaged: " + why +
                                       "; move it away (mv " + path + " " + path +
                                       ".broken) and apply the spec folder again");
}

Result<vmspec::SpecFiles> Decode(const std::string& content) {
  Reader in({reinterpret_cast<const std::uint8_t*>(content.data()), content.size()});
  vmspec::SpecFiles files;
  std::uint32_t count = in.Count(kMostFiles, 8);
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    std::string path = in.Str(kMostPath);
    files[path] = in.Str(kMostText);
  }
  if (!in.Done() || files.size() != count) return Fail(ErrorCode::kCorrupt, "it is no spec set");
  return files;
}

}  // namespace

Status SpecStore::Save(const vmspec::SpecFiles& files) {
  Writer out;
  out.U32(static_cast<std::uint32_t>(files.size()));
  bool fits = files.size() <= kMostFiles;
  for (const auto& [path, text] : files) {
    fits = fits && path.size() <= kMostPath && text.size() <= kMostText &&
           out.bytes().size() + text.size() <= kMostBytes - kMostPath - 16;
    if (!fits) return Fail(ErrorCode::kLimit, "the spec set is larger than a checked one can be");
    out.Str(path).Str(text);
  }
  if (!fits) return Fail(ErrorCode::kLimit, "the spec set has more files than a checked one can");
  const Bytes& bytes = out.bytes();
  std::string_view content(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  auto s = WriteSealed(path_, kKind, content);
  return s ? s : Propagate(s, "store the applied spec");
}

Result<vmspec::SpecFiles> SpecStore::Load() const {
  auto content = ReadSealed(path_, kKind, kMostBytes);
  if (!content && content.error().code != ErrorCode::kCorrupt) return Propagate(content);
  if (!content) return Damaged(path_, content.error().message);
  if (!*content) return vmspec::SpecFiles{};
  auto files = Decode(**content);
  if (!files) return Damaged(path_, files.error().message);
  return files;
}

}  // namespace bulkhead::hostd
