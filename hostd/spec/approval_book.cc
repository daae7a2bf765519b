// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/spec/approval_book.h"

#include <algorithm>

#include "hostd/spec/sealed_file.h"
#include "vmspec/base/codec.h"

namespace bulkhead::hostd {

namespace {

constexpr char kKind[] = "approvals";
constexpr std::size_t kMostBytes = 16UL << 20;
constexpr std::size_t kMostText = 4096;
constexpr std::uint32_t kMostRoles = 16;

std::string Encode(const std::vector<Approval>& all) {
  Writer out;
  out.U32(static_cast<std::uint32_t>(all.size()));
  for (const Approval& a : all) {
    out.Str(a.sha256).Str(a.flow).Str(a.from).Str(a.to).Str(a.reason);
    out.U32(a.uid).Str(a.actor).U32(static_cast<std::uint32_t>(a.roles.size()));
    for (const std::string& role : a.roles) out.Str(role);
    out.U64(static_cast<std::uint64_t>(a.time_ms));
  }
  const Bytes& bytes = out.bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Approval ReadOne(Reader& in) {
  Approval a;
  for (std::string* text : {&a.sha256, &a.flow, &a.from, &a.to, &a.reason}) {
    *text = in.Str(kMostText);
  }
  a.uid = in.U32();
  a.actor = in.Str(kMostText);
  std::uint32_t roles = in.Count(kMostRoles, 4);
  for (std::uint32_t i = 0; i < roles && in.ok(); ++i) a.roles.insert(in.Str(kMostText));
  a.time_ms = static_cast<std::int64_t>(in.U64());
  return a;
}

/// The oldest of who has more than one person may have.
void BoundOne(std::vector<Approval>& all, uid_t uid) {
  auto mine = [uid](const Approval& a) { return a.uid == uid; };
  auto count = static_cast<std::size_t>(std::ranges::count_if(all, mine));
  for (; count > ApprovalBook::kMostOfOne; --count) all.erase(std::ranges::find_if(all, mine));
}

}  // namespace

Result<std::vector<Approval>> ApprovalBook::Load() const {
  auto content = ReadSealed(path_, kKind, kMostBytes);
  std::vector<Approval> all;
  if (content && !*content) return all;
  auto damaged = [this](const std::string& why) {
    return Fail(ErrorCode::kCorrupt, "the approvals in " + path_ + " are damaged: " + why +
                                         "; move the file away and approve anew");
  };
  if (!content && content.error().code != ErrorCode::kCorrupt) return Propagate(content);
  if (!content) return damaged(content.error().message);
  const std::string& text = **content;
  Reader in({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  std::uint32_t count = in.Count(kMost, 40);
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) all.push_back(ReadOne(in));
  if (!in.Done()) return damaged("it is no list of approvals");
  return all;
}

Result<std::vector<Approval>> ApprovalBook::All() const {
  std::lock_guard lock(mutex_);
  return Load();
}

Status ApprovalBook::Add(std::vector<Approval> approvals) {
  std::lock_guard lock(mutex_);
  auto all = Load();
  if (!all) return Propagate(all);
  for (Approval& a : approvals) {
    std::erase_if(*all, [&](const Approval& b) { return a.uid == b.uid && a.sha256 == b.sha256; });
    all->push_back(std::move(a));
    BoundOne(*all, all->back().uid);
  }
  if (all->size() > kMost) {
    all->erase(all->begin(), all->end() - static_cast<std::ptrdiff_t>(kMost));
  }
  return WriteSealed(path_, kKind, Encode(*all));
}

}  // namespace bulkhead::hostd
