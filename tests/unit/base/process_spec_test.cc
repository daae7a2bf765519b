// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmspec/base/process_spec.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>

#include "vmspec/base/file.h"
#include "vmspec/base/identity.h"

namespace bulkhead {
namespace {

using ::testing::HasSubstr;

#define SKIP_UNLESS_ROOT() \
  if (::geteuid() != 0) GTEST_SKIP() << "only root can start a process as another user"

int WaitFor(const Child& child) {
  int status = 0;
  EXPECT_EQ(child.pid, ::waitpid(child.pid, &status, 0));
  return status;
}

/// Runs `argv` with its output caught; fails the test when it does not start.
std::string OutputOf(ProcessSpec spec) {
  int fds[2];
  EXPECT_EQ(0, ::pipe2(fds, O_CLOEXEC));
  UniqueFd read_end(fds[0]);
  UniqueFd write_end(fds[1]);
  spec.fds.emplace_back(write_end.get(), 1);
  auto child = Spawn(spec);
  write_end.reset();
  EXPECT_TRUE(child) << child.error().message;
  if (!child) return {};
  std::string out;
  char buffer[4096];
  for (ssize_t n; (n = ::read(read_end.get(), buffer, sizeof buffer)) > 0;) out.append(buffer, n);
  WaitFor(*child);
  return out;
}

/// /proc/self/status of the child, as "Uid" -> "1 1 1 1".
std::map<std::string, std::string> StatusOf(ProcessSpec spec) {
  spec.argv = {"/bin/cat", "/proc/self/status"};
  std::map<std::string, std::string> fields;
  std::istringstream lines(OutputOf(std::move(spec)));
  for (std::string line; std::getline(lines, line);) {
    auto colon = line.find(':');
    std::string value = line.substr(std::min(line.size(), colon + 2));
    for (char& c : value) c = c == '\t' ? ' ' : c;
    fields[line.substr(0, colon)] = value;
  }
  return fields;
}

RunAs Somebody() {
  RunAs who;
  who.uid = who.gid = AgentdUid(7);
  return who;
}

TEST(Spawn, RunsAsTheUserAndGroupsItSaysAndNoOther) {
  SKIP_UNLESS_ROOT();
  ProcessSpec spec;
  spec.run_as = Somebody();
  spec.run_as.groups = {LevelUid(7)};
  auto status = StatusOf(spec);
  std::string uid = std::to_string(AgentdUid(7));
  EXPECT_EQ(uid + " " + uid + " " + uid + " " + uid, status["Uid"]);
  EXPECT_EQ(uid + " " + uid + " " + uid + " " + uid, status["Gid"]);
  EXPECT_EQ(std::to_string(LevelUid(7)) + " ", status["Groups"]);
}

TEST(Spawn, LeavesNoCapabilityAndNoWayToGainOne) {
  SKIP_UNLESS_ROOT();
  ProcessSpec spec;
  spec.run_as = Somebody();
  auto status = StatusOf(spec);
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
    EXPECT_EQ("0000000000000000", status[set]) << set;
  }
  EXPECT_EQ("1", status["NoNewPrivs"]);
}

TEST(Spawn, KeepsExactlyTheCapabilitiesNamed) {
  SKIP_UNLESS_ROOT();
  ProcessSpec spec;
  spec.run_as = Somebody();
  spec.run_as.capabilities = {CAP_NET_ADMIN};
  auto status = StatusOf(spec);
  for (const char* set : {"CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
    EXPECT_EQ("0000000000001000", status[set]) << set;
  }
}

TEST(Spawn, RootWithoutCapabilitiesIsRootWithoutPower) {
  SKIP_UNLESS_ROOT();
  ProcessSpec spec;
  auto status = StatusOf(spec);
  EXPECT_EQ("0000000000000000", status["CapEff"]);
}

TEST(Spawn, UnchangedKeepsTheParentsIdentity) {
  ProcessSpec spec;
  spec.run_as = RunAs::Unchanged();
  std::string uid = std::to_string(::getuid());
  EXPECT_EQ(uid + " " + uid + " " + uid + " " + uid, StatusOf(spec)["Uid"]);
}

TEST(Spawn, WithoutNetworkTheChildHasANamespaceOfItsOwn) {
  SKIP_UNLESS_ROOT();
  ProcessSpec spec;
  spec.argv = {"/usr/bin/readlink", "/proc/self/ns/net"};
  spec.run_as = Somebody();
  std::string shared = OutputOf(spec);
  spec.run_as.network = false;
  std::string own = OutputOf(spec);
  EXPECT_THAT(own, HasSubstr("net:["));
  EXPECT_NE(shared, own);
}

TEST(Spawn, GivesTheEnvironmentAndNothingOfItsOwn) {
  ProcessSpec spec;
  spec.argv = {"/usr/bin/env"};
  spec.env = {"A=1", "B=two words"};
  spec.run_as = RunAs::Unchanged();
  EXPECT_EQ("A=1\nB=two words\n", OutputOf(spec));
}

TEST(Spawn, PlacesDescriptorsEvenWhenTheirNumbersCross) {
  UniqueFd a(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  UniqueFd b(::open("/dev/full", O_RDONLY | O_CLOEXEC));
  ProcessSpec spec;
  spec.argv = {"/bin/ls", "-l", "/proc/self/fd"};
  spec.run_as = RunAs::Unchanged();
  spec.fds = {{a.get(), b.get()}, {b.get(), a.get()}};
  std::string out = OutputOf(spec);
  EXPECT_THAT(out, HasSubstr(" " + std::to_string(b.get()) + " -> /dev/zero\n"));
  EXPECT_THAT(out, HasSubstr(" " + std::to_string(a.get()) + " -> /dev/full\n"));
}

TEST(Spawn, CannotLeakADescriptorBelowTheHighestWanted) {
  // Not close-on-exec, as somebody else's library may leave it.
  UniqueFd stray(::open("/dev/full", O_RDONLY));  // NOLINT
  UniqueFd wanted(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  ProcessSpec spec;
  spec.argv = {"/bin/ls", "-l", "/proc/self/fd"};
  spec.run_as = RunAs::Unchanged();
  spec.fds = {{wanted.get(), 100}};
  std::string out = OutputOf(spec);
  EXPECT_THAT(out, HasSubstr(" 100 -> /dev/zero"));
  EXPECT_THAT(out, ::testing::Not(HasSubstr("/dev/full")));
}

TEST(Spawn, RefusesDescriptorNumbersItCannotPlace) {
  UniqueFd fd(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  ProcessSpec spec;
  spec.argv = {"/bin/true"};
  spec.run_as = RunAs::Unchanged();
  spec.fds = {{fd.get(), 5000}};
  auto child = Spawn(spec);
  ASSERT_FALSE(child);
  EXPECT_THAT(child.error().message, HasSubstr("prepare descriptors"));
}

TEST(Spawn, CannotForkWhenItMayNot) {
  SKIP_UNLESS_ROOT();
  ProcessSpec spec;
  // The test program's own uid is never root's, for whom the limit does not count.
  spec.run_as = Somebody();
  spec.may_fork = false;
  spec.argv = {"/bin/sh", "-c", "/bin/true; echo forked"};
  EXPECT_EQ("", OutputOf(spec));
  spec.may_fork = true;
  EXPECT_EQ("forked\n", OutputOf(spec));
}

TEST(Spawn, SecondProcessOfAUidThatMayNotForkStillStarts) {
  SKIP_UNLESS_ROOT();
  ProcessSpec spec;
  spec.run_as = Somebody();
  spec.may_fork = false;
  spec.argv = {"/bin/sleep", "60"};
  auto first = Spawn(spec);
  ASSERT_TRUE(first) << first.error().message;
  auto second = Spawn(spec);
  EXPECT_TRUE(second) << second.error().message;
  ::kill(first->pid, SIGKILL);
  WaitFor(*first);
  if (!second) return;
  ::kill(second->pid, SIGKILL);
  WaitFor(*second);
}

TEST(Spawn, HoldsTheLimitsItSays) {
  SKIP_UNLESS_ROOT();
  ProcessSpec spec;
  spec.argv = {"/bin/cat", "/proc/self/limits"};
  spec.run_as = Somebody();
  spec.max_open_files = 33;
  spec.max_address_space_bytes = 512ULL << 20;
  std::string out = OutputOf(spec);
  EXPECT_THAT(out, ::testing::ContainsRegex("Max open files +33 +33 "));
  EXPECT_THAT(out, ::testing::ContainsRegex("Max address space +536870912 +536870912 "));
  EXPECT_THAT(out, ::testing::ContainsRegex("Max core file size +0 +0 "));
}

TEST(Spawn, AsksForNoMoreOpenFilesThanItsParentMayHave) {
  ProcessSpec spec;
  spec.argv = {"/bin/cat", "/proc/self/limits"};
  spec.run_as = RunAs::Unchanged();
  spec.max_open_files = 4'000'000'000;
  EXPECT_THAT(OutputOf(spec), HasSubstr("Max open files"));
}

TEST(Spawn, ShowsTheChildAFileOfOursAndNobodyElse) {
  SKIP_UNLESS_ROOT();
  auto before = ReadFile("/etc/hostname", 4096);
  if (!before) GTEST_SKIP() << "no /etc/hostname to cover here";
  std::string ours = ::testing::TempDir() + "file-view";
  ASSERT_TRUE(WriteFileAtomically(ours, "ours\n", 0644));
  ProcessSpec spec;
  spec.argv = {"/bin/cat", "/etc/hostname"};
  spec.run_as = Somebody();
  spec.file_views = {{ours, "/etc/hostname"}};
  EXPECT_EQ("ours\n", OutputOf(spec));
  EXPECT_EQ(*before, ReadFile("/etc/hostname", 4096).value());
  spec.file_views = {{"/no/such/file", "/etc/hostname"}};
  auto child = Spawn(spec);
  ASSERT_FALSE(child);
  EXPECT_THAT(child.error().message, HasSubstr("show its files"));
}

TEST(Spawn, SaysWhichStepFailedAndLeavesNoChild) {
  ProcessSpec spec;
  spec.argv = {"/no/such/program"};
  spec.run_as = RunAs::Unchanged();
  auto child = Spawn(spec);
  ASSERT_FALSE(child);
  EXPECT_EQ(ErrorCode::kNotFound, child.error().code);
  EXPECT_THAT(child.error().message, HasSubstr("/no/such/program: run"));
  EXPECT_EQ(-1, ::waitpid(-1, nullptr, WNOHANG));
  EXPECT_EQ(ECHILD, errno);
}

/// A checkout in /root: our daemons' users are not let through, and need not be.
TEST(Spawn, StartsAProgramBelowAFolderThatItsUserMayNotEnter) {
  SKIP_UNLESS_ROOT();
  char folder[] = "/tmp/spawn-private-XXXXXX";
  ASSERT_NE(nullptr, ::mkdtemp(folder));
  std::string program = std::string(folder) + "/id";
  std::filesystem::copy_file("/usr/bin/id", program);
  ASSERT_EQ(0, ::chmod(program.c_str(), 0755));
  ProcessSpec spec;
  spec.argv = {program, "-u"};
  spec.run_as = Somebody();
  EXPECT_EQ(OutputOf(spec), std::to_string(AgentdUid(7)) + "\n");
  // What is no program stays none.
  ASSERT_EQ(0, ::chmod(program.c_str(), 0644));
  auto refused = Spawn(spec);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("run: Permission denied"));
  std::filesystem::remove_all(folder);
}

TEST(Spawn, CannotSearchForAProgram) {
  ProcessSpec spec;
  spec.argv = {"true"};
  EXPECT_FALSE(Spawn(spec));
  spec.argv = {};
  EXPECT_FALSE(Spawn(spec));
}

TEST(Spawn, StartsWithDefaultSignalsAndNoneBlocked) {
  sigset_t block, before;
  sigfillset(&block);
  ::sigprocmask(SIG_SETMASK, &block, &before);
  ::signal(SIGPIPE, SIG_IGN);
  ProcessSpec spec;
  spec.run_as = RunAs::Unchanged();
  auto status = StatusOf(spec);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  EXPECT_EQ("0000000000000000", status["SigBlk"]);
  EXPECT_EQ("0000000000000000", status["SigIgn"]);
}

/// Starts `spec` from a parent that is then killed; the child's pidfd, from the grandparent's view.
void ExpectEndsWithItsParent(const ProcessSpec& spec) {
  int fds[2];
  ASSERT_EQ(0, ::pipe2(fds, 0));
  UniqueFd alive(fds[0]);
  pid_t parent = ::fork();
  if (parent == 0) {
    ProcessSpec child = spec;
    child.fds.emplace_back(fds[1], 1);
    if (!Spawn(child)) ::_exit(1);
    ::close(fds[1]);
    ::kill(::getpid(), SIGKILL);
  }
  ::close(fds[1]);
  ::waitpid(parent, nullptr, 0);
  // The pipe's end is the child's end: nobody else holds it.
  pollfd p{alive.get(), POLLIN, 0};
  EXPECT_EQ(1, ::poll(&p, 1, 5000)) << "the child outlived its parent";
}

TEST(Spawn, ChildDiesWithItsParentWhateverItRunsAs) {
  SKIP_UNLESS_ROOT();
  ProcessSpec spec;
  spec.argv = {"/bin/sleep", "60"};
  spec.run_as = Somebody();
  ExpectEndsWithItsParent(spec);
  spec.run_as.capabilities = {CAP_NET_ADMIN};
  ExpectEndsWithItsParent(spec);
  spec.run_as = RunAs::Unchanged();
  ExpectEndsWithItsParent(spec);
}

TEST(Identity, RangesDoNotOverlapAndStayBelowTheReservedEnd) {
  EXPECT_LT(kUidBroker, LevelUid(1));
  EXPECT_LT(LevelUid(kMaxLevelIndex), AgentdUid(1));
  EXPECT_LT(AgentdUid(kMaxLevelIndex), DiodeSendUid(1));
  EXPECT_LT(DiodeSendUid(kMaxFlowIndex), DiodeReceiveUid(1));
  EXPECT_LT(DiodeReceiveUid(kMaxFlowIndex), 2'147'483'647u) << "some tools keep uids signed";
}

TEST(Identity, LiesOutsideWhatDistributionsHandOut) {
  // systemd: dynamic users 61184..65519, containers 524288..1879048191, foreign 2147352576..
  EXPECT_GT(kUidBase, 1'879'048'191u);
  EXPECT_LT(DiodeReceiveUid(kMaxFlowIndex), 2'147'352'576u);
}

}  // namespace
}  // namespace bulkhead
