// SPDX-License-Identifier: GPL-2.0-or-later
/// Any bytes as what bulkhead-brokerd decodes: a request, a policy, its own ledger. What decodes is
/// sound, encodes to the same bytes, and no policy gives a device to a level that it does not name.
///
/// The input is u16 type (651: a ledger, else a frame's type) and the payload.
#include <cstdint>
#include <cstdlib>

#include "device-broker/broker_protocol.h"
#include "device-broker/rules.h"
#include "device-broker/store.h"

namespace {

using namespace bulkhead;
using namespace bulkhead::broker;

void Demand(bool condition) {
  if (!condition) std::abort();
}

Medium Stick() {
  Medium medium;
  medium.id = "sdb";
  medium.identity.path = "/dev/sdb";
  medium.names = {"/dev/sdb", "/dev/sdb1"};
  return medium;
}

void DemandSound(const Policy& policy) {
  Medium stick = Stick();
  Demand(!Judge(AllRules(), {policy, stick, "no-such-level-", false}).allowed ||
         policy.levels.contains("no-such-level-"));
  for (const auto& [level, storage] : policy.levels) {
    Demand(IsLevelName(level));
    bool reads = Judge(AllRules(), {policy, stick, level, false}).allowed;
    bool writes = Judge(AllRules(), {policy, stick, level, true}).allowed;
    Demand(!reads || storage.mode != vmspec::GrantMode::kNone);
    Demand(!writes || (reads && storage.write));
    for (const auto& rule : policy.rules) {
      bool all = rule.deny && rule.path.empty() && rule.serial.empty();
      Demand(!all || (rule.level != "*" && rule.level != level) || !reads);
    }
  }
}

void TryPolicy(ByteView bytes) {
  auto policy = DecodePolicy(bytes);
  if (!policy) return;
  Bytes again = EncodePolicy(*policy);
  Demand(again.size() == bytes.size() && std::equal(again.begin(), again.end(), bytes.begin()));
  if (policy->levels.size() < 64) DemandSound(*policy);
}

void TryLedger(ByteView bytes) {
  auto ledger = DecodeLedger(bytes);
  if (!ledger) return;
  for (const auto& [id, grant] : ledger->grants()) {
    Demand(IsDeviceId(id) && IsLevelName(grant.level));
    Demand(grant.state == DeviceState::kBound || grant.state == DeviceState::kInUse ||
           grant.state == DeviceState::kDraining);
  }
  auto again = DecodeLedger(EncodeLedger(*ledger));
  Demand(again && again->grants() == ledger->grants());
}

void TryRequest(std::uint16_t type, ByteView payload) {
  auto request = DecodeRequest(Frame{type, Bytes(payload.begin(), payload.end())});
  if (!request) return;
  Bytes again = Encode(*request);
  Demand(again.size() == kFrameHeaderBytes + payload.size());
  Demand(std::equal(payload.begin(), payload.end(), again.begin() + kFrameHeaderBytes));
  if (auto* set = std::get_if<SetPolicyRequest>(&*request)) TryPolicy(set->policy);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  auto type = static_cast<std::uint16_t>(data[0] | data[1] << 8);
  ByteView payload(data + 2, size - 2);
  if (type == 651) {
    TryLedger(payload);
  } else {
    TryRequest(type, payload);
  }
  return 0;
}
