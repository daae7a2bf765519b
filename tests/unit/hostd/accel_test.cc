// SPDX-License-Identifier: GPL-2.0-or-later
/// The acceleration probe with the real QEMU. TCG is the control: what the guest must do is proved
/// there, on every machine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostd/accel/accel_probe.h"
#include "hostd/accel/probe_guest.h"
#include "hostd/accel/probe_run.h"
#include "tests/unit/hostd/temp_dir.h"
#include "vmspec/base/identity.h"

namespace bulkhead::hostd {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kQemu[] = "/usr/bin/qemu-system-x86_64";
constexpr char kTcgSentence[] = ": using TCG, slower and without QEMU's security promise";

ProbeChallenge Challenge(std::uint8_t first) {
  ProbeChallenge challenge{};
  for (std::size_t i = 0; i < challenge.size(); ++i) {
    challenge[i] = static_cast<std::uint8_t>(first + i * 13);
  }
  return challenge;
}

bool Reaped() { return ::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD; }

TEST(ProbeGuest, AnswersUnderTcgWhateverTheChallenge) {
  for (std::uint8_t first : {0, 1, 200}) {
    auto challenge = Challenge(first);
    auto run = RunProbeGuest(kQemu, "tcg", "max", ProbeRom(challenge), 30s);
    ASSERT_TRUE(run) << run.error().message;
    EXPECT_FALSE(run->timed_out);
    EXPECT_EQ(run->exit_status, kProbeExitStatus) << run->last_line;
    auto answer = ProbeAnswer(challenge);
    EXPECT_EQ(run->output, Bytes(answer.begin(), answer.end()));
  }
}

TEST(ProbeGuest, CannotAnswerAnotherChallenge) {
  EXPECT_NE(ProbeAnswer(Challenge(1)), ProbeAnswer(Challenge(2)));
  auto almost = Challenge(1);
  almost[31] ^= 1;
  EXPECT_NE(ProbeAnswer(Challenge(1)), ProbeAnswer(almost));
}

TEST(ProbeRun, AGuestThatHangsIsKilledAtTheDeadline) {
  Bytes rom = ProbeRom(Challenge(0));
  rom[0] = 0xeb;  // jmp to itself
  rom[1] = 0xfe;
  auto start = std::chrono::steady_clock::now();
  auto run = RunProbeGuest(kQemu, "tcg", "max", rom, 700ms);
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_TRUE(run->timed_out);
  EXPECT_TRUE(run->output.empty());
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  EXPECT_TRUE(Reaped()) << "no process may stay";
}

TEST(ProbeRun, AGuestThatCrashesEndsWithoutTheExitStatus) {
  Bytes rom = ProbeRom(Challenge(0));
  rom[0x18] = 0x0f;  // ud2 in protected mode without an IDT: triple fault
  rom[0x19] = 0x0b;
  auto run = RunProbeGuest(kQemu, "tcg", "max", rom, 20s);
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_FALSE(run->timed_out);
  EXPECT_NE(run->exit_status, kProbeExitStatus);
}

TEST(ProbeRun, WhatQemuSaysIsKept) {
  auto run = RunProbeGuest(kQemu, "tcg", "no-such-processor", ProbeRom(Challenge(0)), 10s);
  ASSERT_TRUE(run);
  EXPECT_THAT(run->last_line, HasSubstr("no-such-processor"));
  EXPECT_GT(run->exit_status, 0);
}

TEST(ProbeRun, AMissingQemuIsAnError) {
  auto run = RunProbeGuest("/nonexistent/qemu", "tcg", "max", ProbeRom(Challenge(0)), 1s);
  ASSERT_FALSE(run);
  EXPECT_TRUE(Reaped());
}

/// Programs in QEMU's place, for what the real one cannot be made to do here.
class AccelProbeTest : public ::testing::Test {
 protected:
  AccelProbeOptions With(const std::string& script) {
    static int number = 0;
    AccelProbeOptions options;
    options.qemu = dir_ / ("qemu" + std::to_string(++number));
    Spill(options.qemu, "#!/bin/bash\n" + script + "\n");
    ::chmod(options.qemu.c_str(), 0755);
    options.kvm_node = dir_ / "kvm";
    Spill(options.kvm_node, "");  // it opens
    options.deadline = 15s;       // none of them waits for it
    return options;
  }
  TempDir dir_;
};

TEST_F(AccelProbeTest, WithoutADeviceNoGuestIsStarted) {
  auto options = With("touch " + (dir_ / "started"));
  options.kvm_node = dir_ / "absent";
  KvmFinding f = AccelProbe(options).Examine();
  EXPECT_EQ(f.state, KvmState::kNoDevice);
  EXPECT_THAT(f.sentence, HasSubstr("module kvm"));
  EXPECT_FALSE(std::filesystem::exists(dir_ / "started"));
}

TEST_F(AccelProbeTest, WithoutPermissionTheGroupIsNamed) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  auto options = With("exit 0");
  ::chmod(dir_.path().c_str(), 0755);
  ::chmod(options.kvm_node.c_str(), 0660);
  ASSERT_EQ(::chown(options.kvm_node.c_str(), 0, 6), 0);  // "disk" on Debian
  pid_t pid = ::fork();
  if (pid == 0) {
    if (::setgid(kUidHostd) != 0 || ::setuid(kUidHostd) != 0) ::_exit(9);
    KvmFinding f = AccelProbe(options).Examine();
    ::_exit(f.state == KvmState::kNoPermission && f.sentence.ends_with("its group disk") ? 0 : 1);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
}

TEST_F(AccelProbeTest, AGuestThatHangsIsCalledSo) {
  auto options = With("exec sleep 100");
  options.deadline = 300ms;
  KvmFinding f = AccelProbe(options).Examine();
  EXPECT_EQ(f.state, KvmState::kHangs);
  EXPECT_THAT(f.sentence, StartsWith("KVM opens but does not run a guest here"));
  EXPECT_TRUE(Reaped());
}

TEST_F(AccelProbeTest, AQemuThatClosesItsOutputAndStaysIsKilledToo) {
  auto options = With("exec sleep 100 >&- 2>&-");
  options.deadline = 300ms;
  EXPECT_EQ(AccelProbe(options).Examine().state, KvmState::kHangs);
  EXPECT_TRUE(Reaped());
}

TEST_F(AccelProbeTest, CannotPassWithoutTheAnswer) {
  for (const char* script : {"exit 67", "printf 12345678; exit 67", "exit 0", "kill -9 $$"}) {
    KvmFinding f = AccelProbe(With(script)).Examine();
    EXPECT_EQ(f.state, KvmState::kFails) << script;
  }
}

TEST_F(AccelProbeTest, CannotPutHostileTextIntoTheSentence) {
  KvmFinding f = AccelProbe(With(R"(printf 'first\nlast \e[2J\xff line\n' >&2; exit 1)")).Examine();
  EXPECT_EQ(f.state, KvmState::kFails);
  EXPECT_THAT(f.sentence, EndsWith(R"((QEMU: last \x1B[2J\xFF line))"));
}

TEST_F(AccelProbeTest, CannotFloodMemory) {
  auto options = With("head -c 50000000 /dev/zero; head -c 50000000 /dev/zero >&2; exit 1");
  options.deadline = 20s;
  KvmFinding f = AccelProbe(options).Examine();
  EXPECT_EQ(f.state, KvmState::kFails);
  EXPECT_LT(f.sentence.size(), 400u);
}

TEST_F(AccelProbeTest, TheAnswerIsKeptForThisBootAndAskedAnewForAnotherQemu) {
  auto options = With("echo x >> " + (dir_ / "count") + "; echo broken >&2; exit 1");
  options.cache_file = dir_ / "accel";
  KvmFinding first = AccelProbe(options).Examine();
  AccelProbe second(options);
  EXPECT_EQ(second.Examine().sentence, first.sentence);
  EXPECT_EQ(second.Examine().state, KvmState::kFails);
  EXPECT_EQ(Slurp(dir_ / "count"), "x\n");
  std::ofstream(options.qemu, std::ios::app) << "# updated\n";
  EXPECT_EQ(second.Examine().state, KvmState::kFails);
  EXPECT_EQ(Slurp(dir_ / "count"), "x\nx\n");
  std::filesystem::remove(options.kvm_node);
  EXPECT_EQ(second.Examine().state, KvmState::kNoDevice) << "the node is part of the question";
}

TEST_F(AccelProbeTest, AGuestThatOnlyHadNoTimeIsAskedAgainAndNotForTheWholeBoot) {
  auto options = With("echo x >> " + (dir_ / "count") + "; exec sleep 100");
  options.deadline = 300ms;
  options.cache_file = dir_ / "accel";
  AccelProbe probe(options);
  EXPECT_EQ(probe.Examine().state, KvmState::kHangs);
  EXPECT_EQ(probe.Examine().state, KvmState::kHangs);
  EXPECT_EQ(Slurp(dir_ / "count"), "x\n") << "not each start of a level waits for it";
  EXPECT_FALSE(std::filesystem::exists(options.cache_file));
  options.doubt = 0ms;
  AccelProbe doubting(options);
  EXPECT_EQ(doubting.Examine().state, KvmState::kHangs);
  EXPECT_EQ(doubting.Examine().state, KvmState::kHangs);
  EXPECT_EQ(Slurp(dir_ / "count"), "x\nx\nx\n");
}

TEST_F(AccelProbeTest, CannotBeDeceivedByADamagedCache) {
  auto options = With("echo broken >&2; exit 1");
  options.cache_file = dir_ / "accel";
  AccelProbe(options).Examine();
  const std::string good = Slurp(options.cache_file);
  for (std::size_t cut = 0; cut < good.size(); ++cut) {
    Spill(options.cache_file, good.substr(0, cut));
    ASSERT_NE(AccelProbe(options).Examine().state, KvmState::kWorks) << cut;
    ASSERT_EQ(Slurp(options.cache_file), good) << "it is written anew";
  }
  std::string other = good;
  other.replace(0, 64, std::string(64, '0'));
  other.replace(65, 5, "works");
  Spill(options.cache_file, other);  // of another boot
  EXPECT_EQ(AccelProbe(options).Examine().state, KvmState::kFails);
}

TEST_F(AccelProbeTest, AnUnwritableCacheIsNoReasonToFail) {
  auto options = With("echo broken >&2; exit 1");
  options.cache_file = dir_ / "missing/accel";
  EXPECT_EQ(AccelProbe(options).Examine().state, KvmState::kFails);
}

TEST_F(AccelProbeTest, AutoFallsBackToTcgOnlyWhereTheHostAllowsIt) {
  AccelProbe probe(With("echo broken >&2; exit 1"));
  auto choice = probe.Probe(vmspec::Accel::kAuto, true);
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->kind, AccelKind::kTcg);
  EXPECT_TRUE(choice->warning);
  EXPECT_THAT(choice->reason, StartsWith("KVM opens but does not run a guest here"));
  EXPECT_THAT(choice->reason, EndsWith(kTcgSentence));
  auto refused = probe.Probe(vmspec::Accel::kAuto, false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kRefused);
  EXPECT_THAT(refused.error().message, HasSubstr("allow-tcg = true in host.toml"));
}

TEST_F(AccelProbeTest, KvmByNameIsNeverReplacedByTcg) {
  auto refused = AccelProbe(With("exit 1")).Probe(vmspec::Accel::kKvm, true);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kRefused);
}

TEST_F(AccelProbeTest, TcgByNameAsksNobodyAndWarns) {
  auto choice = AccelProbe(With("touch " + (dir_ / "started"))).Probe(vmspec::Accel::kTcg, false);
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->kind, AccelKind::kTcg);
  EXPECT_TRUE(choice->warning);
  EXPECT_FALSE(std::filesystem::exists(dir_ / "started"));
}

TEST_F(AccelProbeTest, WithoutQemuNothingIsChosen) {
  auto options = With("");
  options.qemu = dir_ / "absent";
  auto choice = AccelProbe(options).Probe(vmspec::Accel::kAuto, true);
  ASSERT_FALSE(choice);
  EXPECT_EQ(choice.error().code, ErrorCode::kUnavailable);
}

/// The real thing, for two processors (of one QEMU may say at once that this host cannot do it).
/// The probe ends in time, and calls KVM working exactly when a guest of ours works under it.
TEST(AccelProbeHere, TheAnswerIsWhatKvmDoesHere) {
  for (const char* cpu : {"host", "qemu64"}) {
    AccelProbeOptions options;
    options.cpu = cpu;
    auto start = std::chrono::steady_clock::now();
    KvmFinding f = AccelProbe(options).Examine();
    EXPECT_LT(std::chrono::steady_clock::now() - start, 8s);
    std::printf("here, processor %s: %s\n", cpu, f.sentence.c_str());
    auto run = RunProbeGuest(kQemu, "kvm", cpu, ProbeRom(Challenge(3)), 5s);
    ASSERT_TRUE(run);
    auto answer = ProbeAnswer(Challenge(3));
    bool works = run->output == Bytes(answer.begin(), answer.end());
    EXPECT_EQ(f.state == KvmState::kWorks, works);
    if (run->timed_out) {
      EXPECT_EQ(f.state, KvmState::kHangs);
    }
    EXPECT_TRUE(Reaped());
  }
}

}  // namespace
}  // namespace bulkhead::hostd
