// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/level/started_book.h"

#include "hostd/spec/sealed_file.h"
#include "vmspec/base/codec.h"

namespace bulkhead::hostd {

namespace {

constexpr char kKind[] = "started";
constexpr std::size_t kMostBytes = 16UL << 20;
constexpr std::size_t kMostText = 4096;
constexpr std::uint32_t kMostLevels = 4096;
constexpr std::uint32_t kMostFacts = 8192;

}  // namespace

StartedBook::StartedBook(std::string path, std::string boot_id)
    : path_(std::move(path)), boot_id_(std::move(boot_id)) {
  auto content = ReadSealed(path_, kKind, kMostBytes);
  if (!content || !*content) return;
  if (auto book = Parse(**content, boot_id_)) book_ = std::move(*book);
}

std::optional<StartedBook::Book> StartedBook::Parse(const std::string& content,
                                                    const std::string& boot_id) {
  Reader in({reinterpret_cast<const std::uint8_t*>(content.data()), content.size()});
  if (in.Str(kMostText) != boot_id) return std::nullopt;
  Book book;
  std::uint32_t levels = in.Count(kMostLevels, 8);
  for (std::uint32_t i = 0; i < levels && in.ok(); ++i) {
    RestartFacts& facts = book[in.Str(kMostText)];
    std::uint32_t count = in.Count(kMostFacts, 8);
    for (std::uint32_t k = 0; k < count && in.ok(); ++k) {
      std::string name = in.Str(kMostText);
      facts[name] = in.Str(kMostText);
    }
  }
  if (!in.Done()) return std::nullopt;
  return book;
}

Status StartedBook::Store(Book book) {
  Writer out;
  out.Str(boot_id_).U32(static_cast<std::uint32_t>(book.size()));
  for (const auto& [level, facts] : book) {
    out.Str(level).U32(static_cast<std::uint32_t>(facts.size()));
    for (const auto& [name, value] : facts) out.Str(name).Str(value);
  }
  const Bytes& bytes = out.bytes();
  Status written =
      WriteSealed(path_, kKind, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (written) book_ = std::move(book);
  return written;
}

Status StartedBook::Set(const std::string& level, const RestartFacts& facts) {
  std::lock_guard lock(mutex_);
  auto known = book_.find(level);
  if (known != book_.end() && known->second == facts) return {};
  Book book = book_;
  book[level] = facts;
  return Store(std::move(book));
}

Status StartedBook::Clear(const std::string& level) {
  std::lock_guard lock(mutex_);
  if (!book_.contains(level)) return {};
  Book book = book_;
  book.erase(level);
  return Store(std::move(book));
}

std::optional<RestartFacts> StartedBook::Find(const std::string& level) const {
  std::lock_guard lock(mutex_);
  auto known = book_.find(level);
  if (known == book_.end()) return std::nullopt;
  return known->second;
}

}  // namespace bulkhead::hostd
