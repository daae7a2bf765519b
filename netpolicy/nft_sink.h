// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include "netpolicy/netlink_socket.h"
#include "netpolicy/ruleset_sink.h"

namespace bulkhead::netpolicy {

/// The kernel of the network namespace in which it was opened. Needs CAP_NET_ADMIN there.
class NftSink : public RulesetSink {
 public:
  static Result<NftSink> Open();

  [[nodiscard]] Result<Generation> CurrentGeneration() override;
  [[nodiscard]] Result<Generation> Replace(const Ruleset& ruleset, Generation expected,
                                           std::chrono::milliseconds deadline) override;
  [[nodiscard]] Result<Generation> PutLevel(const LevelRules& rules, Generation expected,
                                            std::chrono::milliseconds deadline) override;
  [[nodiscard]] Result<Generation> DropLevel(const std::string& level, Generation expected,
                                             std::chrono::milliseconds deadline) override;
  [[nodiscard]] Result<std::map<std::string, LevelReadback>> ReadLevels(
      std::chrono::milliseconds deadline) override;

 private:
  explicit NftSink(NetlinkSocket socket) : socket_(std::move(socket)) {}
  NetlinkSocket socket_;
};

}  // namespace bulkhead::netpolicy
