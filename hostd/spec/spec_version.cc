// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/spec/spec_version.h"

#include "vmspec/base/codec.h"
#include "vmspec/base/sha256.h"

namespace bulkhead::hostd {

namespace {

constexpr std::uint32_t kMostFiles = 4096;
constexpr std::size_t kMostPath = 256;
constexpr std::size_t kMostText = 4UL << 20;
constexpr std::size_t kMostActor = 64;
/// What comes after the files takes less.
constexpr std::size_t kNoteRoom = 4096;

std::unexpected<Error> TooLarge() {
  return Fail(ErrorCode::kLimit, "the spec set is larger than a checked one can be");
}

VersionNote ReadNote(Reader& in, std::uint32_t& number) {
  VersionNote note;
  number = in.U32();
  note.time_ms = static_cast<std::int64_t>(in.U64());
  note.actor = in.Str(kMostActor);
  note.comment = in.Str(kMostComment);
  note.rollback_of = in.U32();
  return note;
}

}  // namespace

std::string DigestOf(const vmspec::SpecFiles& files) {
  Sha256 hash;
  auto add = [&](const std::string& text) {
    Writer w;
    w.Str(text);
    hash.Update(w.bytes());
  };
  for (const auto& [path, content] : files) {
    add(path);
    add(content);
  }
  return Hex(hash.Finish());
}

Result<std::string> EncodeVersion(const vmspec::SpecFiles& files, std::uint32_t number,
                                  const VersionNote& note) {
  if (files.size() > kMostFiles) return TooLarge();
  if (note.comment.size() > kMostComment || note.actor.size() > kMostActor) {
    return Fail(ErrorCode::kLimit, "the comment is longer than " + std::to_string(kMostComment) +
                                       " bytes: say it shorter");
  }
  Writer out;
  out.U32(static_cast<std::uint32_t>(files.size()));
  for (const auto& [path, text] : files) {
    bool fits = path.size() <= kMostPath && text.size() <= kMostText &&
                out.bytes().size() + text.size() <= kMostVersionBytes - kMostPath - kNoteRoom;
    if (!fits) return TooLarge();
    out.Str(path).Str(text);
  }
  out.U32(number).U64(static_cast<std::uint64_t>(note.time_ms)).Str(note.actor);
  out.Str(note.comment).U32(note.rollback_of);
  const Bytes& bytes = out.bytes();
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Result<StoredSpec> DecodeVersion(const std::string& content) {
  Reader in({reinterpret_cast<const std::uint8_t*>(content.data()), content.size()});
  StoredSpec stored;
  std::uint32_t count = in.Count(kMostFiles, 8);
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    std::string path = in.Str(kMostPath);
    stored.files[path] = in.Str(kMostText);
  }
  // A hostd without history stored nothing behind the files.
  bool old_form = in.Done();
  if (!old_form) stored.version.note = ReadNote(in, stored.version.number);
  bool numbered = old_form || stored.version.number > 0;
  if (!in.Done() || !numbered || stored.files.size() != count) {
    return Fail(ErrorCode::kCorrupt, "it is no spec set");
  }
  stored.version.sha256 = DigestOf(stored.files);
  stored.version.files = count;
  return stored;
}

}  // namespace bulkhead::hostd
