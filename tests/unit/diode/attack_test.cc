// SPDX-License-Identifier: GPL-2.0-or-later
/// A sending level that wants more than it may have. After each attack an honest file still passes.
/// Rig::TearDown() holds for each of them that no byte ever went to the sending level (I3).
#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "tests/unit/diode/rig.h"
#include "vmspec/base/file.h"
#include "vmspec/base/identity.h"

namespace bulkhead::diode {
namespace {

using report::Decision;
using ::testing::IsEmpty;

class DiodeAttackTest : public Rig {
 protected:
  void SetUp() override {
    Rig::SetUp();
    if (!IsSkipped()) StartBoth();
  }

  void ExpectRefused(const Bytes& attack, const std::string& reason) {
    LowSends(attack);
    EXPECT_TRUE(Until([&] { return Refused(reason); })) << reason;
    ExpectHonestFilePasses();
  }
  void ExpectHonestFilePasses() {
    GuestFile honest = MakeFile(200, 70'000, "honest.txt");
    LowSends(honest.Frames());
    EXPECT_TRUE(Until([&] { return HasArrived(honest); }));
    EXPECT_EQ(1u, Decisions(Decision::kAccepted).size());
    EXPECT_EQ(1u, arrived_.size());
    for (const auto& name : SpoolFiles(Half::kSend)) EXPECT_TRUE(name.ends_with(".ready")) << name;
  }
  static Bytes Begin(const std::string& name, std::uint64_t size) {
    return Encoded(transfer::Begin{MakeFile(1, 0).id, name, "", size, 0});
  }
};

TEST_F(DiodeAttackTest, CannotMakeItGrowByAFrameOfFourGibibytes) {
  Bytes attack = Begin("a", 1000);
  auto header = EncodeFrameHeader(transfer::Data::kType, 0xFFFFFFFF);
  attack.insert(attack.end(), header.begin(), header.end());
  attack.resize(attack.size() + (1 << 20), 0x42);
  ExpectRefused(attack, "not of the protocol");
#if !defined(__SANITIZE_ADDRESS__)
  EXPECT_LT(std::stol(StatusField(Half::kSend, "VmHWM")), 16384);
#endif
}

TEST_F(DiodeAttackTest, CannotUseNamesThatAreNotOneHarmlessComponent) {
  for (const char* name :
       {"../../etc/passwd", "a/b", "..", ".", ".bashrc", "-rf", "", "a\\b", "line\nbreak",
        "\x1b[2J", "\xff\xfe", "gpj.\u202eexe", "dot.", "space "}) {
    LowSends(Begin(name, 0));
    LowSends(Encoded(transfer::End{Sha256Of({})}));
  }
  ASSERT_TRUE(Until([&] { return Decisions(Decision::kRefused).size() == 14; }));
  for (const auto& d : Decisions(Decision::kRefused)) {
    EXPECT_TRUE(d.reason.starts_with("the name is refused: ")) << d.reason;
    for (char c : d.name) EXPECT_TRUE(c >= ' ' && c < 0x7f) << "not printable";
  }
  ExpectHonestFilePasses();
}

TEST_F(DiodeAttackTest, CannotSendContentWithAnotherDigest) {
  GuestFile file = MakeFile(1, 1000);
  Bytes bytes = file.Frames();
  bytes.back() ^= 1;
  ExpectRefused(bytes, "has not the digest");
}

TEST_F(DiodeAttackTest, CannotSendMoreThanItDeclared) {
  Bytes attack = Begin("a", 999);
  transfer::Data data;
  data.bytes.assign(1000, 7);
  attack += Encoded(data);
  attack += Encoded(transfer::End{Sha256Of(data.bytes)});
  ExpectRefused(attack, "more bytes came than were declared");
}

TEST_F(DiodeAttackTest, CannotSendLessThanItDeclared) {
  Bytes attack = Begin("a", 1001);
  transfer::Data data;
  data.bytes.assign(1000, 7);
  attack += Encoded(data);
  attack += Encoded(transfer::End{Sha256Of(data.bytes)});
  ExpectRefused(attack, "fewer bytes came than were declared");
}

TEST_F(DiodeAttackTest, CannotDeclareMoreThanTheFlowAllows) {
  ExpectRefused(Begin("a", (4 << 20) + 1), "larger than the 4194304 bytes that the flow allows");
}

TEST_F(DiodeAttackTest, CannotDeclareASizeThatOverflows) {
  ExpectRefused(Begin("a", ~0ULL), "larger than");
}

TEST_F(DiodeAttackTest, CannotKeepRoomReservedByBeginningAgainAndAgain) {
  // Each takes the largest size; together many times the quota.
  for (int i = 0; i < 50; ++i) LowSends(Begin("a", 4 << 20));
  ExpectRefused(Encoded(transfer::Abort{}), "its sender gave it up");
  EXPECT_FALSE(Refused("quota"));
}

TEST_F(DiodeAttackTest, CannotHideAFileWithinGarbage) {
  Bytes garbage;
  for (std::uint8_t i = 0; i < 64; ++i) garbage += MakeFile(i, 4099).content;
  LowSends(garbage);
  LowSends(Bytes(300'000, 'B'));
  ExpectHonestFilePasses();
  EXPECT_THAT(Decisions(Decision::kRefused), IsEmpty());
}

TEST_F(DiodeAttackTest, CannotSendFramesOfOtherProtocolsWithinAFile) {
  Bytes attack = Begin("a", 10);
  attack += EncodeFrame(1, Bytes(10));
  ExpectRefused(attack, "malformed");
}

TEST_F(DiodeAttackTest, CannotHaltItWithMalformedMessages) {
  for (std::uint16_t type = 200; type < 206; ++type) {
    for (std::size_t size : {0, 1, 3, 4, 31, 200}) LowSends(EncodeFrame(type, Bytes(size, 0xFF)));
  }
  ExpectHonestFilePasses();
}

TEST_F(DiodeAttackTest, CannotReplaceAFileByAnotherOfTheSameId) {
  GuestFile first = MakeFile(7, 5000, "first"), second = MakeFile(7, 6000, "second");
  LowSends(first.Frames());
  LowSends(second.Frames());
  ASSERT_TRUE(Until([&] { return Refused("same id is on its way already"); }));
  ASSERT_TRUE(Until([&] { return HasArrived(first); }));
  EXPECT_EQ(1, arrived_[first.id].times);
}

TEST_F(DiodeAttackTest, CannotFillTheAuditLogWithRefusals) {
  Bytes flood;
  for (int i = 0; i < 5000; ++i) flood += Begin("../x", 1);
  LowSends(flood);
  ASSERT_TRUE(Until([&] { return Refused("more were refused too fast"); }));
  EXPECT_LT(Decisions(Decision::kRefused).size(), 300u);
  ExpectHonestFilePasses();
}

TEST_F(DiodeAttackTest, CannotLearnFromThePortWhatBecameOfAFile) {
  // Each fate once; the receiving half dies within.
  restart_ = true;
  LowSends(MakeFile(1, 5000).Frames());
  LowSends(Begin("../x", 5));
  ASSERT_TRUE(Until([&] { return HasArrived(MakeFile(1, 5000)) && Refused("name"); }));
  Kill(Half::kReceive);
  ASSERT_TRUE(Until([&] { return low_connections_ == 2; }));
  For(200ms);
  EXPECT_EQ(0u, low_heard_);
}

TEST_F(DiodeAttackTest, CannotReachTheReceivingLevelFromAPipeThatLies) {
  // A sending half that was broken into writes what it likes.
  Kill(Half::kSend);
  UniqueFd pipe(::open(paths_.FlowPipe("up").c_str(), O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(pipe);
  GuestFile file = MakeFile(3, 1000);
  Bytes lies = Encoded(transfer::StreamStart{});
  lies += Begin("../x", 0);
  lies += Begin("big", 1ULL << 40);
  Bytes wrong = file.Frames();
  wrong.back() ^= 1;
  lies += wrong;
  lies += Bytes(1000, 'x');
  ASSERT_TRUE(WriteFully(pipe.get(), lies.data(), lies.size()));
  ASSERT_TRUE(Until(
      [&] { return Refused("slash") && Refused("larger than") && Refused("has not the digest"); }));
  EXPECT_THAT(arrived_, IsEmpty());
  EXPECT_THAT(SpoolFiles(Half::kReceive), IsEmpty());
  // It says from whom: the host's word, not the pipe's.
  Bytes good = Encoded(transfer::StreamStart{});
  good += file.Frames();
  ASSERT_TRUE(WriteFully(pipe.get(), good.data(), good.size()));
  ASSERT_TRUE(Until([&] { return HasArrived(file); }));
  EXPECT_EQ("low", arrived_[file.id].begin.from);
}

TEST_F(DiodeAttackTest, CannotOpenThePipeTheOtherWay) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to take the halves' uids";
  ASSERT_TRUE(Until([&] { return hostd_.size() == 2; }));
  auto opens_as = [&](uid_t uid, int flags) {
    pid_t pid = ::fork();
    if (pid == 0) {
      if (::setgroups(0, nullptr) != 0 || ::setresgid(uid, uid, uid) != 0 ||
          ::setresuid(uid, uid, uid) != 0) {
        ::_exit(2);
      }
      ::_exit(::open(paths_.FlowPipe("up").c_str(), flags | O_NONBLOCK) >= 0 ? 1 : 0);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
  };
  EXPECT_EQ(0, opens_as(DiodeSendUid(1), O_RDONLY));
  EXPECT_EQ(0, opens_as(DiodeSendUid(1), O_RDWR));
  EXPECT_EQ(0, opens_as(DiodeReceiveUid(1), O_WRONLY));
  EXPECT_EQ(0, opens_as(DiodeReceiveUid(1), O_RDWR));
  EXPECT_EQ(1, opens_as(DiodeSendUid(1), O_WRONLY));
  EXPECT_EQ(1, opens_as(DiodeReceiveUid(1), O_RDONLY));
}

}  // namespace
}  // namespace bulkhead::diode
