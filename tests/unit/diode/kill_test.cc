// SPDX-License-Identifier: GPL-2.0-or-later
/// kill -9 at each system call that matters, of each half (I4): after the restarts that superd
/// makes, the file is there exactly once, whole, and nothing is left over. The agent of the sending
/// level repeats a transfer when its port was closed, as bulkhead-agent does.
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "tests/unit/diode/rig.h"

namespace bulkhead::diode {
namespace {

using report::Decision;

constexpr char kStrace[] = "/usr/bin/strace";

struct KillPoint {
  Half half;
  const char* call;
  int first, last;  ///< at the first-th to the last-th call
};

class DiodeKillTest : public Rig, public ::testing::WithParamInterface<KillPoint> {
 protected:
  void StartToDie(Half half, const std::string& call, int when) {
    Start(half, {kStrace, "-o", "/dev/null", "-e", "trace=" + call, "-e",
                 "inject=" + call + ":signal=KILL:when=" + std::to_string(when)});
  }
  bool AllIsClean() {
    if (!SpoolFiles(Half::kReceive).empty()) return false;
    for (const auto& name : SpoolFiles(Half::kSend)) {
      if (!name.ends_with(".ready")) return false;
    }
    return true;
  }
  void Try(const KillPoint& point, int when) {
    GuestFile file = MakeFile(1, 600'000);
    low_says_first_ = file.Frames();
    arrived_.clear();
    bool send = point.half == Half::kSend;
    if (send) Start(Half::kReceive);
    StartToDie(point.half, point.call, when);
    if (!send) Start(Half::kSend);
    restart_ = true;
    restarts_ = 0;
    std::string what =
        std::string(send ? "send " : "receive ") + point.call + " " + std::to_string(when);
    EXPECT_TRUE(Until([&] { return restarts_ > 0 && HasArrived(file) && AllIsClean(); }))
        << what << (restarts_ == 0 ? ": it was never reached" : "");
    EXPECT_EQ(1u, arrived_.size()) << what;
    restart_ = false;
    // Neither repetition by the sender nor a ready agent brings it again.
    int times = arrived_[file.id].times;
    if (!HasDied(Half::kReceive)) {
      Say(Half::kReceive, report::GuestReady{});
      For(30ms);
      EXPECT_EQ(times, arrived_[file.id].times) << what;
    }
  }
  void CleanUp() {
    for (Half half : {Half::kSend, Half::kReceive}) {
      if (!HasDied(half)) Kill(half);
      std::string side = half == Half::kSend ? "send" : "receive";
      for (const auto& entry : std::filesystem::directory_iterator(paths_.FlowSpool("up", side))) {
        std::filesystem::remove(entry.path());
      }
    }
    Until([&] { return hostd_.empty() && !low_ && !high_; }, 5s);
  }
};

TEST_P(DiodeKillTest, FileArrivesOnceAndWhole) {
  if (::access(kStrace, X_OK) != 0) GTEST_SKIP() << "needs strace";
  for (int when = GetParam().first; when <= GetParam().last; ++when) {
    Try(GetParam(), when);
    CleanUp();
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Send, DiodeKillTest,
                         ::testing::Values(KillPoint{Half::kSend, "recvfrom", 1, 8},
                                           KillPoint{Half::kSend, "fallocate", 1, 1},
                                           KillPoint{Half::kSend, "pwrite64", 1, 4},
                                           KillPoint{Half::kSend, "renameat", 1, 2},
                                           KillPoint{Half::kSend, "fsync", 1, 3},
                                           KillPoint{Half::kSend, "sendto", 1, 1},
                                           KillPoint{Half::kSend, "write", 1, 7},
                                           KillPoint{Half::kSend, "ioctl", 1, 1},
                                           KillPoint{Half::kSend, "connect", 1, 2}),
                         [](const auto& point) { return std::string(point.param.call); });

INSTANTIATE_TEST_SUITE_P(Receive, DiodeKillTest,
                         ::testing::Values(KillPoint{Half::kReceive, "read", 3, 14},
                                           KillPoint{Half::kReceive, "fallocate", 1, 1},
                                           KillPoint{Half::kReceive, "pwrite64", 1, 5},
                                           KillPoint{Half::kReceive, "renameat", 1, 2},
                                           KillPoint{Half::kReceive, "fsync", 1, 5},
                                           KillPoint{Half::kReceive, "sendto", 1, 7},
                                           KillPoint{Half::kReceive, "recvfrom", 1, 2},
                                           KillPoint{Half::kReceive, "unlinkat", 1, 2},
                                           KillPoint{Half::kReceive, "connect", 1, 2}),
                         [](const auto& point) { return std::string(point.param.call); });

}  // namespace
}  // namespace bulkhead::diode
