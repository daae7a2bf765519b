// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <string>
#include <vector>

#include "guest-images/agent/poll_set.h"
#include "vmspec/base/control_messages.h"
#include "vmspec/base/process_spec.h"
#include "vmspec/base/unique_fd.h"

namespace bulkhead::agent {

/// The one user of a level, as the image's passwd file has it.
struct LevelUser {
  uid_t uid = 1000;
  gid_t gid = 1000;
  std::string home = "/home/user";
};

/// The programs that the host runs here (`bulkhead run`).
class RunTable {
 public:
  /// @param program  absolute path of bulkhead-agent itself, whose `launch` starts each program in
  /// a
  ///                 session of its own.
  RunTable(std::string program, LevelUser user)
      : program_(std::move(program)), user_(std::move(user)) {}
  ~RunTable() { CancelAll(); }

  /// Starts it; a fault is told as an output line and RunExit 127. A number that runs already is
  /// ignored.
  void Start(const control::Run& run, std::vector<control::GuestMessage>& out);
  /// Kills the program and what it started in its session.
  void Cancel(std::uint32_t run);
  void CancelAll();

  /// @param read_output  false: the host is slow, the programs have to wait.
  void AddWishes(PollSet& set, bool read_output) const;
  /// At most kOutputPerTurn bytes of output a program and turn; the exit comes after all output.
  void Handle(const PollSet& set, bool read_output, std::vector<control::GuestMessage>& out);

  [[nodiscard]] std::size_t size() const { return running_.size(); }

 private:
  static constexpr std::size_t kMaxRuns = 32;

  struct Running {
    Child child;
    UniqueFd output[2];  ///< stdout, stderr; invalid once at its end
    bool exited = false;
    int status = 0;
  };
  Status StartChild(const control::Run& run);
  Result<ProcessSpec> Describe(const control::Run& run) const;
  static void Reap(Running& running);
  /// More may be there.
  static bool ReadOutput(std::uint32_t id, Running& running, int which,
                         std::vector<control::GuestMessage>& out);

  static void ReadLastOutput(std::uint32_t id, Running& running, int which,
                             std::vector<control::GuestMessage>& out);

  std::string program_;
  LevelUser user_;
  std::map<std::uint32_t, Running> running_;
};

/// `bulkhead-agent launch HOME PROGRAM ARGUMENT...`: becomes PROGRAM, looked up in PATH, in a
/// session of its own, in folder HOME if that can be entered. Returns only on failure: 127 not
/// found, 126 found but not runnable, as shells do.
int Launch(int argc, char** argv);

}  // namespace bulkhead::agent
