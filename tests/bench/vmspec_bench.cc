// SPDX-License-Identifier: GPL-2.0-or-later
/// CheckSpec and its parts on sets of 100 and of 1,000 levels, with ten flows and a hundred network
/// rules each: the goal is 0.5 s and 200 MB for the larger, and a tenth of that for the smaller.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "vmspec/flow_check.h"
#include "vmspec/flow_graph.h"
#include "vmspec/spec.h"

namespace bulkhead::vmspec {
namespace {

/// Labels: ten ranks in each of twenty compartments.
constexpr int kRanks = 10;
constexpr int kCompartments = 20;
constexpr int kLabels = kRanks * kCompartments;

std::string N(int n) { return std::to_string(n); }

/// A set that checks clean. Levels i and i + kLabels have one label, and with it an uplink, a key
/// and a marked medium in common.
class Generator {
 public:
  explicit Generator(int levels) : levels_(levels) {}

  SpecFiles Make() {
    for (int i = 0; i < levels_; ++i) files_["levels/l" + N(i) + ".toml"] = LevelText(i);
    files_["flows.toml"] = FlowsText();
    files_["networks.toml"] = NetworksText();
    files_["devices.toml"] = DevicesText();
    files_["host.toml"] = "schema = 2\n[addresses]\nipv4 = \"10.64.0.0/10\"\n";
    return std::move(files_);
  }

 private:
  static int Rank(int i) { return i % kLabels / kCompartments; }
  static int Compartment(int i) { return i % kCompartments; }
  [[nodiscard]] int UsedLabels() const { return std::min(levels_, kLabels); }
  static std::string Label(int i) {
    return "{ rank = " + N(Rank(i)) + ", compartments = [\"c" + N(Compartment(i)) + "\"] }";
  }
  /// Another level of its compartment, `steps` ranks up or down, as far as there are any.
  [[nodiscard]] int Neighbour(int i, int steps) const {
    for (; steps != 0; steps -= steps > 0 ? 1 : -1) {
      int other = i % kLabels + steps * kCompartments;
      if (other >= 0 && other < UsedLabels()) return other;
    }
    return -1;
  }

  [[nodiscard]] std::string LevelText(int i) const {
    std::string label = N(i % kLabels);
    std::string text = "schema = 2\ntitle = \"Level " + N(i) + "\"\nlabel = " + Label(i) +
                       "\nimage = \"minimal\"\n[network]\nuplink = \"u" + label + "\"\nallow = [\n";
    for (int rule = 0; rule < 100; ++rule) {
      text += "  { to = \"10." + N(i % 250) + "." + N(rule) + ".0/24\", tcp = [443, " +
              N(1000 + rule) + "] },\n";
    }
    text +=
        "]\n[devices]\nstorage = { mode = \"manual\", write = true, marked-only = true }\n"
        "sound = \"automatic\"\nprinter = \"manual\"\n";
    if (int twin = i + kLabels; twin < levels_) {
      text += "[display]\nclipboard-out = [\"l" + N(twin) + "\"]\n";
    } else if (i >= kLabels) {
      text += "[display]\nclipboard-in = [\"l" + N(i - kLabels) + "\"]\n";
    }
    return text + "[[key]]\nkey = \"k" + label +
           "\"\noperations = [\"decrypt\", \"read-data\", \"write-data\"]\n";
  }

  std::string Flow(int n, int from, int to, const std::string& kind) {
    return "[flow.f" + N(n) + "]\nfrom = \"l" + N(from) + "\"\nto = \"l" + N(to) + "\"\nkind = \"" +
           kind + "\"\n";
  }

  std::string FlowsText() {
    std::string text = "schema = 2\n";
    for (int l = 0; l < UsedLabels(); ++l) {
      text += "[recipient.r" + N(l) + "]\ncertificate = \"sha256:" + Digest(l) + "\"\nkey = \"k" +
              N(l) + "\"\n";
    }
    for (int n = 0; n < levels_ * 10; ++n) {
      int from = n % levels_;
      int up = Neighbour(from, 1 + n / levels_ % 3);
      int down = Neighbour(from, -1 - n / levels_ % 3);
      bool seals = n / levels_ >= 7 || (up < 0 && levels_ <= kLabels);
      if (seals && down >= 0) {
        text += Flow(n, from, down, "encrypt") + "recipients = [\"r" + N(from % kLabels) + "\"]\n";
      } else if (n / levels_ == 6 && up >= 0) {
        text += Flow(n, from, up, "decrypt") + "decrypt-with = [\"k" + N(up) + "\"]\n";
      } else {
        text += Flow(n, from, up >= 0 ? up : (from + kLabels) % levels_, "transfer");
      }
    }
    return text;
  }

  static std::string Digest(int n) {
    std::string digits(64, '0');
    std::string tail = N(n);
    return digits.replace(64 - tail.size(), tail.size(), tail);
  }

  [[nodiscard]] std::string NetworksText() const {
    std::string text = "schema = 2\n";
    for (int l = 0; l < UsedLabels(); ++l) {
      text += "[uplink.u" + N(l) + "]\nkind = \"nat\"\ninterface = \"eth0\"\nvlan = " + N(l + 1) +
              "\nlabel = " + Label(l) + "\n";
    }
    return text;
  }

  [[nodiscard]] std::string DevicesText() const {
    std::string text = "schema = 2\n";
    for (int l = 0; l < UsedLabels(); ++l) {
      text += "[device.d" + N(l) + "]\nclass = [\"storage\"]\nserial = \"s" + N(l) +
              "\"\nlabel = " + Label(l) + "\n[key.k" + N(l) + "]\ntoken = \"t" + N(l) +
              "\"\nobject = \"o\"\n";
    }
    for (int i = 0; i < levels_ * 2; ++i) {
      text += "[[rule]]\naction = \"" + std::string(i % 2 == 0 ? "allow" : "deny") +
              "\"\nlevel = \"l" + N(i / 2) + "\"\nclass = \"storage\"\nserial = \"s" +
              N((i / 2 + i % 2) % kLabels) + "\"\n";
    }
    return text;
  }

  int levels_;
  SpecFiles files_;
};

const SpecFiles& FilesFor(int levels) {
  static std::map<int, SpecFiles> made;
  auto [place, is_new] = made.try_emplace(levels);
  if (is_new) place->second = Generator(levels).Make();
  return place->second;
}

double PeakMiB() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

void RequireClean(const SpecFiles& files, const CheckedSpec& checked) {
  if (checked.ok()) return;
  CheckedSpec first;
  for (const Diagnostic& d : checked.diagnostics) {
    if (!d.warning && first.diagnostics.size() < 3) first.diagnostics.push_back(d);
  }
  std::fputs(FormatDiagnostics(files, first, false).c_str(), stderr);
  std::exit(1);
}

std::size_t BytesOf(const SpecFiles& files) {
  std::size_t bytes = 0;
  for (const auto& [path, text] : files) bytes += text.size();
  return bytes;
}

void CheckWholeSet(benchmark::State& state) {
  const SpecFiles& files = FilesFor(static_cast<int>(state.range(0)));
  RequireClean(files, CheckSpec(files));
  for (auto _ : state) {
    CheckedSpec checked = CheckSpec(files);
    benchmark::DoNotOptimize(checked);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(BytesOf(files)));
  state.counters["peak_MiB"] = PeakMiB();
}
BENCHMARK(CheckWholeSet)->Arg(100)->Arg(1000)->Unit(benchmark::kMillisecond);

void BuildGraph(benchmark::State& state) {
  CheckedSpec checked = CheckSpec(FilesFor(static_cast<int>(state.range(0))));
  for (auto _ : state) {
    FlowGraph graph = FlowGraph::Build(checked.spec);
    benchmark::DoNotOptimize(graph);
  }
  state.counters["edges"] = static_cast<double>(FlowGraph::Build(checked.spec).edges().size());
}
BENCHMARK(BuildGraph)->Arg(100)->Arg(1000)->Unit(benchmark::kMillisecond);

void CheckGraph(benchmark::State& state) {
  CheckedSpec checked = CheckSpec(FilesFor(static_cast<int>(state.range(0))));
  FlowGraph graph = FlowGraph::Build(checked.spec);
  for (auto _ : state) {
    Verdict verdict = FindViolations(graph);
    benchmark::DoNotOptimize(verdict);
  }
}
BENCHMARK(CheckGraph)->Arg(100)->Arg(1000)->Unit(benchmark::kMillisecond);

/// Every level writes and reads any medium: 1,000 writers and 1,000 readers of 200 labels.
void RefuseSharedMedia(benchmark::State& state) {
  CheckedSpec checked = CheckSpec(FilesFor(static_cast<int>(state.range(0))));
  checked.spec.device_rules.clear();
  for (auto& [name, level] : checked.spec.levels) {
    level.Device(DeviceClass::kStorage).marked_only = false;
  }
  for (auto _ : state) {
    FlowGraph graph = FlowGraph::Build(checked.spec);
    Verdict verdict = FindViolations(graph);
    if (verdict.violations.size() != kMaxViolations) state.SkipWithError("not refused");
  }
}
BENCHMARK(RefuseSharedMedia)->Arg(100)->Arg(1000)->Unit(benchmark::kMillisecond);

/// Everybody may open everything: ciphertext has to be followed from each level.
void FollowCiphertext(benchmark::State& state) {
  CheckedSpec checked = CheckSpec(FilesFor(static_cast<int>(state.range(0))));
  for (auto& [name, flow] : checked.spec.flows) flow.decrypt_with.clear();
  FlowGraph graph = FlowGraph::Build(checked.spec);
  for (auto _ : state) {
    Verdict verdict = FindViolations(graph);
    benchmark::DoNotOptimize(verdict);
  }
  state.counters["violations"] = static_cast<double>(FindViolations(graph).violations.size());
}
BENCHMARK(FollowCiphertext)->Arg(100)->Arg(1000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace bulkhead::vmspec

BENCHMARK_MAIN();
