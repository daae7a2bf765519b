// SPDX-License-Identifier: GPL-2.0-or-later
/// bulkhead-superd: starts and keeps our services on a machine whose PID 1 does not.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "hostd/super/daemon.h"
#include "hostd/super/instance_lock.h"
#include "hostd/super/machine.h"

extern "C" char** environ;

namespace bulkhead::super {
namespace {

constexpr std::chrono::seconds kStopPatience{45};

struct Options {
  bool daemon = false;
  bool stop = false;
  bool status = false;
  bool instances = false;
  bool good = true;
  std::string libexec;
};

Options ParseOptions(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    std::string_view arg = argv[i];
    if (arg == "--daemon") {
      o.daemon = true;
    } else if (arg == "--stop") {
      o.stop = true;
    } else if (arg == "--status") {
      o.status = true;
    } else if (arg == "--instances") {
      o.instances = true;
    } else if (arg == "--libexec" && i + 1 < argc) {
      o.libexec = argv[++i];
    } else {
      o.good = false;
    }
  }
  return o;
}

void Say(const std::string& sentence) {
  std::fprintf(stderr, "bulkhead-superd: %s\n", sentence.c_str());
}

int Failed(const Error& error) {
  Say(error.message);
  return 1;
}

/// What our programs may know of ours: BULKHEAD_*, and what sanitizers read in test builds.
std::vector<std::string> HandedEnvironment() {
  std::vector<std::string> out;
  for (char** e = environ; *e != nullptr; ++e) {
    std::string_view entry = *e;
    bool ours = entry.starts_with("BULKHEAD_");
#if defined(__SANITIZE_ADDRESS__)
    ours = ours || entry.starts_with("ASAN_OPTIONS=") || entry.starts_with("UBSAN_OPTIONS=") ||
           entry.starts_with("LSAN_OPTIONS=");
#endif
    if (ours) out.emplace_back(entry);
  }
  return out;
}

int Stop(const Paths& paths) {
  auto s = StopRunning(paths.run + "/super/lock", kStopPatience);
  if (s || s.error().code == ErrorCode::kNotFound) return 0;
  return Failed(s.error());
}

int ShowStatus(const Paths& paths) {
  auto units = hostd::SuperClient(paths.SuperSocket()).GetStatus();
  if (!units) return Failed(units.error());
  for (const auto& u : *units) {
    std::string pid = u.pid == 0 ? "down" : std::to_string(u.pid);
    std::printf("%-40s %8s  restarts %u\n", u.unit.c_str(), pid.c_str(), u.restarts);
  }
  return 0;
}

/// A pipe from the daemon to the process that the caller waits for.
class Herald {
 public:
  /// Forks when `daemon`; in the parent, returns the exit status once the daemon has announced.
  static Result<std::optional<int>> Split(bool daemon, Herald& herald) {
    if (!daemon) return std::nullopt;
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) return FailErrno("pipe");
    UniqueFd reading(fds[0]);
    UniqueFd writing(fds[1]);
    pid_t pid = ::fork();
    if (pid < 0) return FailErrno("fork");
    if (pid == 0) {
      ::setsid();
      herald.pipe_ = std::move(writing);
      return std::nullopt;
    }
    writing.reset();
    return Listen(reading.get());
  }

  /// Empty: all is up. Then the daemon lets go of the terminal.
  void Announce(const std::string& failure) {
    if (!pipe_) {
      Say(failure.empty() ? "all services are up" : failure);
      return;
    }
    std::string message = failure.empty() ? "+" : "-" + failure;
    (void)!::write(pipe_.get(), message.data(), message.size());
    pipe_.reset();
    UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    for (int fd : {0, 1, 2}) ::dup2(null.get(), fd);
  }

 private:
  static int Listen(int fd) {
    std::string message;
    char buffer[1024];
    for (ssize_t n; (n = ::read(fd, buffer, sizeof buffer)) > 0;) {
      message.append(buffer, static_cast<std::size_t>(n));
    }
    if (message == "+") return 0;
    Say(message.empty() ? "it ended while starting" : message.substr(1));
    return 1;
  }

  UniqueFd pipe_;
};

int Serve(const Options& options, const Paths& paths) {
  if (auto s = MakeBaseFolders(paths); !s) return Failed(s.error());
  Herald herald;
  auto parent = Herald::Split(options.daemon, herald);
  if (!parent) return Failed(parent.error());
  if (*parent) return **parent;
  auto give_up = [&](const Error& error) {
    herald.Announce(error.message);
    return 1;
  };
  auto lock = TakeLock(paths.run + "/super/lock");
  if (!lock) return give_up(lock.error());
  Site site{.paths = paths,
            .duty = options.instances ? Duty::kInstances : Duty::kAll,
            .programs = Programs::Locate(options.libexec),
            .environment = HandedEnvironment(),
            .foreign_libvirt_socket = {}};
  auto daemon = Daemon::Create(std::move(site));
  if (!daemon) return give_up(daemon.error());
  (*daemon)->Run([&](const std::string& failure) { herald.Announce(failure); });
  return 0;
}

int Main(int argc, char** argv) {
  Options options = ParseOptions(argc, argv);
  if (!options.good) {
    Say("usage: bulkhead-superd [--daemon] [--instances] [--libexec DIR[:DIR...]] | --stop | "
        "--status");
    return 2;
  }
  if (::geteuid() != 0) {
    Say("it must be started by root: it gives each service its own user");
    return 1;
  }
  ::umask(022);
  Paths paths = Paths::FromEnvironment();
  if (options.stop) return Stop(paths);
  if (options.status) return ShowStatus(paths);
  return Serve(options, paths);
}

}  // namespace
}  // namespace bulkhead::super

int main(int argc, char** argv) { return bulkhead::super::Main(argc, argv); }
