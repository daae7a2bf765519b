// SPDX-License-Identifier: GPL-2.0-or-later
/// Bytes a second through both halves of a flow, from the sending level's socket until the
/// receiving half has each file verified and durable, beside `cp` with fsync and beside a plain
/// socat relay (UNIX socket, pipe, file, fsync) of the same bytes in the same run. socat gets all
/// files as one stream into one file with one fsync, and checks nothing.
///
/// diode_bench [SEND RECEIVE]: the programs, else those of this build.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "vmspec/base/file.h"
#include "vmspec/base/paths.h"
#include "vmspec/base/process_spec.h"
#include "vmspec/base/report_messages.h"
#include "vmspec/base/socket.h"
#include "vmspec/base/transfer_messages.h"

namespace {

using namespace bulkhead;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int kRounds = 10;

struct Load {
  const char* title;
  int files;
  std::size_t bytes_each;
  [[nodiscard]] double mib() const {
    return static_cast<double>(files) * static_cast<double>(bytes_each) / (1 << 20);
  }
};

template <typename T>
T Demand(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "diode_bench: %s\n", result.error().message.c_str());
  std::exit(1);
}
void Demand(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "diode_bench: %s\n", what);
  std::exit(1);
}

void Append(Bytes& to, const Bytes& more) { to.insert(to.end(), more.begin(), more.end()); }

Bytes ContentOf(const Load& load, int file) {
  Bytes content(load.bytes_each);
  std::uint32_t state = static_cast<std::uint32_t>(file) + 1;
  for (auto& byte : content) {
    state = state * 1664525u + 1013904223u;
    byte = static_cast<std::uint8_t>(state >> 24);
  }
  return content;
}

Bytes FramesOf(const Bytes& content, int file, int round) {
  transfer::Begin begin;
  begin.id = {static_cast<std::uint8_t>(file), static_cast<std::uint8_t>(round), 1};
  begin.name = "file-" + std::to_string(file);
  begin.size = content.size();
  Bytes all = transfer::Encode(transfer::Message(begin));
  for (std::size_t at = 0; at < content.size(); at += transfer::kMaxData) {
    std::size_t n = std::min<std::size_t>(transfer::kMaxData, content.size() - at);
    auto first = content.begin() + static_cast<std::ptrdiff_t>(at);
    Append(all, transfer::Encode(transfer::Message(
                    transfer::Data{Bytes(first, first + static_cast<std::ptrdiff_t>(n))})));
  }
  Append(all, transfer::Encode(transfer::Message(transfer::End{Sha256Of(content)})));
  return all;
}

Child Run(std::vector<std::string> argv, std::vector<std::string> env = {},
          std::vector<std::pair<int, int>> fds = {}) {
  ProcessSpec spec;
  spec.argv = std::move(argv);
  spec.env = std::move(env);
  spec.fds = std::move(fds);
  spec.run_as = RunAs::Unchanged();
  spec.inherit_output = false;
  return Demand(Spawn(spec));
}

void Wait(const Child& child, const char* what) {
  int status = 0;
  ::waitpid(child.pid, &status, 0);
  Demand(WIFEXITED(status) && WEXITSTATUS(status) == 0, what);
}

void SyncFile(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  Demand(fd.valid() && ::fsync(fd.get()) == 0, "fsync");
}

/// Sends all, without waiting for whoever reads.
void SendAll(int fd, const Bytes& bytes) {
  Demand(WriteAll(fd, bytes, 120s).has_value(), "the reader is gone");
}

class Bench {
 public:
  Bench(std::string folder, std::string send, std::string receive)
      : folder_(std::move(folder)), send_(std::move(send)), receive_(std::move(receive)) {}

  double Cp(const Load& load);
  double Socat(const Load& load);
  double Diode(const Load& load);

 private:
  std::string Fresh(const std::string& name) {
    std::string path = folder_ + "/" + name;
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
    return path;
  }
  std::string folder_, send_, receive_;
  int round_ = 0;
};

double Seconds(Clock::time_point since) {
  return std::chrono::duration<double>(Clock::now() - since).count();
}

double Bench::Cp(const Load& load) {
  std::string from = Fresh("from"), to = Fresh("to");
  std::vector<std::string> argv = {"/bin/cp"};
  for (int i = 0; i < load.files; ++i) {
    argv.push_back(from + "/" + std::to_string(i));
    Bytes content = ContentOf(load, i);
    std::string text(content.begin(), content.end());
    Demand(WriteFileAtomically(argv.back(), text, 0600).has_value(), "write");
  }
  argv.push_back(to);
  auto start = Clock::now();
  Wait(Run(argv), "cp failed");
  for (int i = 0; i < load.files; ++i) SyncFile(to + "/" + std::to_string(i));
  return Seconds(start);
}

double Bench::Socat(const Load& load) {
  std::string to = Fresh("socat");
  Bytes all;
  for (int i = 0; i < load.files; ++i) Append(all, ContentOf(load, i));
  UniqueFd listener = Demand(ListenUnix(to + "/sock", 0600));
  int ends[2];
  Demand(::pipe2(ends, O_CLOEXEC) == 0, "pipe");
  UniqueFd read_end(ends[0]), write_end(ends[1]);
  Child first = Run({"/usr/bin/socat", "-u", "UNIX-CONNECT:" + to + "/sock", "STDOUT"}, {},
                    {{write_end.get(), 1}});
  Child second =
      Run({"/usr/bin/socat", "-u", "STDIN", "CREATE:" + to + "/file"}, {}, {{read_end.get(), 0}});
  write_end.reset();
  read_end.reset();
  pollfd p{listener.get(), POLLIN, 0};
  Demand(::poll(&p, 1, 10'000) == 1, "socat does not connect");
  UniqueFd guest = Demand(AcceptUnix(listener.get()));
  auto start = Clock::now();
  SendAll(guest.get(), all);
  guest.reset();
  Wait(first, "socat failed");
  Wait(second, "socat failed");
  SyncFile(to + "/file");
  double seconds = Seconds(start);
  Demand(std::filesystem::file_size(to + "/file") == all.size(), "socat lost bytes");
  return seconds;
}

/// Answers both halves' questions until so many files are published.
class Hostd {
 public:
  explicit Hostd(const std::string& path) : listener_(Demand(ListenUnix(path, 0600))) {}

  [[nodiscard]] std::size_t connections() const { return peers_.size(); }
  [[nodiscard]] int published() const { return published_; }

  /// One turn; sends of `bytes` to `guest` what it takes.
  void Turn(int guest, ByteView& bytes) {
    std::vector<pollfd> fds = {{listener_.get(), POLLIN, 0},
                               {guest, static_cast<short>(bytes.empty() ? 0 : POLLOUT), 0}};
    for (auto& peer : peers_) fds.push_back({peer->fd.get(), POLLIN, 0});
    ::poll(fds.data(), fds.size(), 1000);
    if (fds[1].revents & POLLOUT) {
      ssize_t n = ::send(guest, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n > 0) bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    for (auto& peer : peers_) Read(*peer);
    UniqueFd fd = Demand(AcceptUnix(listener_.get()));
    if (fd) peers_.push_back(std::make_unique<Peer>(std::move(fd)));
  }

 private:
  struct Peer {
    explicit Peer(UniqueFd socket) : fd(std::move(socket)) {}
    UniqueFd fd;
    FrameReader reader{report::kReportMaxPayload};
  };
  void Read(Peer& peer) {
    std::array<std::uint8_t, 65536> buffer;
    ssize_t n = ::recv(peer.fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    ByteView in = ByteView(buffer).first(n > 0 ? static_cast<std::size_t>(n) : 0);
    while (!in.empty()) {
      in = in.subspan(Demand(peer.reader.Feed(in)));
      auto frame = peer.reader.Next();
      if (!frame) continue;
      auto decision = std::get<report::Decision>(Demand(report::DecodeToHostd(*frame)));
      Demand(decision.verdict != report::Decision::kRefused, decision.reason.c_str());
      if (decision.verdict == report::Decision::kPublished) ++published_;
      if (decision.serial == 0) continue;
      SendAll(peer.fd.get(), report::Encode(report::FromHostd(report::Recorded{decision.serial})));
    }
  }
  UniqueFd listener_;
  std::vector<std::unique_ptr<Peer>> peers_;
  int published_ = 0;
};

double Bench::Diode(const Load& load) {
  std::string root = Fresh("diode");
  Paths paths;
  paths.run = root + "/run";
  paths.state = root + "/state";
  for (const auto& folder :
       {paths.ChannelDir("low", "out.up"), paths.ChannelDir("high", "in.up"), paths.run + "/hostd",
        paths.run + "/flows/up", paths.FlowSpool("up", "send"), paths.FlowSpool("up", "receive")}) {
    std::filesystem::create_directories(folder);
  }
  Demand(::mkfifo(paths.FlowPipe("up").c_str(), 0600) == 0, "mkfifo");
  Bytes all;
  for (int i = 0; i < load.files; ++i) Append(all, FramesOf(ContentOf(load, i), i, round_));
  ++round_;
  Hostd hostd(paths.ReportSocket());
  UniqueFd listener = Demand(ListenUnix(paths.ChannelSocket("low", "out.up"), 0600));
  auto half = [&](const std::string& program, const char* level, const char* option,
                  const char* peer) {
    return Run({program, "--flow", "up", "--level", level, option, peer, "--max-file", "1073741824",
                "--quota", "4294967296", "--max-files", "1000"},
               {"BULKHEAD_RUN_DIR=" + paths.run, "BULKHEAD_STATE_DIR=" + paths.state});
  };
  Child receive = half(receive_, "high", "--from", "low");
  Child send = half(send_, "low", "--to", "high");
  pollfd p{listener.get(), POLLIN, 0};
  Demand(::poll(&p, 1, 10'000) == 1, "the sending half does not connect");
  UniqueFd guest = Demand(AcceptUnix(listener.get()));
  ByteView rest;
  while (hostd.connections() < 2) hostd.Turn(guest.get(), rest);
  auto start = Clock::now();
  rest = all;
  while (hostd.published() < load.files) hostd.Turn(guest.get(), rest);
  double seconds = Seconds(start);
  for (pid_t pid : {send.pid, receive.pid}) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  return seconds;
}

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

void Compare(Bench& bench, const Load& load) {
  std::vector<double> cp, socat, diode;
  for (int round = 0; round < kRounds; ++round) {
    cp.push_back(bench.Cp(load));
    socat.push_back(bench.Socat(load));
    diode.push_back(bench.Diode(load));
  }
  double d = Median(diode), c = Median(cp), s = Median(socat);
  std::printf(
      "%-14s  diode %7.1f MiB/s   cp + fsync %7.1f MiB/s   socat %7.1f MiB/s   "
      "diode/cp %.2f   diode/socat %.2f\n",
      load.title, load.mib() / d, load.mib() / c, load.mib() / s, c / d, s / d);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  std::string folder = "/var/tmp/bulkhead-diode-bench-" + std::to_string(::getpid());
  std::filesystem::create_directories(folder);
  Bench bench(folder, argc == 3 ? argv[1] : BULKHEAD_DIODE_SEND,
              argc == 3 ? argv[2] : BULKHEAD_DIODE_RECEIVE);
  Compare(bench, {"64 x 1 MiB", 64, 1 << 20});
  Compare(bench, {"1 x 256 MiB", 1, 256 << 20});
  std::filesystem::remove_all(folder);
  return 0;
}
