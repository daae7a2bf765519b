// SPDX-License-Identifier: GPL-2.0-or-later
/// Both halves as they are, with their real uids when root runs the test, between sockets that play
/// QEMU of two levels, hostd and superd. One poll loop in the test's thread: nothing happens but
/// within Until().
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vmspec/base/paths.h"
#include "vmspec/base/process_spec.h"
#include "vmspec/base/report_messages.h"
#include "vmspec/base/socket.h"
#include "vmspec/base/transfer_messages.h"

namespace bulkhead::diode {

using namespace std::chrono_literals;

enum class Half { kSend, kReceive };

/// A file as a guest sends it.
struct GuestFile {
  transfer::TransferId id{};
  std::string name;
  Bytes content;

  /// Begin, Data of `frame_bytes` each, End: as an honest agent says it.
  [[nodiscard]] Bytes Frames(std::size_t frame_bytes = transfer::kMaxData) const;
};

/// Content that differs for each `seed`.
GuestFile MakeFile(std::uint8_t seed, std::size_t size, std::string name = "report.pdf");
Bytes Encoded(const transfer::Message& message);
Bytes& operator+=(Bytes& to, const Bytes& more);

/// What the receiving level's agent got.
struct Arrived {
  transfer::Begin begin;
  Bytes content;
  bool whole = false;
  int times = 0;  ///< handed over completely so often
};

class Rig : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // superd's part.
  void Start(Half half, std::vector<std::string> through = {});
  void StartBoth() { Start(Half::kReceive), Start(Half::kSend); }
  void Kill(Half half, int signal = SIGKILL);
  /// True when it has ended by itself or by a signal (it is reaped then).
  bool HasDied(Half half);
  [[nodiscard]] pid_t Pid(Half half) const { return children_.at(half).pid; }
  std::string StatusField(Half half, const std::string& field) const;
  [[nodiscard]] std::vector<std::string> SpoolFiles(Half half) const;

  // hostd's part.
  void StopHostd();
  void StartHostd();
  /// Says what came of each half's decisions.
  [[nodiscard]] std::vector<report::Decision> Decisions(std::uint8_t verdict) const;
  [[nodiscard]] bool Refused(const std::string& part_of_reason) const;
  void Say(Half half, const report::FromHostd& message);

  // The levels' part.
  void LowSends(const Bytes& bytes) { low_out_ += bytes; }
  [[nodiscard]] bool HasArrived(const GuestFile& file) const;

  /// Runs the rig until `done`, at most for `longest`. Superd's restarts happen in here when
  /// `restart_` is set.
  bool Until(const std::function<bool()>& done, std::chrono::milliseconds longest = 20s);
  void For(std::chrono::milliseconds time) {
    Until([] { return false; }, time);
  }

  Paths paths_;
  std::uint64_t max_file_ = 4 << 20;
  std::uint64_t quota_ = 16 << 20;
  int max_files_ = 100;

  std::map<Half, Child> children_;
  bool restart_ = false;
  int restarts_ = 0;

  UniqueFd hostd_listener_;
  struct Connection {
    Half half;
    UniqueFd fd;
    FrameReader reader{report::kReportMaxPayload};
  };
  std::vector<std::unique_ptr<Connection>> hostd_;
  std::vector<report::Decision> decisions_;
  bool records_ = true;       ///< answers Recorded
  bool high_ready_ = true;    ///< says GuestReady to each new receiving half
  bool high_settles_ = true;  ///< the agent's answer to each whole transfer

  UniqueFd low_listener_, low_;
  Bytes low_out_;
  std::size_t low_sent_ = 0;
  std::size_t low_heard_ = 0;  ///< bytes that reached the sending level: must stay 0
  int low_connections_ = 0;
  Bytes low_says_first_;  ///< on each new connection

  UniqueFd high_listener_, high_;
  std::unique_ptr<FrameReader> high_reader_;
  bool high_reads_ = true;
  std::map<transfer::TransferId, Arrived> arrived_;
  std::optional<transfer::TransferId> arriving_;

 private:
  void Turn();
  void Accept();
  void ReadHostd(Connection& connection);
  void Take(Connection& connection, const report::Decision& decision);
  void WriteLow();
  void ReadHigh();
  void TakeHigh(const transfer::Message& message);
  void Superd();
};

}  // namespace bulkhead::diode
