// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/key_identity.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace bulkhead::vmspec {

namespace {

void SortOnce(std::vector<std::uint32_t>& ids) {
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

}  // namespace

KeyIdentity::KeyIdentity(const SpecSet& spec) : spec_(spec) {
  // The first key of an object or an id stands for it. A key without an id may be any of its
  // object's.
  using Place = std::pair<std::string, std::string>;
  std::map<Place, std::vector<std::uint32_t>> of_object;
  std::map<Place, std::uint32_t> of_id;
  std::map<Place, bool> object_without_id;
  for (const auto& [name, key] : spec.keys) {
    auto id = static_cast<std::uint32_t>(parent_.size());
    ids_.emplace(name, id);
    parent_.push_back(id);
    of_object[{key.token, key.object}].push_back(id);
    if (key.id.empty()) object_without_id[{key.token, key.object}] = true;
    if (!key.id.empty()) Unite(of_id.emplace(Place{key.token, key.id}, id).first->second, id);
  }
  for (const auto& [place, any] : object_without_id) {
    for (std::uint32_t id : of_object[place]) Unite(of_object[place].front(), id);
  }
  for (const auto& [name, recipient] : spec.recipients) {
    auto key = ids_.find(recipient.key);
    if (recipient.certificate.empty() || key == ids_.end()) continue;
    // A certificate is of one key pair: two keys that open for it are copies of one.
    Unite(key_of_certificate_.emplace(recipient.certificate, key->second).first->second,
          key->second);
  }
}

std::uint32_t KeyIdentity::Root(std::uint32_t id) const {
  while (parent_[id] != id) id = parent_[id];
  return id;
}

void KeyIdentity::Unite(std::uint32_t a, std::uint32_t b) {
  a = Root(a);
  b = Root(b);
  parent_[std::max(a, b)] = std::min(a, b);
}

std::optional<std::uint32_t> KeyIdentity::Of(const std::string& key) const {
  auto found = ids_.find(key);
  if (found == ids_.end()) return std::nullopt;
  return Root(found->second);
}

std::vector<std::uint32_t> KeyIdentity::OfKeys(const std::vector<std::string>& keys) const {
  std::vector<std::uint32_t> out;
  for (const std::string& key : keys) {
    if (auto id = Of(key)) out.push_back(*id);
  }
  SortOnce(out);
  return out;
}

std::vector<std::uint32_t> KeyIdentity::OfRecipients(
    const std::vector<std::string>& recipients) const {
  std::vector<std::uint32_t> out;
  for (const std::string& name : recipients) {
    auto recipient = spec_.recipients.find(name);
    if (recipient == spec_.recipients.end()) continue;
    if (auto id = Of(recipient->second.key)) out.push_back(*id);
    auto same = key_of_certificate_.find(recipient->second.certificate);
    if (same != key_of_certificate_.end()) out.push_back(Root(same->second));
  }
  SortOnce(out);
  return out;
}

}  // namespace bulkhead::vmspec
