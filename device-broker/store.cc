// SPDX-License-Identifier: GPL-2.0-or-later
#include "device-broker/store.h"

#include <algorithm>

#include "vmspec/base/file.h"
#include "vmspec/base/message_codec.h"
#include "vmspec/base/sanitize.h"
#include "vmspec/base/sha256.h"

namespace bulkhead::broker {

namespace {

/// Of the frame; a change of a file's form gets a new number.
enum FileType : std::uint16_t { kLedgerFile = 651, kPolicyFile = 652 };
constexpr std::uint32_t kMaxLedgerBytes = 8U << 20;

struct NamedGrant {
  std::string id;
  Grant grant;
};
struct LedgerMessage {
  std::vector<NamedGrant> grants;
};

template <typename I, typename V>
void IdentityFields(I& i, V& v) {
  v.Str(i.path, 64), v.Num(i.major), v.Num(i.minor), v.Num(i.diskseq);
  v.Str(i.backing_file, 4096), v.Num(i.size_bytes);
}

template <typename G, typename V>
void GrantFields(G& g, V& v) {
  v.Str(g.id, 64), v.Str(g.grant.level, 31), v.Flag(g.grant.writable);
  auto state = static_cast<std::uint8_t>(g.grant.state);
  v.Num(state);
  if constexpr (!std::is_const_v<G>) g.grant.state = static_cast<DeviceState>(state);
  IdentityFields(g.grant.identity, v), v.Str(g.grant.title, 256), v.Str(g.grant.serial, 256);
}

template <typename L, typename V>
void LedgerFields(L& l, V& v) {
  v.List(l.grants, kMaxGrants, 50, [&](auto& g) { GrantFields(g, v); });
}

/// Printable() made it: its own backslashes are no reason to escape again.
bool IsShown(std::string text) {
  std::erase(text, '\\');
  return IsPrintable(text);
}

bool IsSound(const NamedGrant& g) {
  return IsDeviceId(g.id) && IsLevelName(g.grant.level) && g.grant.state <= DeviceState::kReset &&
         IsShown(g.grant.title) && IsShown(g.grant.serial) && IsShown(g.grant.identity.path);
}

Status SaveFrame(const std::string& path, FileType type, ByteView payload) {
  Bytes file = EncodeFrame(type, payload);
  Sha256Digest digest = Sha256Of(file);
  file.insert(file.end(), digest.begin(), digest.end());
  return WriteFileAtomically(path, {reinterpret_cast<const char*>(file.data()), file.size()}, 0600);
}

std::unexpected<Error> Damaged(const std::string& path) {
  return Fail(ErrorCode::kCorrupt, path + " is damaged");
}

Result<Bytes> LoadFrame(const std::string& path, FileType type, std::uint32_t max_payload) {
  auto text = ReadFile(path, kFrameHeaderBytes + max_payload + sizeof(Sha256Digest));
  if (!text && text.error().code == ErrorCode::kLimit) return Damaged(path);
  if (!text) return Propagate(text);
  ByteView all(reinterpret_cast<const std::uint8_t*>(text->data()), text->size());
  if (all.size() < kFrameHeaderBytes + sizeof(Sha256Digest)) return Damaged(path);
  ByteView framed = all.first(all.size() - sizeof(Sha256Digest));
  Sha256Digest digest = Sha256Of(framed);
  if (!std::ranges::equal(digest, all.last(digest.size()))) return Damaged(path);
  FrameReader reader(max_payload);
  auto taken = reader.Feed(framed);
  auto frame = reader.Next();
  if (!taken || *taken != framed.size() || !frame || frame->type != type) return Damaged(path);
  return std::move(frame->payload);
}

}  // namespace

Bytes EncodeLedger(const Ledger& ledger) {
  LedgerMessage message;
  for (const auto& [id, grant] : ledger.grants()) message.grants.push_back({id, grant});
  FieldWriter w;
  LedgerFields(std::as_const(message), w);
  return w.Take();
}

Result<Ledger> DecodeLedger(ByteView in) {
  LedgerMessage message;
  FieldReader reader(in);
  LedgerFields(message, reader);
  if (!reader.Done()) return Fail(ErrorCode::kCorrupt, "the bytes are no ledger");
  Ledger ledger;
  std::string last;
  for (NamedGrant& g : message.grants) {
    if (!IsSound(g) || g.id <= last) return Fail(ErrorCode::kCorrupt, "the ledger is not sound");
    last = g.id;
    ledger.Restore(g.id, std::move(g.grant));
  }
  return ledger;
}

Result<Ledger> Store::LoadLedger() const {
  auto payload = LoadFrame(LedgerPath(), kLedgerFile, kMaxLedgerBytes);
  if (!payload && payload.error().code == ErrorCode::kNotFound) return Ledger();
  if (!payload) return Propagate(payload);
  auto ledger = DecodeLedger(*payload);
  if (!ledger) return Propagate(ledger, LedgerPath());
  return ledger;
}

Status Store::SaveLedger(const Ledger& ledger) const {
  return SaveFrame(LedgerPath(), kLedgerFile, EncodeLedger(ledger));
}

Result<Policy> Store::LoadPolicy() const {
  auto payload = LoadFrame(PolicyPath(), kPolicyFile, kMaxPolicyBytes);
  if (!payload) return Propagate(payload);
  auto policy = DecodePolicy(*payload);
  if (!policy) return Propagate(policy, PolicyPath());
  return policy;
}

Status Store::SavePolicy(const Policy& policy) const {
  return SaveFrame(PolicyPath(), kPolicyFile, EncodePolicy(policy));
}

}  // namespace bulkhead::broker
