// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/diode/rig.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "vmspec/base/identity.h"

namespace bulkhead::diode {

namespace {

uid_t UidOf(Half half) { return half == Half::kSend ? DiodeSendUid(1) : DiodeReceiveUid(1); }
const char* SideOf(Half half) { return half == Half::kSend ? "send" : "receive"; }
bool IsRoot() { return ::geteuid() == 0; }

void MakeFolder(const std::string& path, uid_t uid, mode_t mode) {
  std::filesystem::create_directories(path);
  if (IsRoot()) {
    ASSERT_EQ(0, ::chown(path.c_str(), uid, uid));
  }
  ASSERT_EQ(0, ::chmod(path.c_str(), mode));
}

}  // namespace

Bytes Encoded(const transfer::Message& message) { return transfer::Encode(message); }

Bytes& operator+=(Bytes& to, const Bytes& more) {
  to.insert(to.end(), more.begin(), more.end());
  return to;
}

GuestFile MakeFile(std::uint8_t seed, std::size_t size, std::string name) {
  GuestFile file;
  file.id.fill(seed);
  file.name = std::move(name);
  file.content.resize(size);
  std::uint32_t state = seed * 2654435761u + 1;
  for (auto& byte : file.content) {
    state = state * 1664525u + 1013904223u;
    byte = static_cast<std::uint8_t>(state >> 24);
  }
  return file;
}

Bytes GuestFile::Frames(std::size_t frame_bytes) const {
  Bytes all = Encoded(transfer::Begin{id, name, "a lie", content.size(), 1});
  for (std::size_t at = 0; at < content.size(); at += frame_bytes) {
    std::size_t n = std::min(frame_bytes, content.size() - at);
    transfer::Data data;
    data.bytes.assign(content.begin() + static_cast<std::ptrdiff_t>(at),
                      content.begin() + static_cast<std::ptrdiff_t>(at + n));
    all += Encoded(data);
  }
  return all += Encoded(transfer::End{Sha256Of(content)});
}

// --- set up ------------------------------------------------------------------------------------

void Rig::SetUp() {
  if (std::getenv("BULKHEAD_TEST_DIODE_SEND") == nullptr) {
    GTEST_SKIP() << "BULKHEAD_TEST_DIODE_SEND does not name the program";
  }
  char folder[] = "/tmp/diode-test-XXXXXX";
  ASSERT_NE(nullptr, ::mkdtemp(folder));
  ASSERT_EQ(0, ::chmod(folder, 0755));
  paths_.run = std::string(folder) + "/run";
  paths_.state = std::string(folder) + "/state";
  MakeFolder(paths_.run + "/hostd", 0, 0755);
  MakeFolder(paths_.ChannelDir("low", "out.up"), UidOf(Half::kSend), 0700);
  MakeFolder(paths_.ChannelDir("high", "in.up"), UidOf(Half::kReceive), 0700);
  MakeFolder(paths_.FlowSpool("up", "send"), UidOf(Half::kSend), 0700);
  MakeFolder(paths_.FlowSpool("up", "receive"), UidOf(Half::kReceive), 0700);
  // As superd makes it.
  std::string pipe = paths_.FlowPipe("up");
  MakeFolder(pipe.substr(0, pipe.rfind('/')), 0, 0711);
  ASSERT_EQ(0, ::mkfifo(pipe.c_str(), 0600));
  if (IsRoot()) {
    ASSERT_EQ(0, ::chown(pipe.c_str(), UidOf(Half::kSend), UidOf(Half::kReceive)));
    ASSERT_EQ(0, ::chmod(pipe.c_str(), 0240));
  }
  auto listen = [](const std::string& path) {
    auto fd = ListenUnix(path, 0666);
    EXPECT_TRUE(fd) << fd.error().message;
    return fd ? std::move(*fd) : UniqueFd();
  };
  low_listener_ = listen(paths_.ChannelSocket("low", "out.up"));
  high_listener_ = listen(paths_.ChannelSocket("high", "in.up"));
  StartHostd();
}

void Rig::TearDown() {
  for (auto& [half, child] : children_) {
    if (child.pid <= 0) continue;
    ::kill(child.pid, SIGCONT);
    ::kill(child.pid, SIGKILL);
    ::waitpid(child.pid, nullptr, 0);
  }
  // The first promise of all, whatever the test was about (I3).
  EXPECT_EQ(0u, low_heard_) << "bytes reached the sending level";
  if (!paths_.run.empty()) {
    std::filesystem::remove_all(std::filesystem::path(paths_.run).parent_path());
  }
}

void Rig::Start(Half half, std::vector<std::string> through) {
  bool send = half == Half::kSend;
  ProcessSpec spec;
  spec.argv = std::move(through);
  bool alone = spec.argv.empty();
  std::vector<std::string> own = {
      std::getenv(send ? "BULKHEAD_TEST_DIODE_SEND" : "BULKHEAD_TEST_DIODE_RECEIVE"),
      "--flow",
      "up",
      "--level",
      send ? "low" : "high",
      send ? "--to" : "--from",
      send ? "high" : "low",
      "--max-file",
      std::to_string(max_file_),
      "--quota",
      std::to_string(quota_),
      "--max-files",
      std::to_string(max_files_)};
  spec.argv.insert(spec.argv.end(), own.begin(), own.end());
  spec.env = {"BULKHEAD_RUN_DIR=" + paths_.run, "BULKHEAD_STATE_DIR=" + paths_.state};
  if (const char* options = std::getenv("ASAN_OPTIONS")) {
    spec.env.push_back(std::string("ASAN_OPTIONS=") + options);
  }
  spec.run_as = RunAs::Unchanged();
  if (IsRoot()) {
    spec.run_as = {};
    spec.run_as.uid = spec.run_as.gid = UidOf(half);
    spec.run_as.network = false;
  }
  spec.may_fork = !alone;
  spec.max_open_files = 64;
#if !defined(__SANITIZE_ADDRESS__)
  if (alone) spec.max_address_space_bytes = 256ULL << 20;
#endif
  auto child = Spawn(spec);
  ASSERT_TRUE(child) << child.error().message;
  children_[half] = std::move(*child);
}

void Rig::Kill(Half half, int signal) {
  pid_t& pid = children_.at(half).pid;
  ::kill(pid, signal);
  ::waitpid(pid, nullptr, 0);
  pid = -1;
}

bool Rig::HasDied(Half half) {
  auto found = children_.find(half);
  if (found == children_.end() || found->second.pid <= 0) return true;
  if (::waitpid(found->second.pid, nullptr, WNOHANG) <= 0) return false;
  found->second.pid = -1;
  return true;
}

std::string Rig::StatusField(Half half, const std::string& field) const {
  std::ifstream status("/proc/" + std::to_string(Pid(half)) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field + ":")) {
      return line.substr(line.find_first_not_of(" \t", field.size() + 1));
    }
  }
  return {};
}

std::vector<std::string> Rig::SpoolFiles(Half half) const {
  std::vector<std::string> names;
  for (const auto& entry :
       std::filesystem::directory_iterator(paths_.FlowSpool("up", SideOf(half)))) {
    if (entry.path().filename() != "seen") names.push_back(entry.path().filename());
  }
  std::ranges::sort(names);
  return names;
}

// --- hostd -------------------------------------------------------------------------------------

void Rig::StopHostd() {
  hostd_.clear();
  hostd_listener_.reset();
  ::unlink(paths_.ReportSocket().c_str());
}

void Rig::StartHostd() {
  auto fd = ListenUnix(paths_.ReportSocket(), 0666);
  ASSERT_TRUE(fd) << fd.error().message;
  hostd_listener_ = std::move(*fd);
}

std::vector<report::Decision> Rig::Decisions(std::uint8_t verdict) const {
  std::vector<report::Decision> found;
  for (const auto& d : decisions_) {
    if (d.verdict == verdict) found.push_back(d);
  }
  return found;
}

bool Rig::Refused(const std::string& part_of_reason) const {
  for (const auto& d : Decisions(report::Decision::kRefused)) {
    if (d.reason.find(part_of_reason) != std::string::npos) return true;
  }
  return false;
}

void Rig::Say(Half half, const report::FromHostd& message) {
  for (auto& connection : hostd_) {
    if (connection->half != half) continue;
    (void)WriteAll(connection->fd.get(), report::Encode(message), 5s);
  }
}

void Rig::ReadHostd(Connection& connection) {
  std::array<std::uint8_t, 65536> buffer;
  ssize_t n = ::recv(connection.fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n == 0 || (n < 0 && errno != EAGAIN)) {
    connection.fd.reset();
    return;
  }
  if (n < 0) return;
  ByteView in = ByteView(buffer).first(static_cast<std::size_t>(n));
  while (!in.empty()) {
    auto taken = connection.reader.Feed(in);
    ASSERT_TRUE(taken) << taken.error().message;
    in = in.subspan(*taken);
    auto frame = connection.reader.Next();
    if (!frame) continue;
    auto message = report::DecodeToHostd(*frame);
    ASSERT_TRUE(message) << message.error().message;
    Take(connection, std::get<report::Decision>(*message));
  }
}

void Rig::Take(Connection& connection, const report::Decision& decision) {
  decisions_.push_back(decision);
  if (decision.serial == 0 || !records_) return;
  (void)WriteAll(connection.fd.get(),
                 report::Encode(report::FromHostd(report::Recorded{decision.serial})), 5s);
}

// --- the levels --------------------------------------------------------------------------------

bool Rig::HasArrived(const GuestFile& file) const {
  auto found = arrived_.find(file.id);
  return found != arrived_.end() && found->second.whole && found->second.begin.name == file.name &&
         found->second.content == file.content;
}

void Rig::WriteLow() {
  std::array<char, 4096> heard;
  ssize_t n = ::recv(low_.get(), heard.data(), heard.size(), MSG_DONTWAIT);
  if (n > 0) low_heard_ += static_cast<std::size_t>(n);
  if (n == 0) return low_.reset();
  while (low_sent_ < low_out_.size()) {
    n = ::send(low_.get(), low_out_.data() + low_sent_, low_out_.size() - low_sent_,
               MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n <= 0) return;
    low_sent_ += static_cast<std::size_t>(n);
  }
}

void Rig::ReadHigh() {
  static std::array<std::uint8_t, 262144> buffer;
  ssize_t n = ::recv(high_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n == 0 || (n < 0 && errno != EAGAIN)) return high_.reset();
  if (n < 0) return;
  ByteView in = ByteView(buffer).first(static_cast<std::size_t>(n));
  while (!in.empty()) {
    auto taken = high_reader_->Feed(in);
    ASSERT_TRUE(taken) << taken.error().message;
    in = in.subspan(*taken);
    auto frame = high_reader_->Next();
    if (!frame) continue;
    auto message = transfer::Decode(*frame);
    ASSERT_TRUE(message) << message.error().message;
    TakeHigh(*message);
  }
}

void Rig::TakeHigh(const transfer::Message& message) {
  if (auto* begin = std::get_if<transfer::Begin>(&message)) {
    arriving_ = begin->id;
    Arrived& a = arrived_[begin->id];
    a.begin = *begin;
    a.content.clear();
  } else if (auto* data = std::get_if<transfer::Data>(&message); data && arriving_) {
    arrived_[*arriving_].content += data->bytes;
  } else if (auto* end = std::get_if<transfer::End>(&message); end && arriving_) {
    Arrived& a = arrived_[*arriving_];
    EXPECT_EQ(Sha256Of(a.content), end->sha256);
    EXPECT_EQ(a.content.size(), a.begin.size);
    a.whole = true;
    ++a.times;
    if (high_settles_) Say(Half::kReceive, report::Settled{*arriving_});
    arriving_.reset();
  }
}

// --- the loop ----------------------------------------------------------------------------------

bool Rig::Until(const std::function<bool()>& done, std::chrono::milliseconds longest) {
  auto until = std::chrono::steady_clock::now() + longest;
  while (!done()) {
    if (std::chrono::steady_clock::now() > until) return false;
    Turn();
  }
  return true;
}

void Rig::Turn() {
  Superd();
  std::vector<pollfd> fds;
  auto watch = [&](const UniqueFd& fd, short events) { fds.push_back({fd.get(), events, 0}); };
  watch(hostd_listener_, POLLIN);
  watch(low_listener_, POLLIN);
  watch(high_listener_, POLLIN);
  watch(low_, static_cast<short>(POLLIN | (low_sent_ < low_out_.size() ? POLLOUT : 0)));
  watch(high_, static_cast<short>(high_reads_ ? POLLIN : 0));
  for (auto& connection : hostd_) watch(connection->fd, POLLIN);
  ::poll(fds.data(), fds.size(), 5);
  Accept();
  if (low_) WriteLow();
  if (high_ && high_reads_) ReadHigh();
  for (auto& connection : hostd_) ReadHostd(*connection);
  std::erase_if(hostd_, [](const auto& connection) { return !connection->fd; });
}

void Rig::Accept() {
  auto accept = [](const UniqueFd& listener) {
    if (!listener) return UniqueFd();
    auto fd = AcceptUnix(listener.get());
    return fd ? std::move(*fd) : UniqueFd();
  };
  // As QEMU: one client at a time; the next waits.
  if (!low_) {
    low_ = accept(low_listener_);
    if (low_) {
      ++low_connections_;
      if (!low_says_first_.empty()) low_out_ = low_says_first_, low_sent_ = 0;
    }
  }
  if (!high_) {
    high_ = accept(high_listener_);
    arriving_.reset();
    if (high_) {
      high_reader_ =
          std::make_unique<FrameReader>(transfer::kMaxPayload, transfer::StreamStart::kType);
    }
  }
  if (UniqueFd fd = accept(hostd_listener_)) {
    auto peer = PeerOf(fd.get());
    bool send = IsRoot() ? peer->uid == UidOf(Half::kSend) : peer->pid == Pid(Half::kSend);
    hostd_.push_back(
        std::make_unique<Connection>(send ? Half::kSend : Half::kReceive, std::move(fd)));
    if (!send && high_ready_) Say(Half::kReceive, report::GuestReady{});
  }
}

/// Restarts what died; a receiving half takes the sending half with it.
void Rig::Superd() {
  if (!restart_) return;
  bool receive_died = HasDied(Half::kReceive);
  bool send_died = HasDied(Half::kSend);
  if (receive_died && !send_died) Kill(Half::kSend), send_died = true;
  if (receive_died || send_died) ++restarts_;
  if (receive_died) Start(Half::kReceive);
  if (send_died) Start(Half::kSend);
}

}  // namespace bulkhead::diode
