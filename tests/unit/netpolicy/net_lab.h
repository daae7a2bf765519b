// SPDX-License-Identifier: GPL-2.0-or-later
/// A host and a machine behind its uplink, each a network namespace of its own, and guests that
/// write frames into their taps. Real packets through the real kernel; nothing outside is touched.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "netpolicy/level_networks.h"
#include "tests/unit/netpolicy/packets.h"
#include "tests/unit/netpolicy/sample_policy.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::netpolicy {

/// Exit status of a program with its output thrown away, in the current namespace.
int RunProgram(const std::vector<std::string>& argv);
/// Its standard output.
std::string OutputOf(const std::vector<std::string>& argv);
/// Into `nft -f -`.
bool LoadWithNft(const std::string& script);

/// Sees every frame that arrives at the machine behind the uplink.
class Sniffer {
 public:
  explicit Sniffer(int fd) : fd_(fd) {}
  /// A frame that holds `mark` arrives, or has arrived since the last call.
  bool Sees(std::string_view mark, std::chrono::milliseconds within = std::chrono::seconds(2));
  /// Among the frames that were read so far.
  [[nodiscard]] bool Saw(std::string_view mark) const;
  [[nodiscard]] const std::vector<Bytes>& frames() const { return frames_; }

 private:
  UniqueFd fd_;
  std::vector<Bytes> frames_;
};

/// The guest's end of a tap, opened as QEMU opens it.
class Guest {
 public:
  Guest(const LevelPolicy& policy, int tap_fd) : policy_(policy), fd_(tap_fd) {}

  [[nodiscard]] Ends4 To4(const char* address) const;
  [[nodiscard]] Ends6 To6(const char* address) const;
  [[nodiscard]] Ends4 ToGateway4() const;
  [[nodiscard]] Ends6 ToGateway6() const;
  void Send(const Bytes& frame);
  /// Answers ARP and neighbour solicitations meanwhile.
  bool Receives(const std::function<bool(const Bytes&)>& wanted,
                std::chrono::milliseconds within = std::chrono::seconds(2));
  bool ReceivesMark(std::string_view mark,
                    std::chrono::milliseconds within = std::chrono::seconds(2));
  [[nodiscard]] const LevelPolicy& policy() const { return policy_; }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  void AnswerNeighbour(const Bytes& frame);
  LevelPolicy policy_;
  UniqueFd fd_;
};

/// Skips where namespaces cannot be made.
class NetLab : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  LevelNetworks OpenNetworks();
  std::unique_ptr<Guest> Open(const LevelPolicy& policy);
  /// Does it in the namespace of the machine behind the uplink.
  void InPeer(const std::function<void()>& work);
  /// A frame of which nothing else can be the source: once it has arrived, all before it have.
  void Fence(Guest& guest);

  std::unique_ptr<Sniffer> sniffer_;

 private:
  UniqueFd original_, host_, peer_;
  int fences_ = 0;
};

bool Contains(const Bytes& frame, std::string_view mark);

}  // namespace bulkhead::netpolicy
