// SPDX-License-Identifier: GPL-2.0-or-later
/// Values of ours as org.bulkhead.Host1 spells them (hostd/org.bulkhead.Host1.xml). All results are
/// floating, as GVariant builders want them. Strings must be printable UTF-8 already.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "device-broker/broker_client.h"
#include "hostd/bus/spec_variants.h"
#include "hostd/flows/flow_desk.h"
#include "hostd/gptr.h"
#include "hostd/level/level_view.h"
#include "hostd/spec/downgrade.h"
#include "hostd/spec/spec_store.h"
#include "netpolicy/netd_client.h"
#include "vmspec/base/codec.h"
#include "vmspec/spec.h"

namespace bulkhead::hostd {

/// An a{sv} under construction.
class DictBuilder {
 public:
  DictBuilder() { g_variant_builder_init(&builder_, G_VARIANT_TYPE_VARDICT); }
  DictBuilder& Text(const char* key, const std::string& value);
  DictBuilder& Flag(const char* key, bool value);
  DictBuilder& Int32(const char* key, std::int32_t value);
  DictBuilder& Uint32(const char* key, std::uint32_t value);
  DictBuilder& Uint64(const char* key, std::uint64_t value);
  DictBuilder& Int64(const char* key, std::int64_t value);
  DictBuilder& Value(const char* key, GVariant* floating);
  GVariant* Done() { return g_variant_builder_end(&builder_); }

 private:
  GVariantBuilder builder_;
};

GVariant* ToVariant(const LevelView& view);
GVariant* ToVariant(const broker::Device& device);
/// `send` and `receive`: the halves are connected.
GVariant* ToVariant(const vmspec::Flow& flow, const FlowCounts& counts, bool send, bool receive);
GVariant* ToVariant(const netpolicy::LevelNetStatus& status, const std::string& uplink);
GVariant* ToVariant(const HistoryEntry& version);
GVariant* ToVariant(const Approval& approval);
GVariant* ToVariant(const Entry& event);
GVariant* BytesVariant(const Bytes& bytes);
GVariant* TextsVariant(const std::vector<std::string>& texts);
/// a{sas}
GVariant* ListsVariant(const std::map<std::string, std::vector<std::string>>& lists);

/// "(aa{sv})" of the dicts.
GVariant* DictsTuple(const std::vector<GVariant*>& dicts);

std::vector<std::string> TextsFrom(GVariant* array);
/// The boolean under `key` of an a{sv}; false when it is not there.
bool FlagFrom(GVariant* dict, const char* key);
/// The string under `key`; empty when it is not there.
std::string TextFrom(GVariant* dict, const char* key);

}  // namespace bulkhead::hostd
