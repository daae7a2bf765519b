// SPDX-License-Identifier: GPL-2.0-or-later
/// The daemon itself: as its own uid with the group disk only, behind its socket, over real loop
/// devices. Needs root and loop devices; skips else.
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <random>
#include <thread>

#include "device-broker/block_devices.h"
#include "device-broker/broker_client.h"
#include "device-broker/broker_protocol.h"
#include "tests/unit/broker/loop_device.h"
#include "tests/unit/broker/sample_policy.h"
#include "tests/unit/broker/scratch_folder.h"
#include "vmspec/base/identity.h"
#include "vmspec/base/process_spec.h"
#include "vmspec/base/socket.h"

namespace bulkhead::broker {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMediumBytes = 1 << 20;

class Brokerd : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    folder_.Write("medium.img", "first medium" + std::string(kMediumBytes - 12, '\0'));
    folder_.Write("other.img", "other medium" + std::string(kMediumBytes - 12, '\0'));
    loop_ = std::make_unique<LoopDevice>(folder_.path() + "/medium.img");
    if (!loop_->valid()) GTEST_SKIP() << "no loop device here";
    id_ = loop_->id();
    for (const char* name : {"/broker", "/state", "/state/broker"}) {
      std::filesystem::create_directory(folder_.path() + name);
      ASSERT_EQ(0, ::chown((folder_.path() + name).c_str(), kUidBroker, kUidBroker));
    }
    Start();
    Status set = client().SetPolicy(SampleSpec());
    ASSERT_TRUE(set) << set.error().message;
  }
  void TearDown() override {
    if (child_.pid > 0) Kill();
  }

  std::string Socket() const { return folder_.path() + "/broker/socket"; }
  BrokerClient client() const { return BrokerClient(Socket()); }

  void Start() {
    ProcessSpec spec;
    spec.argv = {BULKHEAD_BROKERD};
    spec.env = {"BULKHEAD_RUN_DIR=" + folder_.path(),
                "BULKHEAD_STATE_DIR=" + folder_.path() + "/state"};
    spec.run_as = {.uid = kUidBroker, .gid = kUidBroker, .groups = {::getgrnam("disk")->gr_gid}};
    auto child = Spawn(spec);
    ASSERT_TRUE(child) << child.error().message;
    child_ = std::move(*child);
    for (int i = 0; i < 500 && !ConnectUnix(Socket()); ++i) std::this_thread::sleep_for(10ms);
  }
  void Kill() {
    ::kill(child_.pid, SIGKILL);
    ::waitpid(child_.pid, nullptr, 0);
    child_.pid = -1;
  }
  bool IsAlive() { return ::waitpid(child_.pid, nullptr, WNOHANG) == 0; }

  Device Get() {
    auto devices = client().List();
    EXPECT_TRUE(devices) << devices.error().message;
    if (!devices) return {};
    for (const Device& device : *devices) {
      if (device.id == id_) return device;
    }
    return {};
  }
  template <typename R>
  void ExpectError(const R& result, ErrorCode code, const std::string& word) {
    ASSERT_FALSE(result);
    EXPECT_EQ(code, result.error().code) << result.error().message;
    EXPECT_NE(std::string::npos, result.error().message.find(word)) << result.error().message;
  }
  void TakeBack() {
    EXPECT_TRUE(client().BeginTakeBack(id_));
    Status released = client().Released(id_);
    EXPECT_TRUE(released) << released.error().message;
    EXPECT_EQ(DeviceState::kHost, Get().state);
  }
  void MakeFileSystem() {
    ProcessSpec mkfs;
    mkfs.argv = {"/sbin/mkfs.ext4", "-q", "-F", folder_.path() + "/medium.img"};
    mkfs.run_as = RunAs::Unchanged();
    mkfs.inherit_output = false;
    auto child = Spawn(mkfs);
    ASSERT_TRUE(child) << child.error().message;
    int status = -1;
    ASSERT_EQ(child->pid, ::waitpid(child->pid, &status, 0));
    ASSERT_EQ(0, status);
  }
  /// Sends bytes to the daemon and reads to the end.
  void Throw(const Bytes& bytes) {
    auto fd = ConnectUnix(Socket());
    ASSERT_TRUE(fd);
    ::send(fd->get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    ::shutdown(fd->get(), SHUT_WR);
    char answer[256];
    while (::recv(fd->get(), answer, sizeof answer, 0) > 0) {
    }
  }

  ScratchFolder folder_;
  std::unique_ptr<LoopDevice> loop_;
  std::string id_;
  Child child_;
};

std::string ReadStart(int fd) {
  char text[12] = {};
  ssize_t n = ::pread(fd, text, sizeof text, 0);
  return {text, n > 0 ? static_cast<std::size_t>(n) : 0};
}

TEST_F(Brokerd, S14LendsAMediumReadOnlyAndTakesItBack) {
  Device free = Get();
  EXPECT_EQ(DeviceState::kHost, free.state);
  EXPECT_EQ("medium.img", free.title);
  EXPECT_EQ(kMediumBytes, free.size_bytes);
  EXPECT_EQ("/dev/" + id_, free.path);
  auto lease = client().Lend(id_, "high", false);
  ASSERT_TRUE(lease) << lease.error().message;
  EXPECT_EQ("first medium", ReadStart(lease->fd.get()));
  EXPECT_EQ(-1, ::pwrite(lease->fd.get(), "x", 1, 0));
  EXPECT_EQ(EBADF, errno);
  ASSERT_TRUE(client().ConfirmAttached(id_, "high"));
  EXPECT_EQ(DeviceState::kInUse, Get().state);
  EXPECT_EQ("high", Get().level);
  lease->fd.reset();
  TakeBack();
}

TEST_F(Brokerd, LendsForWritingWhereTheSpecSaysSo) {
  ExpectError(client().Lend(id_, "high", true), ErrorCode::kRefused, "levels/high.toml:12");
  auto lease = client().Lend(id_, "mid", true);
  ASSERT_TRUE(lease) << lease.error().message;
  std::string block(4096, 'w');
  EXPECT_EQ(4096, ::pwrite(lease->fd.get(), block.data(), block.size(), 0));
  lease->fd.reset();
  TakeBack();
  EXPECT_EQ(block.substr(0, 12), folder_.Read("medium.img").substr(0, 12));
}

TEST_F(Brokerd, RunsWithoutPrivileges) {
  std::ifstream in("/proc/" + std::to_string(child_.pid) + "/status");
  std::string status{std::istreambuf_iterator<char>(in), {}};
  EXPECT_NE(std::string::npos, status.find("Seccomp:\t2"));
  EXPECT_NE(std::string::npos, status.find("NoNewPrivs:\t1"));
  EXPECT_NE(std::string::npos, status.find("CapEff:\t0000000000000000"));
}

TEST_F(Brokerd, I2LetsExactlyOneOfTwoLevelsWin) {
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> ready = 0;
    Result<Lease> leases[2] = {Fail(ErrorCode::kInternal, ""), Fail(ErrorCode::kInternal, "")};
    const char* levels[2] = {"high", "mid"};
    auto race = [&](int i) {
      for (++ready; ready < 2;) {
      }
      leases[i] = client().Lend(id_, levels[i], false);
    };
    std::thread first(race, 0);
    std::thread second(race, 1);
    first.join();
    second.join();
    int winner = leases[0] ? 0 : 1;
    ASSERT_TRUE(leases[winner]) << leases[winner].error().message;
    ExpectError(leases[1 - winner], ErrorCode::kBusy, levels[winner]);
    EXPECT_EQ(levels[winner], Get().level);
    leases[winner]->fd.reset();
    TakeBack();
  }
}

TEST_F(Brokerd, I2RefusesADeviceThatIsMounted) {
  // The mount is in a name space that brokerd does not see, as those of other services are.
  int told[2];
  int done[2];
  ASSERT_EQ(0, ::pipe2(told, O_CLOEXEC));
  ASSERT_EQ(0, ::pipe2(done, O_CLOEXEC));
  MakeFileSystem();
  pid_t child = ::fork();
  if (child == 0) {
    bool mounted = ::unshare(CLONE_NEWNS) == 0 &&
                   ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                   ::mount(loop_->path().c_str(), "/mnt", "ext4", MS_RDONLY, nullptr) == 0;
    (void)!::write(told[1], mounted ? "y" : "n", 1);
    char end = 0;
    ::close(done[1]);
    (void)!::read(done[0], &end, 1);
    ::_exit(0);
  }
  char answer = 0;
  ASSERT_EQ(1, ::read(told[0], &answer, 1));
  EXPECT_EQ('y', answer);
  ExpectError(client().Lend(id_, "high", false), ErrorCode::kBusy, "the host uses");
  EXPECT_EQ(DeviceState::kHost, Get().state);
  ::close(done[1]);
  ::waitpid(child, nullptr, 0);
  for (int fd : {told[0], told[1], done[0]}) ::close(fd);
  auto lease = client().Lend(id_, "high", false);
  EXPECT_TRUE(lease) << lease.error().message;
}

TEST_F(Brokerd, SaysWhereADeviceIsMounted) {
  Kill();
  ASSERT_EQ(0, ::unshare(CLONE_NEWNS));
  ASSERT_EQ(0, ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr));
  Start();
  MakeFileSystem();
  ASSERT_EQ(0, ::mount(loop_->path().c_str(), "/mnt", "ext4", MS_RDONLY, nullptr));
  EXPECT_EQ("the host uses it: mounted on /mnt", Get().note);
  ExpectError(client().Lend(id_, "high", false), ErrorCode::kBusy, "mounted on /mnt");
  ASSERT_EQ(0, ::umount("/mnt"));
  EXPECT_EQ("", Get().note);
  EXPECT_TRUE(client().Lend(id_, "high", false));
}

TEST_F(Brokerd, I2KeepsTheHostFromMountingWhatIsLent) {
  auto lease = client().Lend(id_, "high", false);
  ASSERT_TRUE(lease);
  EXPECT_EQ(-1, ::open(loop_->path().c_str(), O_RDONLY | O_EXCL | O_CLOEXEC));
  EXPECT_EQ(EBUSY, errno);
  // A copy of the descriptor keeps it so while brokerd is dead, and brokerd when there is none.
  Kill();
  EXPECT_EQ(-1, ::open(loop_->path().c_str(), O_RDONLY | O_EXCL | O_CLOEXEC));
  lease->fd.reset();
  Start();
  EXPECT_EQ(DeviceState::kBound, Get().state);
  EXPECT_EQ(-1, ::open(loop_->path().c_str(), O_RDONLY | O_EXCL | O_CLOEXEC));
  TakeBack();
}

TEST_F(Brokerd, I2IsNotToldThatADeviceIsFreeWhileItIsOpen) {
  auto lease = client().Lend(id_, "high", false);
  ASSERT_TRUE(client().ConfirmAttached(id_, "high"));
  ASSERT_TRUE(client().BeginTakeBack(id_));
  ExpectError(client().Released(id_), ErrorCode::kBusy, "open");
  Kill();
  Start();
  EXPECT_EQ(DeviceState::kDraining, Get().state);
  ExpectError(client().Released(id_), ErrorCode::kBusy, "open");
  lease->fd.reset();
  EXPECT_TRUE(client().Released(id_));
  EXPECT_EQ(DeviceState::kHost, Get().state);
}

TEST_F(Brokerd, I2KnowsAfterKillWhatIsLentAndByWhichRules) {
  auto lease = client().Lend(id_, "high", false);
  ASSERT_TRUE(client().ConfirmAttached(id_, "high"));
  Kill();
  Start();
  EXPECT_EQ(DeviceState::kInUse, Get().state);
  EXPECT_EQ("high", Get().level);
  EXPECT_EQ("", Get().note);
  ExpectError(client().Lend(id_, "mid", false), ErrorCode::kBusy, "high");
  lease->fd.reset();
  TakeBack();
  ExpectError(client().Lend(id_, "low", false), ErrorCode::kRefused, "devices.toml:4");
}

TEST_F(Brokerd, I2NeverLendsTwiceWhereverItIsKilled) {
  std::mt19937 random(3);
  for (int round = 0; round < 15; ++round) {
    std::atomic<bool> stop = false;
    auto ask = [&](const char* level) {
      BrokerClient asking = client();
      while (!stop) {
        auto lease = asking.Lend(id_, level, false);
        if (!lease) continue;
        // While this descriptor is open the kernel gives nobody else a claim.
        UniqueFd other(::open(loop_->path().c_str(), O_RDONLY | O_EXCL | O_CLOEXEC));
        EXPECT_FALSE(other);
        (void)asking.ConfirmAttached(id_, level);
        (void)asking.BeginTakeBack(id_);
        lease->fd.reset();
        (void)asking.Released(id_);
      }
    };
    std::thread high(ask, "high");
    std::thread mid(ask, "mid");
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 30000));
    Kill();
    stop = true;
    high.join();
    mid.join();
    Start();
    Device now = Get();
    ASSERT_EQ(id_, now.id);
    if (now.state != DeviceState::kHost) {
      const char* other = now.level == "high" ? "mid" : "high";
      ExpectError(client().Lend(id_, other, false), ErrorCode::kBusy, now.level);
      TakeBack();
    }
    auto lease = client().Lend(id_, "mid", false);
    ASSERT_TRUE(lease) << lease.error().message;
    lease->fd.reset();
    TakeBack();
  }
}

TEST_F(Brokerd, X4SeesThatALentLoopDeviceGotAnotherFile) {
  auto lease = client().Lend(id_, "high", false);
  ASSERT_TRUE(lease);
  // While somebody has it open the kernel only remembers that it shall be detached.
  loop_->Detach();
  EXPECT_EQ("", Get().note);
  EXPECT_EQ("first medium", ReadStart(lease->fd.get()));
  lease->fd.reset();
  Kill();
  LoopDevice other(folder_.path() + "/other.img", loop_->number());
  ASSERT_TRUE(other.valid());
  Start();
  EXPECT_EQ("the medium was removed or replaced while lent", Get().note);
  EXPECT_EQ("medium.img", Get().title);
  ExpectError(client().Lend(id_, "high", false), ErrorCode::kConflict, "removed or replaced");
  ExpectError(client().Lend(id_, "mid", false), ErrorCode::kBusy, "high");
  TakeBack();
  EXPECT_EQ("other.img", Get().title);
  auto again = client().Lend(id_, "high", false);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ("other medium", ReadStart(again->fd.get()));
}

TEST_F(Brokerd, TakesBackALoopDeviceThatIsGone) {
  auto lease = client().Lend(id_, "high", false);
  ASSERT_TRUE(lease);
  loop_->Detach();
  lease->fd.reset();
  EXPECT_TRUE(client().BeginTakeBack(id_));
  Status released = client().Released(id_);
  EXPECT_TRUE(released) << released.error().message;
  EXPECT_EQ("", Get().id);
}

TEST_F(Brokerd, SaysThatItsStateIsDamagedAndLendsNothing) {
  {
    auto lease = client().Lend(id_, "high", false);
  }
  Kill();
  folder_.Write("state/broker/lent", "not what was written");
  Start();
  ExpectError(client().Lend(id_, "high", false), ErrorCode::kCorrupt, "lent is damaged");
  ExpectError(client().List(), ErrorCode::kCorrupt, "remove that file");
  EXPECT_TRUE(IsAlive());
}

TEST_F(Brokerd, CannotBeAskedByAnotherUid) {
  pid_t child = ::fork();
  if (child == 0) {
    bool dropped = ::setresuid(LevelUid(1), LevelUid(1), LevelUid(1)) == 0;
    auto refused = client().Lend(id_, "high", false);
    ::_exit(dropped && !refused && refused.error().code == ErrorCode::kPermission ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(child, ::waitpid(child, &status, 0));
  EXPECT_EQ(0, status);
  EXPECT_EQ(DeviceState::kHost, Get().state);
}

TEST_F(Brokerd, CannotBeMadeToReadAFrameOf4GiB) {
  auto header = EncodeFrameHeader(SetPolicyRequest::kType, 0xffffffff);
  auto fd = ConnectUnix(Socket());
  ASSERT_TRUE(fd);
  FrameSocket socket(std::move(*fd), kMaxAnswerPayload);
  ASSERT_EQ(16, ::send(socket.fd(), header.data(), header.size(), MSG_NOSIGNAL));
  auto frame = socket.Receive(2s);
  ASSERT_TRUE(frame) << frame.error().message;
  auto answer = DecodeAnswer(frame->frame);
  ASSERT_TRUE(answer);
  auto* failed = std::get_if<FailedAnswer>(&*answer);
  ASSERT_NE(nullptr, failed);
  EXPECT_EQ(static_cast<int>(ErrorCode::kCorrupt), failed->code);
  EXPECT_TRUE(IsAlive());
}

TEST_F(Brokerd, CannotBeBroughtDownByGarbage) {
  std::mt19937 random(11);
  Bytes policy = EncodePolicy(PolicyOf(SampleSpec()));
  const Request requests[] = {SetPolicyRequest{policy}, LendRequest{id_, "none", false},
                              ListRequest{}, ReleasedRequest{"../" + id_}};
  for (int round = 0; round < 100; ++round) {
    Bytes frame = Encode(requests[random() % 4]);
    // Half of the time behind a header that is whole, so that the fault is in the message.
    std::size_t first = round % 2 == 0 && frame.size() > kFrameHeaderBytes ? kFrameHeaderBytes : 0;
    for (int n = 0; n < 3; ++n) {
      frame[first + random() % (frame.size() - first)] = static_cast<std::uint8_t>(random());
    }
    Throw(frame);
  }
  EXPECT_TRUE(IsAlive());
  EXPECT_TRUE(client().SetPolicy(SampleSpec()));
  EXPECT_EQ("", Get().level);
}

TEST_F(Brokerd, CannotBeHeldUpByOneWhoDawdles) {
  std::vector<UniqueFd> dawdlers;
  Bytes frame = Encode(Request(ListRequest{}));
  for (int i = 0; i < 7; ++i) {
    dawdlers.push_back(std::move(ConnectUnix(Socket()).value()));
    ::send(dawdlers.back().get(), frame.data(), 5, MSG_NOSIGNAL);
  }
  auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(id_, Get().id);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 2s);
  // With all places taken the next one waits for the deadline of the first.
  dawdlers.push_back(std::move(ConnectUnix(Socket()).value()));
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(id_, Get().id);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 8s);
}

TEST_F(Brokerd, CannotBeGivenDescriptors) {
  auto fd = ConnectUnix(Socket());
  ASSERT_TRUE(fd);
  auto count = [&] {
    auto at = std::filesystem::directory_iterator("/proc/" + std::to_string(child_.pid) + "/fd");
    return std::distance(begin(at), end(at));
  };
  FrameSocket socket(std::move(*fd), kMaxAnswerPayload);
  std::this_thread::sleep_for(100ms);
  auto before = count();
  // A frame that is not whole yet, with three descriptors beside it.
  Bytes frame = Encode(Request(ListRequest{}));
  ASSERT_TRUE(WriteAll(socket.fd(), ByteView(frame).first(8), 1s, {0, 1, 2}));
  std::this_thread::sleep_for(100ms);
  EXPECT_EQ(before, count());
  ASSERT_TRUE(WriteAll(socket.fd(), ByteView(frame).subspan(8), 1s));
  EXPECT_TRUE(socket.Receive(2s));
}

TEST_F(Brokerd, CannotBeAskedWithAPath) {
  for (const std::string& id : {"../dev/" + id_, "/dev/" + id_, id_ + "/../sda", std::string()}) {
    ExpectError(client().Lend(id, "high", false), ErrorCode::kInvalid, "id");
  }
}

TEST_F(Brokerd, CannotBeGivenAnotherMediumBetweenJudgingAndOpening) {
  auto devices = BlockDevices::Open({});
  ASSERT_TRUE(devices);
  auto media = devices->Enumerate().value();
  auto judged = std::ranges::find(media, id_, &Medium::id);
  ASSERT_NE(media.end(), judged);
  loop_->Detach();
  LoopDevice other(folder_.path() + "/other.img", loop_->number());
  ASSERT_TRUE(other.valid());
  ExpectError(devices->Claim(*judged, false), ErrorCode::kConflict, "was changed just now");
  // Nothing of it stays open.
  EXPECT_TRUE(UniqueFd(::open(loop_->path().c_str(), O_RDONLY | O_EXCL | O_CLOEXEC)));
}

TEST_F(Brokerd, CannotLendThroughASymbolicLink) {
  // In brokerd's own name space the node's place is taken by a link to another device.
  LoopDevice other(folder_.path() + "/other.img");
  ASSERT_TRUE(other.valid());
  Kill();
  ASSERT_EQ(0, ::unshare(CLONE_NEWNS));
  ASSERT_EQ(0, ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr));
  ASSERT_EQ(0, ::mount("tmpfs", "/dev", "tmpfs", 0, nullptr));
  ASSERT_EQ(0, ::mknod("/dev/real", S_IFBLK | 0666, makedev(7, other.number())));
  ASSERT_EQ(0, ::mknod("/dev/null", S_IFCHR | 0666, makedev(1, 3)));
  ASSERT_EQ(0, ::symlink("/dev/real", loop_->path().c_str()));
  Start();
  ExpectError(client().Lend(id_, "high", false), ErrorCode::kConflict, "not the device");
  ASSERT_EQ(0, ::unlink(loop_->path().c_str()));
  // A node of another device under the name.
  ASSERT_EQ(0, ::mknod(loop_->path().c_str(), S_IFBLK | 0666, makedev(7, other.number())));
  ExpectError(client().Lend(id_, "high", false), ErrorCode::kConflict, "not the device");
  ASSERT_EQ(0, ::umount2("/dev", MNT_DETACH));
}

// A brokerd that hangs still has its socket: connections queue up there, and nobody answers.
TEST(BrokerClient, WaitsForABrokerThatHangsNoLongerThanItWasTold) {
  char folder[] = "/tmp/broker-client-XXXXXX";
  ASSERT_NE(nullptr, ::mkdtemp(folder));
  std::string path = std::string(folder) + "/socket";
  auto listener = ListenUnix(path, 0600);
  ASSERT_TRUE(listener) << listener.error().message;
  auto begin = std::chrono::steady_clock::now();
  auto devices = BrokerClient(path, std::chrono::milliseconds(200)).List();
  auto took = std::chrono::steady_clock::now() - begin;
  ASSERT_FALSE(devices);
  EXPECT_EQ(ErrorCode::kOutcomeUnknown, devices.error().code);
  EXPECT_LT(took, std::chrono::seconds(2));
  EXPECT_GE(took, std::chrono::milliseconds(150));
  std::filesystem::remove_all(folder);
}

TEST(BrokerClient, SaysThatNobodyListens) {
  auto refused = BrokerClient("/tmp/no-such-socket").List();
  ASSERT_FALSE(refused);
  EXPECT_EQ(ErrorCode::kUnavailable, refused.error().code);
}

}  // namespace
}  // namespace bulkhead::broker
