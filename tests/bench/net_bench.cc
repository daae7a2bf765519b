// SPDX-License-Identifier: GPL-2.0-or-later
/// One level's policy change beside nft(8), turn by turn in one run, with 1, 100 and 1,000 levels
/// loaded. `net_bench [ROUNDS [LEVELS...]]`, as root. Three network namespaces of its own hold the
/// same levels, for the code alone, for netd and for nft, so that none disturbs what another
/// measures.
///
///   rules      NftSink: read what is there, commit the difference
///   netd       NetdClient to a real bulkhead-netd: rules, tap, addresses, settings, connections
///   nft level  `nft -f` of the one level's chains
///   nft all    `nft -f` of the whole ruleset, as firewalls that are files do it
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "netpolicy/netd_client.h"
#include "netpolicy/nft_sink.h"
#include "netpolicy/ruleset_compiler.h"
#include "netpolicy/ruleset_text.h"
#include "netpolicy/tap.h"
#include "vmspec/base/identity.h"
#include "vmspec/base/paths.h"
#include "vmspec/base/process_spec.h"

namespace bulkhead::netpolicy {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kDeadline{10};

/// A benchmark that cannot set up has nothing to say.
void Need(const Status& status) {
  if (status) return;
  std::fprintf(stderr, "net_bench: %s\n", status.error().message.c_str());
  std::exit(1);
}
template <typename T>
T Need(Result<T> result) {
  if (!result) Need(Status(std::unexpected(result.error())));
  return std::move(*result);
}

std::string LevelName(std::uint32_t index) { return "l" + std::to_string(index); }

/// Levels as in vmspec/examples: a handful of rules each. `port` is what a change changes.
LevelPolicy PolicyOf(std::uint32_t index, std::uint16_t port) {
  using vmspec::Protocol;
  auto rule = [](Protocol protocol, const char* to, std::vector<vmspec::PortRange> ports,
                 std::uint32_t line) {
    return vmspec::NetRule{.protocol = protocol,
                           .to = *vmspec::ParsePrefix(to),
                           .ports = std::move(ports),
                           .origin = {"levels/l.toml", line, 1, 1}};
  };
  vmspec::SpecSet spec;
  spec.host.pool4 = *vmspec::ParsePrefix("10.0.0.0/8");
  spec.host.pool6 = *vmspec::ParsePrefix("fd77::/64");
  spec.uplinks["office"] = {.name = "office", .interface = "up0"};
  vmspec::Level& level = spec.levels[LevelName(index)];
  level.name = LevelName(index);
  level.network.uplink = "office";
  level.network.allow = {rule(Protocol::kTcp, "192.0.2.0/24", {{port, port}, {8000, 8010}}, 11),
                         rule(Protocol::kUdp, "2001:db8::53", {{53, 53}}, 12),
                         rule(Protocol::kIcmp, "192.0.2.0/24", {}, 13),
                         rule(Protocol::kAny, "198.51.100.7", {}, 15)};
  return *Need(CompileLevel(spec, level.name, index));
}

class Namespace {
 public:
  Namespace() {
    UniqueFd before = Current();
    if (::unshare(CLONE_NEWNET) != 0) Need(FailErrno("make a network namespace"));
    own_ = Current();
    Need(CreateTap("up0", 0, 0));
    if (::setns(before.get(), CLONE_NEWNET) != 0) Need(FailErrno("leave the namespace"));
  }
  void Enter() const {
    if (::setns(own_.get(), CLONE_NEWNET) != 0) Need(FailErrno("enter the namespace"));
  }

 private:
  static UniqueFd Current() {
    return UniqueFd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  }
  UniqueFd own_;
};

/// A bulkhead-netd of the current namespace; gone with this object.
class Netd {
 public:
  explicit Netd(const std::string& run) : run_(run) {
    Paths paths;
    paths.run = run;
    socket_ = paths.NetdSocket();
    std::filesystem::create_directories(run + "/netd");
    ProcessSpec spec;
    spec.argv = {BULKHEAD_NETD};
    spec.env = {"BULKHEAD_RUN_DIR=" + run};
    spec.run_as = RunAs::Unchanged();
    child_ = Need(Spawn(spec));
    for (int i = 0; i < 500 && ::access(socket_.c_str(), F_OK) != 0; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  ~Netd() {
    ::kill(child_.pid, SIGTERM);
    ::waitpid(child_.pid, nullptr, 0);
  }
  Netd(const Netd&) = delete;
  Netd& operator=(const Netd&) = delete;
  [[nodiscard]] NetdClient Client() const { return NetdClient(socket_); }

 private:
  std::string run_, socket_;
  Child child_;
};

void RunNft(const std::string& file) {
  ProcessSpec spec;
  spec.argv = {"/usr/sbin/nft", "-f", file};
  spec.env = {"LC_ALL=C"};
  spec.run_as = RunAs::Unchanged();
  Child child = Need(Spawn(spec));
  int status = -1;
  ::waitpid(child.pid, &status, 0);
  if (status != 0) Need(Fail(ErrorCode::kInternal, "nft refused " + file));
}

/// Both variants of every script lie ready: nft's time is not spent on our printing.
std::string Script(const std::string& folder, const std::string& name, const std::string& text) {
  std::string path = folder + "/" + name;
  std::ofstream(path) << text;
  return path;
}

std::string WholeText(std::uint32_t levels, std::uint32_t changed, std::uint16_t port) {
  std::vector<LevelPolicy> policies;
  for (std::uint32_t i = 1; i <= levels; ++i)
    policies.push_back(PolicyOf(i, i == changed ? port : 80));
  return "table inet bulkhead\ndelete table inet bulkhead\n"
         "table netdev bulkhead\ndelete table netdev bulkhead\n" +
         RulesetText(CompileRuleset(policies));
}

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

double Timed(const std::function<void()>& work) {
  auto began = Clock::now();
  work();
  return std::chrono::duration<double, std::milli>(Clock::now() - began).count();
}

struct Row {
  const char* name;
  std::function<void(std::uint16_t port)> change;
  std::vector<double> milliseconds = {};
};

void PutRules(NftSink& sink, const LevelPolicy& policy) {
  Generation now = Need(sink.CurrentGeneration());
  Need(sink.PutLevel(CompileRules(policy), now, kDeadline));
}

/// Turn by turn, each turn a real change: the port goes to and fro.
void Measure(std::vector<Row>& rows, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    auto port = static_cast<std::uint16_t>(round % 2 == 0 ? 81 : 80);
    for (Row& row : rows) row.milliseconds.push_back(Timed([&] { row.change(port); }));
  }
}

void Print(std::uint32_t levels, const std::vector<Row>& rows) {
  double ours = Median(rows[0].milliseconds);
  for (const Row& row : rows) {
    auto [least, most] = std::ranges::minmax(row.milliseconds);
    double median = Median(row.milliseconds);
    std::printf("%5u  %-10s median %9.2f ms   min %9.2f   max %9.2f   %8.2f x rules\n", levels,
                row.name, median, least, most, median / ours);
  }
  std::printf(
      "{\"bench\": \"net-change\", \"levels\": %u, \"rules_ms\": %.3f, \"netd_ms\": %.3f, "
      "\"nft_level_ms\": %.3f, \"nft_all_ms\": %.3f}\n",
      levels, ours, Median(rows[1].milliseconds), Median(rows[2].milliseconds),
      Median(rows[3].milliseconds));
  std::fflush(stdout);
}

/// Enters the namespace too.
void MakeTaps(const Namespace& where, std::uint32_t levels) {
  where.Enter();
  for (std::uint32_t i = 1; i <= levels; ++i) {
    Need(CreateTap(PolicyOf(i, 80).link.interface, LevelUid(i), LevelUid(i)));
  }
}

void Bench(const std::string& folder, std::uint32_t levels, int rounds) {
  const std::uint32_t changed = (levels + 1) / 2;
  Namespace bare, ours, theirs;
  MakeTaps(bare, levels);
  NftSink sink = Need(NftSink::Open());
  for (std::uint32_t i = 1; i <= levels; ++i) PutRules(sink, PolicyOf(i, 80));
  ours.Enter();
  Netd netd(folder + "/" + std::to_string(levels));
  NetdClient client = netd.Client();
  double loading = Timed([&] {
    for (std::uint32_t i = 1; i <= levels; ++i) Need(client.Apply(PolicyOf(i, 80)));
  });
  std::printf("%5u  netd set up all levels in %.1f s\n", levels, loading / 1000);

  std::string all[2], one[2];
  for (std::uint16_t v : {0, 1}) {
    auto port = static_cast<std::uint16_t>(80 + v);
    std::string tag = std::to_string(levels) + "-" + std::to_string(v);
    all[v] = Script(folder, "all-" + tag, WholeText(levels, changed, port));
    one[v] = Script(folder, "one-" + tag, LevelChangeText(CompileRules(PolicyOf(changed, port))));
  }
  MakeTaps(theirs, levels);
  RunNft(all[0]);

  std::vector<Row> rows = {
      {"rules", [&](std::uint16_t port) { PutRules(sink, PolicyOf(changed, port)); }},
      {"netd", [&](std::uint16_t port) { Need(client.Apply(PolicyOf(changed, port))); }},
      {"nft level", [&](std::uint16_t port) { RunNft(one[port - 80]); }},
      {"nft all", [&](std::uint16_t port) { RunNft(all[port - 80]); }},
  };
  Measure(rows, rounds);
  Print(levels, rows);
}

int Main(int argc, char** argv) {
  std::vector<std::uint32_t> numbers;
  for (int i = 1; i < argc; ++i) {
    numbers.push_back(static_cast<std::uint32_t>(std::strtoul(argv[i], nullptr, 10)));
    if (numbers.back() < 1 || numbers.back() > kMaxLevelIndex) {
      std::fputs("usage: net_bench [ROUNDS [LEVELS...]]\n", stderr);
      return 2;
    }
  }
  int rounds = numbers.empty() ? 15 : static_cast<int>(numbers[0]);
  std::vector<std::uint32_t> sizes = {1, 100, 1000};
  if (numbers.size() > 1) sizes.assign(numbers.begin() + 1, numbers.end());
  char folder[] = "/tmp/bulkhead-net-bench-XXXXXX";
  if (::mkdtemp(folder) == nullptr) Need(FailErrno("make a folder"));
  std::printf("change of one level's policy, %d rounds, turn by turn\n", rounds);
  for (std::uint32_t levels : sizes) Bench(folder, levels, rounds);
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace bulkhead::netpolicy

int main(int argc, char** argv) { return bulkhead::netpolicy::Main(argc, argv); }
