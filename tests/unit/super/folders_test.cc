// SPDX-License-Identifier: GPL-2.0-or-later
#include "hostd/super/folders.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "hostd/super/instance_folders.h"
#include "hostd/super/machine.h"
#include "vmspec/base/identity.h"
#include "vmspec/base/socket.h"

namespace bulkhead::super {
namespace {

using hostd::ServiceInstance;
using Kind = ServiceInstance::Kind;
namespace fs = std::filesystem;

/// While it lives, this thread's only power is to give files away: what superd's systemd unit
/// leaves it for folders.
class OnlyChown {
 public:
  OnlyChown() {
    ::syscall(SYS_capget, &header_, before_);
    __user_cap_data_struct now[2] = {before_[0], before_[1]};
    now[0].effective = 1U << CAP_CHOWN;
    now[1].effective = 0;
    works = ::syscall(SYS_capset, &header_, now) == 0;
  }
  ~OnlyChown() { ::syscall(SYS_capset, &header_, before_); }
  OnlyChown(const OnlyChown&) = delete;
  OnlyChown& operator=(const OnlyChown&) = delete;
  bool works = false;

 private:
  __user_cap_header_struct header_{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct before_[2] = {};
};

class FoldersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can give folders away";
    char folder[] = "/tmp/folders-test-XXXXXX";
    ASSERT_NE(nullptr, ::mkdtemp(folder));
    top_ = folder;
    fd_.reset(::open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    paths_.run = top_ + "/run";
    paths_.state = top_ + "/state";
    fs::create_directories(paths_.run);
    fs::create_directories(paths_.state);
  }
  void TearDown() override {
    if (!top_.empty()) fs::remove_all(top_);
  }

  static std::string Seen(const std::string& path) {
    struct stat s{};
    if (::lstat(path.c_str(), &s) != 0) return "missing";
    char text[64];
    std::snprintf(text, sizeof text, "%u:%u %06o", s.st_uid, s.st_gid, s.st_mode);
    return text;
  }
  static std::string Should(uid_t uid, gid_t gid, unsigned mode) {
    char text[64];
    std::snprintf(text, sizeof text, "%u:%u %06o", uid, gid, mode);
    return text;
  }
  static std::vector<ServiceInstance> TwoLevels() {
    return {{Kind::kAgentd, "low", 1, "low", 1, "", 0, 0, 0},
            {Kind::kAgentd, "high", 2, "high", 2, "", 0, 0, 0},
            {Kind::kDiodeSend, "up", 3, "low", 1, "high", 1, 1, 1},
            {Kind::kDiodeReceive, "up", 3, "high", 2, "low", 1, 1, 1}};
  }

  [[nodiscard]] Status Make(const std::vector<ServiceInstance>& instances) const {
    OnlyChown power;
    if (!power.works) return Fail(ErrorCode::kInternal, "the test could not give up its powers");
    return MakeInstanceFolders(paths_, instances);
  }

  std::string top_;
  UniqueFd fd_;
  Paths paths_;
};

TEST_F(FoldersTest, InstancesGetTheFoldersOfTheProtocolsTable) {
  for (int again = 0; again < 2; ++again) {
    ASSERT_TRUE(Make(TwoLevels()));
    std::string low = paths_.run + "/channels/low";
    EXPECT_EQ(Should(0, 0, 040711), Seen(paths_.run + "/channels"));
    EXPECT_EQ(Should(0, 0, 040711), Seen(low));
    EXPECT_EQ(Should(0, AgentdUid(1), 040710), Seen(low + "/control"));
    EXPECT_EQ(Should(0, kUidHostd, 040710), Seen(low + "/console"));
    EXPECT_EQ(Should(0, DiodeSendUid(3), 040710), Seen(low + "/out.up"));
    EXPECT_EQ(Should(0, DiodeReceiveUid(3), 040710), Seen(paths_.run + "/channels/high/in.up"));
    EXPECT_EQ(Should(DiodeSendUid(3), DiodeReceiveUid(3), 010240), Seen(paths_.FlowPipe("up")));
    EXPECT_EQ(Should(DiodeSendUid(3), DiodeSendUid(3), 040700),
              Seen(paths_.FlowSpool("up", "send")));
    EXPECT_EQ(Should(DiodeReceiveUid(3), DiodeReceiveUid(3), 040700),
              Seen(paths_.FlowSpool("up", "receive")));
  }
}

TEST_F(FoldersTest, HostdComesToAConsoleThatBelongsToItsLevel) {
  ASSERT_TRUE(Make(TwoLevels()));
  ASSERT_EQ(0, ::chmod(top_.c_str(), 0711));
  std::string path = paths_.run + "/channels/low/console/sock";
  mode_t old = ::umask(0002);  // libvirt's
  auto listener = ListenUnix(path, 0775);
  ::umask(old);
  ASSERT_TRUE(listener) << listener.error().message;
  ASSERT_EQ(0, ::lchown(path.c_str(), LevelUid(1), LevelUid(1)));
  for (auto [uid, may] : {std::pair{kUidHostd, true}, {kUidNetd, false}}) {
    pid_t child = ::fork();
    if (child == 0) {
      // hostd passes through the folder by its group.
      if (::setgroups(0, nullptr) != 0 || ::setgid(kUidHostd) != 0 || ::setuid(uid) != 0)
        ::_exit(2);
      ::_exit(ConnectUnix(path) ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(child, ::waitpid(child, &status, 0));
    EXPECT_EQ(may ? 0 : 1, WEXITSTATUS(status)) << uid;
  }
}

TEST_F(FoldersTest, KvmIsForTheUidsOfLevelsAndItsGroupAlone) {
  std::string node = top_ + "/kvm";
  std::ofstream(node).flush();
  ASSERT_EQ(0, ::chmod(top_.c_str(), 0711));
  ASSERT_EQ(0, ::chmod(node.c_str(), 0660));
  auto opens = [&](uid_t uid) {
    pid_t child = ::fork();
    if (child == 0) {
      if (::setgroups(0, nullptr) != 0 || ::setgid(uid) != 0 || ::setuid(uid) != 0) ::_exit(2);
      ::_exit(::open(node.c_str(), O_RDWR) >= 0 ? 0 : 1);
    }
    int status = 0;
    return ::waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 0;
  };
  {
    OnlyChown power;
    ASSERT_TRUE(LetUseKvm({LevelUid(7), LevelUid(1)}, node));
  }
  EXPECT_TRUE(opens(LevelUid(1)));
  EXPECT_TRUE(opens(LevelUid(7)));
  EXPECT_FALSE(opens(LevelUid(2)));
  ASSERT_TRUE(LetUseKvm({}, node));
  EXPECT_FALSE(opens(LevelUid(1)));
  EXPECT_EQ(Should(0, 0, 0100660), Seen(node));
  EXPECT_TRUE(LetUseKvm({LevelUid(1)}, top_ + "/none"));
}

TEST_F(FoldersTest, WrongOwnersAndModesAreMadeRight) {
  ASSERT_TRUE(Make(TwoLevels()));
  ASSERT_EQ(0, ::chmod(paths_.FlowPipe("up").c_str(), 0666));
  ASSERT_EQ(0, ::chown((paths_.run + "/channels/low").c_str(), 1000, 1000));
  ASSERT_EQ(0, ::chmod((paths_.run + "/channels/low").c_str(), 0777));
  ASSERT_TRUE(Make(TwoLevels()));
  EXPECT_EQ(Should(DiodeSendUid(3), DiodeReceiveUid(3), 010240), Seen(paths_.FlowPipe("up")));
  EXPECT_EQ(Should(0, 0, 040711), Seen(paths_.run + "/channels/low"));
}

TEST_F(FoldersTest, SpoolOfAFlowWhoseIndexChangedGoesToItsNewHalfWhole) {
  ASSERT_TRUE(Make(TwoLevels()));
  std::string spool = paths_.FlowSpool("up", "send");
  fs::create_directory(spool + "/inner");
  std::ofstream(spool + "/inner/file") << "x";
  fs::create_symlink("/etc/passwd", spool + "/link");
  std::string passwd = Seen("/etc/passwd");
  auto list = TwoLevels();
  list[2].index = list[3].index = 4;
  ASSERT_TRUE(Make(list));
  EXPECT_EQ(Should(DiodeSendUid(4), DiodeSendUid(4), 040700), Seen(spool));
  EXPECT_THAT(Seen(spool + "/inner/file"), ::testing::StartsWith(std::to_string(DiodeSendUid(4))));
  EXPECT_THAT(Seen(spool + "/link"), ::testing::StartsWith(std::to_string(DiodeSendUid(4))));
  EXPECT_EQ(passwd, Seen("/etc/passwd"));
}

TEST_F(FoldersTest, RemovedInstancesLeaveNoEmptyFolderButTheirSpool) {
  auto list = TwoLevels();
  ASSERT_TRUE(Make(list));
  std::ofstream(paths_.ChannelSocket("high", "in.up")) << "a machine still runs";
  for (const auto& i : list) RemoveInstanceFolders(paths_, i);
  EXPECT_EQ("missing", Seen(paths_.run + "/channels/low"));
  EXPECT_NE("missing", Seen(paths_.ChannelSocket("high", "in.up")));
  EXPECT_NE("missing", Seen(paths_.FlowSpool("up", "send")));
}

/// Plants a symlink to a folder that nobody may touch in place of `victim`.
class PlantedLink : public FoldersTest {
 protected:
  void ExpectRefused(const std::string& victim) {
    std::string secret = top_ + "/secret";
    fs::create_directory(secret);
    ASSERT_EQ(0, ::chmod(secret.c_str(), 0700));
    fs::create_directories(fs::path(victim).parent_path());
    ASSERT_EQ(0, ::symlink(secret.c_str(), victim.c_str()));
    auto s = Make(TwoLevels());
    ASSERT_FALSE(s) << victim;
    EXPECT_THAT(s.error().message, ::testing::HasSubstr("in the way"));
    EXPECT_EQ(Should(0, 0, 040700), Seen(secret));
    EXPECT_TRUE(fs::is_empty(secret)) << "something was made behind the link";
    fs::remove(victim);
    fs::remove(secret);
  }
};

TEST_F(PlantedLink, CannotLeadElsewhereFromAnyPlace) {
  for (const char* place :
       {"/run/channels", "/run/channels/low", "/run/channels/low/control",
        "/run/channels/low/console", "/run/channels/low/out.up", "/run/flows", "/run/flows/up",
        "/run/flows/up/pipe", "/state/flows", "/state/flows/up", "/state/flows/up/send"}) {
    fs::remove_all(paths_.run);
    fs::remove_all(paths_.state);
    fs::create_directories(paths_.run);
    fs::create_directories(paths_.state);
    ExpectRefused(top_ + place);
  }
}

TEST_F(FoldersTest, CannotBeATrickedByAFileWhereAFolderBelongs) {
  std::ofstream(paths_.run + "/channels") << "x";
  auto s = Make(TwoLevels());
  ASSERT_FALSE(s);
  EXPECT_EQ(ErrorCode::kConflict, s.error().code);
}

TEST_F(FoldersTest, CannotBeTrickedByADeviceWhereTheFifoBelongs) {
  fs::create_directories(paths_.run + "/flows/up");
  if (::mknod(paths_.FlowPipe("up").c_str(), S_IFCHR | 0600, 0x0103) != 0) {
    GTEST_SKIP() << "this container may make no device node";
  }
  EXPECT_FALSE(Make(TwoLevels()));
  EXPECT_EQ(Should(0, 0, 020600), Seen(paths_.FlowPipe("up")));
}

/// Somebody who owns the parent swaps folder and symlink as fast as possible. Whatever the moment,
/// the folder behind the link keeps its owner.
TEST_F(FoldersTest, CannotWinTheRaceWithASymlink) {
  std::string secret = top_ + "/secret";
  std::string place = top_ + "/place";
  std::string link = top_ + "/link";
  fs::create_directory(secret);
  fs::create_directory(place);
  ASSERT_EQ(0, ::symlink(secret.c_str(), link.c_str()));
  std::atomic<bool> done = false;
  std::thread attacker([&] {
    while (!done) ::renameat2(AT_FDCWD, place.c_str(), AT_FDCWD, link.c_str(), RENAME_EXCHANGE);
  });
  int refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    auto made = MakeFolderAt(fd_.get(), "place", {1234, 1234, 0710});
    if (!made) ++refused;
  }
  done = true;
  attacker.join();
  struct stat s{};
  ASSERT_EQ(0, ::stat(secret.c_str(), &s));
  EXPECT_EQ(0u, s.st_uid);
  EXPECT_GT(refused, 0) << "the race did not happen";
}

TEST_F(FoldersTest, CannotFollowAFifoSwappedForASymlink) {
  std::string secret = top_ + "/secret";
  std::ofstream(secret) << "x";
  ASSERT_TRUE(MakeFifoAt(fd_.get(), "place", {1, 1, 0240}));
  std::string link = top_ + "/link";
  std::string place = top_ + "/place";
  ASSERT_EQ(0, ::symlink(secret.c_str(), link.c_str()));
  std::atomic<bool> done = false;
  std::thread attacker([&] {
    while (!done) ::renameat2(AT_FDCWD, place.c_str(), AT_FDCWD, link.c_str(), RENAME_EXCHANGE);
  });
  // The owner changes each time, so that each time something is to do.
  for (uid_t i = 0; i < 20'000; ++i) (void)MakeFifoAt(fd_.get(), "place", {1000 + i, 1, 0240});
  done = true;
  attacker.join();
  struct stat s{};
  ASSERT_EQ(0, ::stat(secret.c_str(), &s));
  EXPECT_EQ(0u, s.st_uid);
}

TEST_F(FoldersTest, AUserMayUseWhatItsOwnGroupsOrOthersMay) {
  std::string node = top_ + "/node";
  std::ofstream{node};
  const auto* nobody = ::getpwnam("nobody");
  ASSERT_NE(nobody, nullptr);
  auto may = [&](uid_t uid, gid_t gid, mode_t mode) {
    EXPECT_EQ(0, ::chown(node.c_str(), uid, gid));
    EXPECT_EQ(0, ::chmod(node.c_str(), mode));
    return MayUse("nobody", node);
  };
  EXPECT_FALSE(may(0, 0, 0660)) << "/dev/kvm of a group that it is not in";
  EXPECT_TRUE(may(0, nobody->pw_gid, 0660));
  EXPECT_FALSE(may(0, nobody->pw_gid, 0646)) << "its group has less than others";
  EXPECT_TRUE(may(0, 0, 0666));
  EXPECT_FALSE(may(0, 0, 0664));
  EXPECT_TRUE(may(nobody->pw_uid, 0, 0600));
  EXPECT_FALSE(MayUse("nobody", top_ + "/missing"));
  EXPECT_FALSE(MayUse("no-such-user", node));
}

}  // namespace
}  // namespace bulkhead::super
